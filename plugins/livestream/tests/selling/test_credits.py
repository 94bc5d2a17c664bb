"""Credits: what a seller's streams cost, how they are got, and what happens without."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from marketcore.disputes.services import DisputeService
from marketcore.interfaces import DisputeReport
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore_livestream.metering_rules import slots_begun
from marketcore_livestream.purchases import income

from .stage import Person, kes, ok, refused

HALF_HOUR = timedelta(minutes=30)


@pytest.fixture(scope="module")
def admin(stage):
    return Person(stage, "admin")


def kinds(seller):
    """Return a seller's history, oldest first, as (kind, change, balance)."""
    items = seller.get("/livestreams/credits/history")["items"]
    return [(item["kind"], item["change"], item["balance"]) for item in reversed(items)]


def earned(stage):
    """Return what the platform has earned by credits, in minor units."""
    return stage.market.perform(lambda request: request.find_service(LedgerService).balance(income("KES"))).posted_minor


def test_S5_one_credit_is_free_on_verification_and_only_once_in_a_life(stage):
    seller = stage.seller(credits=0)
    assert seller.get("/livestreams/credits") == {
        "balance": 0,
        "needed": True,
        "slot_minutes": 30,
        "prices": [kes(50)],
    }
    for verified in (False, True, True, False, True):
        stage.verify(seller, verified=verified)
    assert (seller.credits, kinds(seller)) == (1, [("welcome", 1, 1)])


def test_S5_a_stream_without_a_credit_does_not_start_and_the_first_is_taken_at_the_start(stage):
    seller = stage.seller(credits=0)
    stream = stage.plan(seller)
    assert refused(stage.start(seller, stream), 409, "no-credits")["balance"] == 0
    assert stage.stream_state(stream) == ("scheduled", None)
    stage.give(seller, 1)
    ok(stage.start(seller, stream))
    assert (seller.credits, stage.slots(stream)) == (0, [0])
    refused(stage.start(seller, stream), 409, "conflict")
    ok(seller.post(f"/livestreams/{stream['id']}/end"))
    assert (seller.credits, stage.slots(stream)) == (0, [0])


def test_S5_a_credit_is_consumed_for_each_started_half_hour_once(stage):
    seller, stream = stage.on_air(credits=4)
    stage.travel(minutes=29)
    stage.meter()
    assert stage.slots(stream) == [0]
    stage.travel(minutes=2)
    for _again in range(3):
        stage.meter()
    assert (stage.slots(stream), seller.credits) == ([0, 1], 2)
    stage.travel(minutes=30)
    ok(seller.post(f"/livestreams/{stream['id']}/end"))
    assert (stage.slots(stream), seller.credits) == ([0, 1, 2], 1)
    stage.travel(hours=1)
    stage.meter()
    assert seller.credits == 1
    taken = [item for item in seller.get("/livestreams/credits/history")["items"] if item["kind"] == "slot"]
    assert [(item["stream_id"], item["slot"]) for item in taken] == [(stream["id"], slot) for slot in (2, 1, 0)]


def test_S5_a_worker_that_was_away_for_an_hour_catches_up_and_nobody_owes_anything(stage):
    rich, long = stage.on_air(credits=5)
    poor, short = stage.on_air(credits=2)
    stage.travel(minutes=65)
    stage.meter()
    assert (stage.slots(long), rich.credits, stage.stream_state(long)) == ([0, 1, 2], 2, ("live", None))
    assert (stage.slots(short), poor.credits, stage.stream_state(short)) == ([0, 1], 0, ("ended", "no_credits"))


def test_S5_a_stream_that_runs_out_ends_after_a_warning_with_what_is_open_sold(stage, live):
    seller, stream = stage.on_air()
    (buyer,) = stage.buyers(1)
    session = stage.open(seller, stream)
    ok(buyer.bid(session, 150), 201)
    with seller.socket(f"user:{seller.id}") as own, buyer.socket(f"stream:{stream['id']}") as crowd:
        stage.travel(minutes=24)
        stage.meter()
        stage.travel(seconds=90)
        for _again in range(2):
            stage.meter()
        low = own.event("livestream.credits_low")
        assert crowd.event("stream.ending_soon") == low
        assert abs(datetime.fromisoformat(low["ends_at"]) - stage.now() - timedelta(seconds=270)) < timedelta(
            seconds=30
        )
        stage.travel(minutes=5)
        stage.meter()
        assert crowd.event("stream.ended")["reason"] == "no_credits"
        assert crowd.event("stream.session_closed")["outcome"] == "sold"
    told = [item["type"] for item in seller.get("/users/me/notifications")["items"]]
    assert told == ["livestream.ended", "livestream.credits_low"]
    assert (seller.credits, [item["listing_id"] for item in buyer.cart]) == (0, [session["id"]])


