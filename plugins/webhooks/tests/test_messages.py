"""Facts become messages in the transaction in which they happen, for those whom they concern."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from marketcore.events import (
    DisputeChanged,
    EmailVerified,
    MoneySetAside,
    PaymentCaptured,
    PaymentFailed,
    PayoutChanged,
    RefundChanged,
    SellerVerified,
    UserBlocked,
    UserRegistered,
)
from marketcore.exceptions import Conflict
from marketcore.money import Money
from marketcore.payments.models import Payment
from marketcore.testing.shop import Shop
from marketcore_webhooks.rules.messages import FACTS, LARGEST_BODY, TYPES, body_of
from marketcore_webhooks.subscribers import write_message

from .owners import Owner

URL = "http://127.0.0.1:9/hook"


class Trade(Shop):
    """A shop whose seller and buyer listen to different things."""

    def __init__(self, market):
        super().__init__(market)
        self.seller_hook = self.seller.post("/api/v1/webhook-endpoints", json={"url": URL}).json()
        self.buyer_hook = self.buyer.post("/api/v1/webhook-endpoints", json={"url": URL}).json()


def told(market, endpoint):
    rows = market.query(
        """SELECT m.type, m.body FROM webhooks_messages m JOIN webhooks_deliveries d ON d.message_id = m.id
           WHERE d.endpoint_id = :id ORDER BY m.id""",
        id=endpoint["id"],
    )
    return [(row.type, json.loads(bytes(row.body))) for row in rows]


def messages(market):
    return market.query("SELECT count(*) FROM webhooks_messages")[0][0]


@pytest.fixture
def trade(hooks):
    return Trade(hooks)


def new_payment(market, user_id):
    payment_id = uuid.uuid4()
    row = {"id": payment_id, "code": payment_id.hex[:12], "user_id": user_id, "purpose": "checkout", "reference": "77"}
    amount = {"provider": "mpesa", "currency": "KES", "amount_minor": 50_000, "state": "failed"}
    with market.work() as request:
        request.db.add(Payment(**row, **amount, expires_at=datetime.now(UTC)))
    return payment_id


def test_both_sides_of_an_order_are_told_of_it_and_nobody_else(trade, hooks):
    bystander = Owner(hooks)
    quiet = bystander.add(URL)
    placed = trade.check_out()
    for hook in (trade.seller_hook, trade.buyer_hook):
        kinds = [(kind, body["data"]["state"]) for kind, body in told(hooks, hook)]
        assert kinds == [("order.placed", "pending_payment")]
        (_kind, body) = told(hooks, hook)[0]
        assert body["data"]["order_id"] == placed["orders"][0]["id"]
    assert told(hooks, quiet) == []


def test_each_step_of_an_order_is_a_message_of_its_own_type(trade, hooks):
    trade.step(trade.buyer, "cancelled")
    ((kind, body),) = told(hooks, trade.seller_hook)
    assert kind == body["type"] == "order.cancelled"
    assert body["data"] == {"order_id": trade.order_id, "state": "cancelled", "previous": "pending_payment"}
    assert body["timestamp"].endswith("Z")
    assert datetime.fromisoformat(body["timestamp"]).tzinfo


def test_one_message_serves_every_endpoint_and_its_bytes_are_made_once(trade, hooks):
    second = trade.seller.post("/api/v1/webhook-endpoints", json={"url": URL}).json()
    before = messages(hooks)
    trade.step(trade.buyer, "cancelled")
    assert messages(hooks) == before + 1
    assert told(hooks, trade.seller_hook) == told(hooks, trade.buyer_hook) == told(hooks, second)


def test_an_endpoint_is_told_only_of_the_types_it_asks_for(trade, hooks):
    path = f"/api/v1/webhook-endpoints/{trade.seller_hook['id']}"
    trade.seller.patch(path, json={"event_types": ["order.cancelled"]})
    trade.buyer.patch(f"/api/v1/webhook-endpoints/{trade.buyer_hook['id']}", json={"event_types": ["order.paid"]})
    trade.check_out()
    trade.step(trade.buyer, "cancelled")
    assert [kind for kind, _body in told(hooks, trade.seller_hook)] == ["order.cancelled"]
    assert told(hooks, trade.buyer_hook) == []


def test_where_nobody_listens_nothing_is_written(trade, hooks):
    trade.seller.patch(f"/api/v1/webhook-endpoints/{trade.seller_hook['id']}", json={"enabled": False})
    trade.buyer.delete(f"/api/v1/webhook-endpoints/{trade.buyer_hook['id']}")
    before = messages(hooks)
    trade.step(trade.buyer, "cancelled")
    assert messages(hooks) == before


def test_a_change_that_is_rolled_back_tells_nobody(trade, hooks):
    before = messages(hooks)
    payment_id = new_payment(hooks, trade.buyer_user["user"]["id"])

    def fail(request):
        request.emit(PaymentFailed(payment_id, "checkout", "77", "declined"))
        assert request.db.execute(text("SELECT count(*) FROM webhooks_messages")).scalar_one() == before + 1
        raise Conflict

    with pytest.raises(Conflict):
        hooks.perform(fail)
    assert messages(hooks) == before


def test_a_violation_is_told_to_the_buyer_alone(trade, hooks):
    trade.market.query("UPDATE orders SET payment_due_at = market_clock()")
    trade.run_deadlines()
    buyer_id = trade.buyer_user["user"]["id"]
    kinds = {kind: body["data"] for kind, body in told(hooks, trade.buyer_hook)}
    assert kinds["violation.recorded"] == {
        "user_id": buyer_id,
        "order_id": trade.order_id,
        "kind": "unpaid",
        "standing": 1,
    }
    assert [kind for kind, _body in told(hooks, trade.seller_hook)] == ["order.expired"]


def test_payments_are_told_to_who_pays(trade, hooks):
    payment_id = new_payment(hooks, trade.buyer_user["user"]["id"])
    hooks.perform(lambda request: request.emit(PaymentFailed(payment_id, "checkout", "77", "declined")))
    hooks.perform(lambda request: request.emit(PaymentCaptured(payment_id, "checkout", "77", Money(1, "KES"))))
    common = {"payment_id": str(payment_id), "purpose": "checkout", "reference": "77"}
    assert [body["data"] for _kind, body in told(hooks, trade.buyer_hook)] == [
        {**common, "state": "failed", "reason": "declined"},
        {**common, "state": "captured"},
    ]
    assert told(hooks, trade.seller_hook) == []


def test_a_refund_is_told_to_who_paid_and_to_both_sides_of_its_order(trade, hooks):
    payer = Owner(hooks)
    payment_id, refund_id, hook = new_payment(hooks, payer.id), uuid.uuid4(), payer.add(URL)
    for order_id in (trade.order_id, None):
        fact = RefundChanged(refund_id, payment_id, order_id, "succeeded", Money(1, "KES"))
        hooks.perform(lambda request, fact=fact: request.emit(fact))
    document = {"refund_id": str(refund_id), "payment_id": str(payment_id), "state": "succeeded"}
    of_order = ("refund.succeeded", {**document, "order_id": trade.order_id})
    assert [(kind, body["data"]) for kind, body in told(hooks, trade.seller_hook)] == [of_order]
    assert [(kind, body["data"]) for kind, body in told(hooks, trade.buyer_hook)] == [of_order]
    late = ("refund.succeeded", {**document, "order_id": None})
    assert [(kind, body["data"]) for kind, body in told(hooks, hook)] == [of_order, late]


def test_a_payout_is_told_to_its_payee_and_a_dispute_to_the_platform_alone(hooks):
    boss, payee = Owner(hooks, "admin"), Owner(hooks)
    wide, hook = boss.add(URL, platform=True, event_types=["payout.paid", "dispute.open"]), payee.add(URL)
    payment_id = new_payment(hooks, payee.id)
    payout = PayoutChanged(uuid.uuid4(), payee.id, "paid", Money(1, "KES"))
    dispute = DisputeChanged(uuid.uuid4(), payment_id, "open", Money(1, "KES"))
    aside = MoneySetAside(payment_id, Money(1, "KES"), Money(2, "KES"))
    for fact in (payout, dispute, aside):
        hooks.perform(lambda request, fact=fact: request.emit(fact))
    assert [kind for kind, _body in told(hooks, wide)] == ["payout.paid", "dispute.open"]
    (paid, _), (set_aside, body) = told(hooks, hook)
    assert (paid, set_aside) == ("payout.paid", "payment.set_aside")
    assert body["data"] == {"payment_id": str(payment_id), "state": "set_aside"}


def test_a_verification_is_told_to_the_seller_whom_it_is_about(hooks):
    seller, stranger = Owner(hooks, "seller"), Owner(hooks)
    hook, other = seller.add(URL), stranger.add(URL)
    for fact in (SellerVerified(seller.id, True), SellerVerified(seller.id, False)):
        hooks.perform(lambda request, fact=fact: request.emit(fact))
    expected = [("seller.verified", "verified"), ("seller.unverified", "unverified")]
    assert [(kind, body["data"]["state"]) for kind, body in told(hooks, hook)] == expected
    assert told(hooks, hook)[0][1]["data"]["user_id"] == seller.id
    assert told(hooks, other) == []


def test_an_admins_platform_wide_endpoint_is_told_of_everybody_as_long_as_the_role_lasts(hooks):
    boss = Owner(hooks, "admin")
    wide, narrow = boss.add(URL, platform=True), boss.add(URL)
    shop = Shop(hooks)
    person = shop.buyer_user["user"]["id"]
    expected = ["user.registered", "user.registered", "order.placed"]
    assert [kind for kind, _body in told(hooks, wide)] == expected
    hooks.perform(lambda request: request.emit(UserBlocked(person, True, "spam")))
    assert told(hooks, wide)[-1][1]["data"] == {"user_id": person, "state": "blocked"}
    hooks.perform(lambda request: request.emit(EmailVerified(person)))
    kind, body = told(hooks, wide)[-1]
    assert (kind, body["data"]) == ("user.email_verified", {"user_id": person})
    assert told(hooks, narrow) == []
    hooks.query("UPDATE users SET roles = ARRAY['buyer'] WHERE id = :id", id=boss.id)
    shop.step(shop.buyer, "cancelled")
    hooks.query("UPDATE users SET roles = ARRAY['admin'], blocked_at = market_clock() WHERE id = :id", id=boss.id)
    hooks.perform(lambda request: request.emit(UserRegistered(person)))
    assert len(told(hooks, wide)) == 5


def test_what_waits_for_an_admins_endpoint_is_not_sent_once_the_role_is_gone(hooks, receiver):
    boss = Owner(hooks, "admin")
    wide = boss.add(f"{receiver.url}/wide", platform=True)
    boss.test(wide)
    boss.test(boss.add(f"{receiver.url}/narrow"))
    hooks.query("UPDATE users SET roles = ARRAY['buyer'] WHERE id = :id", id=boss.id)
    boss.courier.drain(20)
    assert receiver.paths() == ["/narrow"]
    hooks.query("UPDATE users SET roles = ARRAY['admin'] WHERE id = :id", id=boss.id)
    boss.courier.drain(20)
    assert receiver.paths() == ["/narrow", "/wide"]


def test_no_message_names_a_person_a_place_or_an_amount(hooks):
    wide = Owner(hooks, "admin").add(URL, platform=True)
    shop = Shop(hooks)
    shop.step(shop.buyer, "cancelled")
    everything = json.dumps(told(hooks, wide))
    assert "order.cancelled" in everything
    assert "buyer" not in everything
    for secret in ("@", "Wanjiku", "Nairobi", "amount", "KES", "Kiondo", shop.checkout["orders"][0]["reference"]):
        assert secret not in everything


def test_deleting_an_endpoint_neither_stops_nor_delays_the_trade_it_would_be_told_of(trade, hooks):
    with hooks.registry["engine"].connect() as connection:
        connection.execute(text("DELETE FROM webhooks_endpoints WHERE id = :id"), {"id": trade.seller_hook["id"]})
        trade.step(trade.buyer, "cancelled")
        connection.rollback()
    assert [kind for kind, _body in told(hooks, trade.buyer_hook)] == ["order.cancelled"]
    assert told(hooks, trade.seller_hook) == []


def test_an_endpoint_that_is_being_changed_or_sent_to_at_this_moment_is_told_nevertheless(trade, hooks):
    with hooks.registry["engine"].connect() as connection:
        lock = "SELECT id FROM webhooks_endpoints WHERE id = ANY(:ids) FOR NO KEY UPDATE"
        connection.execute(text(lock), {"ids": [trade.seller_hook["id"], trade.buyer_hook["id"]]})
        connection.execute(
            text("UPDATE webhooks_endpoints SET url = url || '2' WHERE id = :id"), {"id": trade.seller_hook["id"]}
        )
        trade.step(trade.buyer, "cancelled")
        connection.rollback()
    assert [kind for kind, _body in told(hooks, trade.seller_hook)] == ["order.cancelled"]
    assert [kind for kind, _body in told(hooks, trade.buyer_hook)] == ["order.cancelled"]


def test_every_fact_that_is_subscribed_to_can_be_told(hooks):
    subscribed = {
        event
        for event, subscriber in hooks.registry["marketcore event subscribers"].values()
        if subscriber is write_message
    }
    assert subscribed == set(FACTS)


def test_every_type_is_short_enough_for_its_column_and_named_once():
    assert len(set(TYPES)) == len(TYPES)
    assert all(len(kind) <= 60 for kind in TYPES)


@given(st.dictionaries(st.text(), st.text() | st.integers()), st.datetimes(timezones=st.timezones()))
def test_a_body_reads_back_as_what_was_told(data, at):
    body = json.loads(body_of("order.paid", data, at))
    assert body["data"] == data
    assert datetime.fromisoformat(body["timestamp"]) == at.astimezone(UTC)


def test_a_fat_message_is_refused():
    with pytest.raises(ValueError, match="no thin one"):
        body_of("order.paid", {"text": "x" * LARGEST_BODY}, datetime.fromisoformat("2026-01-01T00:00:00Z"))
