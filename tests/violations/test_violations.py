"""Buyers who do not pay: charged once for each order, blocked by too many, and pardoned."""

from __future__ import annotations

import pytest

from marketcore.exceptions import NotFound
from marketcore.orders.services import OrderService
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import money_arrives, register


def expire_two(request):
    return request.find_service(OrderService).expire_overdue(2)


def test_what_is_not_paid_for_counts_unless_it_was_only_offered(court):
    ordered, awarded, offered = court.expire(court.order(), court.award(), court.award(binding=False))
    assert court.violations() == [(ordered, "unpaid"), (awarded, "unpaid")]
    assert court.account().blocked_at is None
    states = court.market.query("SELECT state FROM orders WHERE id = :id", id=offered)
    assert [tuple(row) for row in states] == [("expired",)]


def test_orders_from_the_cart_count_only_where_the_marketplace_says_so(make_court):
    court = make_court(violations__for_checkouts="false")
    _ordered, awarded = court.expire(court.order(), court.award())
    assert court.violations() == [(awarded, "unpaid")]


def test_a_winner_who_calls_it_off_has_backed_out_and_nobody_else_has(court):
    won, lost, offered, ordered = court.award(), court.award(), court.award(binding=False), court.order()
    steps = ((court.buyer, won), (court.seller, lost), (court.buyer, offered), (court.buyer, ordered))
    assert [court.take(who, order_id, "cancelled").status_code for who, order_id in steps] == [200] * 4
    paid = court.award()
    checkout = court.market.query("SELECT checkout_id FROM orders WHERE id = :id", id=paid)[0][0]
    assert money_arrives(court.market, checkout)
    assert court.take(court.buyer, paid, "cancelled").status_code == 200
    assert court.violations() == [(won, "backed_out")]


def test_M7_M14_the_third_violation_blocks_in_the_transaction_that_records_it(court):
    first, second = court.expire(court.award(), court.award())
    third = court.award()
    assert court.take(court.buyer, third, "cancelled").status_code == 200
    account = court.account()
    assert (account.blocked_at is not None, account.blocked_for) == (True, "violations")
    assert account.blocked_reason == (
        f"too many violations (3): order {third} was won and called off; order {second} was not paid for in time; "
        f"order {first} was not paid for in time"
    )
    # As whenever somebody is blocked: their sessions have ended, and logged in again they read but do not buy.
    assert court.buyer.get("/api/v1/users/me").status_code == 401
    buyer = court.again()
    assert buyer.get("/api/v1/users/me/violations").json()["standing"] == 3
    refused = buyer.post("/api/v1/cart/items", json={"listing_id": court.listing["id"]})
    assert refused.json()["type"] == "urn:marketcore:problem:account-blocked"
    assert f"order {third}" in refused.json()["reason"]


def test_a_limit_of_nought_blocks_nobody_and_one_of_one_at_once(make_court):
    lenient, strict = make_court(violations__limit="0"), make_court(violations__limit="1")
    for court in (lenient, strict):
        court.expire(court.award(), court.award(), court.award(), court.award())
        assert len(court.violations()) == 4
    assert lenient.account().blocked_at is None
    assert strict.account().blocked_reason.startswith("too many violations (1): order ")


def test_an_order_is_charged_once_whoever_says_so_again(court):
    (order_id,) = court.expire(court.award())
    assert [court.record(order_id) for _again in range(2)] == [False, False]
    assert court.pardon(court.ids()[0]).status_code == 200
    assert court.record(order_id, "backed_out") is False
    assert court.violations() == []
    other = court.award()
    assert at_once([lambda: court.record(other)] * 4).count(True) == 1
    court.buyer_id = 999_999
    with pytest.raises(NotFound, match="no account 999999"):
        court.record(other)


def test_workers_that_expire_at_once_charge_each_order_once(court):
    courts = [court, *(type(court)(court.market) for _ in range(3))]
    for one in courts * 2:
        one.award()
    court.overdue()
    at_once([court.run_deadlines] * 4)
    assert len(court.violations()) == 8
    kept = court.market.query("SELECT count(*) AS n FROM violations GROUP BY user_id")
    assert [row.n for row in kept] == [2] * 4
    # Nobody whose violations were recorded at the same moment is blocked too early or too late.
    for one in courts * 2:
        one.award()
    court.overdue()
    at_once([court.run_deadlines] * 4)
    assert len(court.violations()) == 16
    assert all(one.account().blocked_for == "violations" for one in courts)
    facts = court.market.query("SELECT count(*) FROM users WHERE blocked_reason LIKE 'too many violations (3)%'")
    assert facts == [(4,)]


def test_workers_that_expire_different_orders_of_the_same_buyers_never_block_each_other(court, collisions):
    """Each worker has one order of either buyer, found in opposite order, and goods that nobody else has."""
    first, second = court.buyer_id, register(court.market, "buyer")["user"]["id"]
    for _run in range(3):
        for place in range(8):
            court.listing = court.publish("5.00", "KES", 1)
            court.buyer_id = second if place % 4 in (1, 2) else first
            court.award()
        court.overdue()
        at_once([lambda: court.market.perform(expire_two)] * 4)
        assert len(court.violations()) == 8
        court.market.query("TRUNCATE violations")
    assert collisions == []


