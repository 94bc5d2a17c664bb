"""Asking to be paid: reserved at once or refused, decided by somebody else, taken back in time."""

from __future__ import annotations

import pytest
from desk import Desk, Person

from marketcore.config import configure
from marketcore.exceptions import ConfigurationError
from marketcore.settings import section
from marketcore.testing.contracts import at_once


def test_K3_S9_a_request_reserves_the_money_until_it_is_decided(desk):
    payout = desk.request("400.00")
    assert (payout["state"], payout["provider"], payout["source"]) == ("requested", "fakebank", "earnings")
    assert desk.balances() == {"available": "600.00", "in_payout": "400.00"}
    desk.work()
    assert desk.bank.moved.total() == 0
    assert desk.decide(payout).json()["state"] == "approved"
    desk.work()
    assert desk.state(payout) == "sent"
    assert desk.balances() == {"available": "600.00", "in_payout": "400.00"}
    desk.tell(payout, "paid")
    paid = desk.read(payout)
    assert (paid["state"], paid["receipt"]) == ("paid", f"FT{payout['id'][:8]}")
    assert desk.balances() == {"available": "600.00"}
    assert desk.codes() == ["pending payout", "post payout"]
    assert desk.states(payout) == ["approved", "submitting", "sent", "paid"]


def test_a_wallet_is_paid_out_from_the_wallet(desk):
    desk.give(5_000, account="wallet")
    payout = desk.submitted("50.00", "paid", source="wallet")
    assert desk.state(payout) == "paid"
    assert desk.balances() == {"available": "1000.00"}
    assert desk.ask("10.00", source="wallet").json()["type"].endswith("insufficient-funds")


def test_ten_requests_for_the_whole_balance_at_one_instant_are_one(desk):
    def ask():
        with desk.seller.alone() as http:
            return desk.ask(http=http)

    answers = at_once([ask] * 10)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {
        "urn:marketcore:problem:insufficient-funds"
    }
    assert desk.balances() == {"in_payout": "1000.00"}


def test_ten_requests_with_one_key_are_one_payout_and_one_answer(desk):
    def ask():
        with desk.seller.alone() as http:
            return desk.ask("100.00", http=http, headers={"Idempotency-Key": "one-payout-for-all"})

    answers = at_once([ask] * 10)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert desk.balances() == {"available": "900.00", "in_payout": "100.00"}


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        ("100.50", "KES", "multiples of 1.00"),
        ("9.00", "KES", "at least 10.00"),
        ("1000001.00", "KES", "at most"),
        ("10.00", "EUR", "does not take EUR"),
        ("49.00", "KES", "smallest payout, 50.00 KES"),
    ],
)
def test_an_amount_nobody_can_send_is_refused_before_anything_is_reserved(desk, setting, amount, currency, why):
    setting("minimum", {"KES": 5000})
    answer = desk.ask(amount, currency=currency)
    assert answer.status_code == 422
    assert why in answer.json()["errors"]["amount"]
    assert desk.codes() == []


def test_whoever_owes_the_marketplace_is_not_paid_out(desk):
    desk.give(1, account="debt", currency="USD")
    answer = desk.ask("10.00")
    assert answer.status_code == 409
    assert "you owe the marketplace 0.01 USD" in answer.json()["detail"]
    assert desk.codes() == []


def test_a_blocked_seller_cannot_ask_and_can_still_take_a_request_back(desk):
    payout = desk.request("10.00")
    answer = desk.admin.http.post(f"/api/v1/users/{desk.seller.id}/block", json={"reason": "fraud"})
    assert answer.status_code == 200
    desk.seller.log_in()
    assert desk.ask("10.00").status_code == 403
    assert desk.cancel(payout).json()["state"] == "rejected"


def test_what_is_below_the_limit_leaves_without_an_admin(desk, setting):
    setting("auto_approve", {"KES": 10_000})
    small, large = desk.request("100.00"), desk.request("101.00")
    assert (small["state"], large["state"]) == ("approved", "requested")
    desk.work()
    assert desk.bank.moved == {small["id"]: 1}
    assert desk.row(small).decided_by is None


def test_limits_are_read_into_minor_units(make_settings):
    given = {"payouts__auto_approve__KES": "1000.50", "payouts__minimum__JPY": "100"}
    registry = configure(make_settings(**given)).registry
    read = section(registry, "payouts")
    assert (read["auto_approve"], read["minimum"]) == ({"KES": 100_050}, {"JPY": 100})
    registry["engine"].dispose()


@pytest.mark.parametrize("key", ["payouts__auto_approve__KES", "payouts__minimum__KES"])
def test_a_limit_that_is_no_amount_stops_the_start(make_settings, key):
    with pytest.raises(ConfigurationError, match=key.replace("__", ".")):
        configure(make_settings(**{key: "a lot"}))


def test_a_rejection_says_why_and_gives_the_money_back(desk):
    payout = desk.request()
    assert desk.decide(payout, approve=False, reason=" ").status_code == 422
    told = desk.decide(payout, approve=False, reason="the name differs").json()
    assert (told["state"], told["reason"]) == ("rejected", "the name differs")
    assert desk.balances() == {"available": "1000.00"}
    assert desk.codes() == ["pending payout", "void payout"]
    (entry,) = desk.market.query("SELECT * FROM audit_log WHERE subject_id = :id", id=payout["id"])
    assert (entry.actor, entry.act, entry.subject_id) == (f"user:{desk.admin.id}", "payout.reject", payout["id"])
    assert desk.decide(payout).status_code == 409