def test_S5_a_credit_that_comes_after_the_warning_lets_the_stream_go_on(stage):
    seller, stream = stage.on_air()
    stage.travel(minutes=27)
    stage.meter()
    stage.give(seller, 2)
    stage.travel(minutes=31)
    stage.meter()
    assert (stage.stream_state(stream), stage.slots(stream), seller.credits) == (("live", None), [0, 1], 1)
    stage.travel(minutes=30)
    stage.meter()
    stage.meter()
    told = [item["type"] for item in seller.get("/users/me/notifications")["items"]]
    assert (told, stage.slots(stream)) == (["livestream.credits_low"] * 2, [0, 1, 2])


def test_S5_credits_are_bought_through_any_provider_once_per_payment(stage, admin):
    before = earned(stage)
    for provider in ("wallet", "bank_transfer"):
        seller = stage.seller(credits=0)
        stage.fill(seller, 500)
        purchase = ok(seller.post("/livestreams/credits/purchases", credits=3, currency="KES"), 201)
        assert (purchase["price"], purchase["paid_at"], seller.credits) == (kes(150), None, 0)
        paying = {"purpose": "stream_credits", "reference": purchase["id"], "provider": provider}
        payment = seller.post("/payments", **paying).json()
        if payment["state"] == "pending":
            path, proof = f"/payments/{payment['id']}/confirmation", {"amount": kes(150), "receipt": payment["code"]}
            for _again in range(2):
                ok(admin.post(path, **proof))
        assert kinds(seller) == [("purchase", 3, 3)]
        refused(seller.post("/payments", **paying), 409, "conflict")
        refused(stage.anybody.post("/payments", **paying), 404, "not-found")
        assert seller.get(f"/livestreams/credits/purchases/{purchase['id']}")["payment_id"] == payment["id"]
    assert earned(stage) - before == 30_000
    answer = seller.post("/livestreams/credits/purchases", credits=3, currency="USD")
    assert list(refused(answer, 422, "invalid")["errors"]) == ["currency"]


def test_S5_a_refund_takes_unused_credits_back_and_a_dispute_what_is_there(stage, admin):
    seller = stage.seller(credits=0)
    stage.fill(seller, 500)
    purchase = ok(seller.post("/livestreams/credits/purchases", credits=4), 201)
    path = f"/livestreams/credits/purchases/{purchase['id']}/refunds"
    refused(admin.post(path, reason="too early"), 409, "conflict")
    paying = {"purpose": "stream_credits", "reference": purchase["id"], "provider": "wallet"}
    payment = seller.post("/payments", **paying).json()
    ok(stage.start(seller, stage.plan(seller)))
    refused(seller.post(path, reason="mine"), 403, "forbidden")
    refused(admin.post(path, credits=4, reason="one is used"), 409, "conflict")
    assert ok(admin.post(path, credits=1, reason="asked for"), 201)["amount"] == kes(50)
    assert (seller.credits, kinds(seller)[-1]) == (2, ("refund", -1, 2))

    def report(state):
        claim = DisputeReport("dp_credits", state, Money(15_000, "KES"), UUID(payment["id"]))
        stage.market.perform(lambda request: request.find_service(DisputeService).apply("wallet", claim))
        return seller.credits

    assert (report("open"), report("won")) == (0, 2)
    assert kinds(seller)[-2:] == [("contested", -2, 0), ("restored", 2, 2)]


def test_S5_an_admin_grants_credits_which_is_written_down(stage, admin):
    seller = stage.seller(credits=0)
    body = {"seller_id": seller.id, "credits": 5, "note": "for the fair"}
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for _again in range(2):
        answer = admin.http.post("/api/v1/livestreams/credits/grants", json=body, headers=headers)
        assert ok(answer, 201) == {"seller_id": seller.id, "balance": 5}
    refused(seller.post("/livestreams/credits/grants", **body), 403, "forbidden")
    refused(admin.post("/livestreams/credits/grants", **body | {"seller_id": stage.anybody.id}), 404, "not-found")
    audited = "SELECT actor FROM audit_log WHERE act = 'credits.grant' AND subject_id = :id"
    assert [row.actor for row in stage.market.query(audited, id=str(seller.id))] == [f"user:{admin.id}"]


def test_S5_the_history_of_credits_is_append_only_and_no_balance_falls_below_zero(stage):
    seller, _stream = stage.on_air(credits=1)
    for sql in (
        "UPDATE livestream_credit_entries SET change = 9 WHERE seller_id = :id",
        "DELETE FROM livestream_credit_entries WHERE seller_id = :id",
        "UPDATE livestream_credit_accounts SET balance = -1 WHERE seller_id = :id",
    ):
        with pytest.raises(DBAPIError):
            stage.market.query(sql, id=seller.id)


@pytest.mark.parametrize(
    ("elapsed", "begun"),
    [
        (timedelta(0), 1),
        (timedelta(microseconds=1), 1),
        (HALF_HOUR, 1),
        (HALF_HOUR + timedelta(microseconds=1), 2),
        (3 * HALF_HOUR, 3),
        (timedelta(hours=1, minutes=5), 3),
    ],
)
def test_S5_a_slot_counts_from_its_first_moment_on(elapsed, begun):
    assert slots_begun(elapsed, HALF_HOUR) == begun