def test_money_that_comes_after_all_takes_the_violation_and_its_block_back(court):
    orders = court.expire(court.award(), court.award(), court.award())
    assert court.account().blocked_at is not None
    checkout = court.market.query("SELECT checkout_id FROM orders WHERE id = :id", id=orders[0])[0][0]
    assert money_arrives(court.market, checkout)
    assert court.violations() == [(order_id, "unpaid") for order_id in orders[1:]]
    assert court.account().blocked_at is None
    pardoned = court.judge.get("/api/v1/violations").json()["items"][-1]
    assert (pardoned["pardoned_by"], pardoned["note"]) == (None, "paid after all")


def test_M7_a_pardon_below_the_limit_ends_the_block_and_is_written_down(court):
    orders = court.expire(*(court.award() for _ in range(4)))
    newest, *_older = court.ids()[::-1]
    answer = court.pardon(newest, "first")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["order_id"], told["kind"], told["note"]) == (orders[-1], "unpaid", "first")
    assert told["user"] == {"id": court.buyer_id, "username": court.account().username}
    assert told["pardoned_at"]
    assert court.account().blocked_at is not None
    # A second pardon of the same one is none of another.
    assert court.pardon(newest, "second").json() == told
    assert court.account().blocked_at is not None
    assert court.pardon(court.ids()[0]).status_code == 200
    assert court.account().blocked_at is None
    assert (court.account().blocked_reason, court.account().blocked_for) == ("", "")
    assert court.again().get("/api/v1/users/me").json()["blocked"] is False
    log = court.market.query("SELECT actor, act, subject_id, detail FROM audit_log ORDER BY id")
    assert [(row.act, row.subject_id) for row in log] == [
        ("violation.pardon", str(newest)),
        ("violation.pardon", str(court.ids()[0])),
    ]
    assert log[0].actor == f"user:{told['pardoned_by']}"
    assert log[0].detail == {"user": court.buyer_id, "order": orders[-1], "note": "first"}
    # One more is the third again.
    court.expire(court.award())
    assert court.account().blocked_for == "violations"


def test_a_pardon_ends_no_block_but_the_one_that_violations_caused(court):
    court.block("sold stolen goods")
    court.expire(*(court.award() for _ in range(3)))
    assert court.account().blocked_reason == "sold stolen goods"
    for violation_id in court.ids():
        assert court.pardon(violation_id).status_code == 200
    assert court.account().blocked_reason == "sold stolen goods"


def test_an_admin_who_blocks_whom_violations_have_blocked_takes_it_upon_themselves(court):
    court.expire(*(court.award() for _ in range(3)))
    court.block("a fraud as well")
    assert court.pardon(court.ids()[0]).status_code == 200
    assert court.account().blocked_reason == "a fraud as well"
    assert court.judge.post(f"/api/v1/users/{court.buyer_id}/unblock").status_code == 200
    court.expire(court.award())
    assert court.account().blocked_for == "violations"


def test_a_pardon_and_a_third_violation_at_once_leave_the_account_as_two_do(court):
    """Whichever comes first: two violations count afterwards, and two do not block."""
    for _run in range(6):
        court.market.query("TRUNCATE violations")
        court.expire(court.award(), court.award())
        third = court.award()
        first = court.ids()[0]
        court.overdue()
        answer, _expired = at_once([lambda first=first: court.pardon(first), court.run_deadlines])
        assert answer.status_code == 200
        assert [order_id for order_id, _kind in court.violations()][-1] == third
        assert len(court.violations()) == 2
        assert (court.account().blocked_at, court.account().blocked_for) == (None, "")


def test_everybody_reads_their_own_violations_and_admins_read_all(court):
    orders = court.expire(court.award(), court.award())
    other = type(court)(court.market)
    (foreign,) = other.expire(other.award())
    mine = court.buyer.get("/api/v1/users/me/violations", params={"limit": 1}).json()
    assert (mine["standing"], mine["limit"]) == (2, 3)
    assert [set(item) for item in mine["items"]] == [{"id", "order_id", "kind", "created_at", "pardoned_at"}]
    rest = court.buyer.get("/api/v1/users/me/violations", params={"cursor": mine["next"]}).json()
    assert [item["order_id"] for item in mine["items"] + rest["items"]] == orders[::-1]
    assert other.buyer.get("/api/v1/users/me/violations", params={"cursor": mine["next"]}).status_code == 422
    everybodys = court.judge.get("/api/v1/violations").json()["items"]
    assert [item["order_id"] for item in everybodys] == [foreign, *orders[::-1]]
    theirs = court.judge.get("/api/v1/violations", params={"user_id": court.buyer_id}).json()["items"]
    assert [item["order_id"] for item in theirs] == orders[::-1]
    assert court.judge.get("/api/v1/violations", params={"user_id": 999_999}).json()["items"] == []
    assert court.seller.get("/api/v1/users/me/violations").json() == {
        "items": [], "next": None, "standing": 0, "limit": 3,
    }  # fmt: skip


def test_only_admins_pardon_and_only_with_a_reason(court):
    court.expire(court.award())
    (violation_id,) = court.ids()
    assert court.pardon(violation_id, who=court.market.client()).status_code == 401
    for who in (court.buyer, court.seller):
        assert court.pardon(violation_id, who=who).status_code == 403
        assert who.get("/api/v1/violations").status_code == 403
    for note in ("", "  ", "x" * 501, 5, None):
        assert court.pardon(violation_id, note).status_code == 422
    assert court.pardon(999_999).status_code == 404
    assert len(court.violations()) == 1