def test_nobody_decides_about_a_payout_of_their_own(desk):
    desk.market.query("UPDATE users SET roles = roles || '{admin}' WHERE id = :id", id=desk.seller.id)
    desk.seller.log_in()
    payout = desk.request()
    assert desk.decide(payout, who=desk.seller.http).status_code == 403
    assert desk.state(payout) == "requested"
    assert desk.market.query("SELECT * FROM audit_log WHERE subject_id = :id", id=payout["id"]) == []


def test_a_payout_to_a_destination_that_was_closed_meanwhile_is_not_approved(desk):
    payout = desk.request()
    desk.market.query("UPDATE payout_destinations SET state = 'rejected' WHERE user_id = :id", id=desk.seller.id)
    assert desk.decide(payout).status_code == 409
    assert desk.decide(payout, approve=False).status_code == 200


def test_two_admins_who_approve_at_one_instant_approve_once(desk):
    other = Person(desk.market, "admin")
    for _round in range(4):
        payout = desk.request("10.00")
        answers = at_once([lambda p=payout, who=who: desk.decide(p, who=who.http) for who in (desk.admin, other)])
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        desk.work()
        assert desk.bank.moved[payout["id"]] == 1
        assert desk.states(payout).count("approved") == 1


def test_two_admins_who_disagree_at_one_instant_leave_the_money_in_one_place(desk):
    other = Person(desk.market, "admin")
    for _round in range(4):
        payout = desk.request("10.00")
        yes, no = at_once(
            [
                lambda p=payout: desk.decide(p).status_code,
                lambda p=payout: desk.decide(p, approve=False, who=other.http).status_code,
            ]
        )
        # What has been approved can be rejected until it is handed over; what was rejected stays so.
        assert (yes, no) in ((200, 200), (409, 200))
        desk.work()
        assert desk.state(payout) == "rejected"
        assert desk.bank.moved.total() == 0


def test_approving_and_cancelling_at_one_instant_leave_one_winner(desk):
    for _round in range(6):
        payout = desk.request("10.00")

        def cancel(payout=payout):
            with desk.seller.alone() as http:
                return desk.cancel(payout, http).status_code

        decided, cancelled = at_once([lambda payout=payout: desk.decide(payout).status_code, cancel])
        assert sorted((decided, cancelled)) == [200, 409]
        desk.work()
        assert desk.state(payout) == ("sent" if decided == 200 else "rejected")
        assert desk.bank.moved[payout["id"]] == (decided == 200)


@pytest.mark.parametrize("script", ["ok", "drop_after"])
def test_what_was_handed_over_can_be_neither_cancelled_nor_decided_about(desk, script):
    payout = desk.submitted("1000.00", script)
    assert desk.cancel(payout).status_code == 409
    assert desk.decide(payout, approve=False).status_code == 409
    assert desk.decide(payout).status_code == 409


def test_the_destination_decides_who_pays(desk):
    first = desk.submitted("10.00")
    desk.destination = desk.add_destination("fakewire")
    second = desk.submitted("10.55")
    assert (desk.read(first)["provider"], desk.read(second)["provider"]) == ("fakebank", "fakewire")
    for payout in (first, second):
        desk.tell(payout, "paid")
        assert desk.state(payout) == "paid"
    went = desk.market.query(
        """SELECT a.owner_id, t.amount FROM ledger_transfers t JOIN ledger_accounts a ON a.id = t.credit_id
           WHERE t.kind = 'post' AND t.ref_id = ANY(:ids) ORDER BY t.seq""",
        ids=[first["id"], second["id"]],
    )
    assert [tuple(row) for row in went] == [("fakebank", 1000), ("fakewire", 1055)]


def test_lists_are_ones_own_in_pages_and_everybodys_for_admins(desk):
    made = [desk.request("10.00")["id"] for _ in range(5)]
    listed, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = desk.seller.http.get("/api/v1/payouts", params=query).json()
        listed += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert listed == made[::-1]
    desk.decide({"id": made[0]})
    other = Desk(desk.market, desk.bank)
    theirs = other.request("10.00")["id"]
    everybodys = desk.admin.http.get("/api/v1/payouts", params={"state": "requested", "limit": 5}).json()["items"]
    assert [item["id"] for item in everybodys] == [theirs, *made[:0:-1]]
    assert [item["user_id"] for item in everybodys] == [other.seller.id, *[desk.seller.id] * 4]
    assert [item["id"] for item in other.seller.http.get("/api/v1/payouts").json()["items"]] == [theirs]


def test_a_stranger_finds_neither_payouts_nor_destinations(desk):
    payout, stranger = desk.request("10.00"), Person(desk.market, "seller")
    desk.give(100_000, user_id=stranger.id)
    assert desk.ask("10.00", http=stranger.http).status_code == 404
    place = f"/api/v1/payout-destinations/{desk.destination['id']}"
    for method, path in (
        ("GET", f"/api/v1/payouts/{payout['id']}"),
        ("POST", f"/api/v1/payouts/{payout['id']}/cancellation"),
        ("GET", place),
        ("DELETE", place),
        ("POST", f"{place}/link"),
    ):
        assert stranger.http.request(method, path).status_code == 404, path
    assert stranger.http.get("/api/v1/payouts").json()["items"] == []
    assert desk.decide(payout, who=stranger.http).status_code == 403
    assert desk.balances(stranger) == {"available": "1000.00"}
