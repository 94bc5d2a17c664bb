"""Refunds of orders over HTTP: how much, from where, by whom, and what becomes of the order."""

from __future__ import annotations

import uuid

import pytest

from marketcore.testing.contracts import at_once

CHARGE = 50_000


def refunds_of(client, order_id):
    answer = client.get(f"/api/v1/orders/{order_id}/refunds")
    return answer.json()["items"] if answer.status_code == 200 else answer.status_code


def test_K5_a_full_refund_returns_the_money_and_ends_the_order(office):
    payment = office.paid()
    answer = office.refund()
    assert (answer.status_code, answer.json()["state"], answer.json()["target"]) == (201, "requested", "original")
    assert (office.order_state(), office.money()) == ("refunded", (0, 0, 0, 0))
    office.assert_books_are_right()
    assert office.gateway.sent_back.total() == 0
    office.work()
    refund = office.read_refund(answer.json())
    assert (refund["state"], refund["amount"]["amount"], refund["reason"]) == ("succeeded", "500.00", "as agreed")
    assert office.gateway.sent_back == {payment["id"]: CHARGE}
    assert office.clearing() == 0
    told = [
        (row.type, row.data.get("state"))
        for row in office.market.query(
            'SELECT type, data FROM live_events WHERE channel = :name ORDER BY "offset"',
            name=f"order:{office.order_id}",
        )
        if row.type == "order.refund"
    ]
    assert told == [("order.refund", "requested"), ("order.refund", "succeeded")]


def test_K5_refunds_in_parts_until_nothing_is_left_and_not_a_unit_more(office):
    payment = office.paid()
    office.walk("confirmed")
    for amount in ("0.01", "199.99", "300.00"):
        assert office.refund("500.01").status_code == 409
        office.refunded(amount)
    assert (office.order_state(), office.clearing()) == ("refunded", 0)
    assert office.refund("0.01").status_code == 409
    assert office.refund().status_code == 409
    assert office.gateway.sent_back == {payment["id"]: CHARGE}
    assert [item["amount"]["amount"] for item in refunds_of(office.buyer, office.order_id)] == [
        "0.01",
        "199.99",
        "300.00",
    ]


def test_money_that_was_released_or_paid_out_comes_back_from_whoever_has_it(office):
    office.paid()
    office.complete()
    office.refunded("100.00")
    assert (office.order_state(), office.money()) == ("completed", (0, 39_200, 0, 800))
    office.pay_out(39_000)
    office.refunded("100.00")
    assert office.money() == (0, 0, 9_600, 600)
    office.refunded()
    assert (office.order_state(), office.money()) == ("refunded", (0, 0, 39_000, 0))
    # The next sale settles what is owed first.
    office.paid(1)
    office.complete()
    assert office.money() == (0, 10_000, 0, 1_000)


def test_a_buyer_who_cancels_before_confirmation_gets_everything_back_and_the_goods_return(office):
    payment = office.paid()
    left = office.stock_left()
    shown = office.step(office.buyer, "cancelled", note="ordered twice")
    assert (shown["state"], shown["held"]["amount"]) == ("cancelled", "0.00")
    assert office.stock_left() == left + 1
    office.work()
    assert office.gateway.sent_back == {payment["id"]: CHARGE}
    (refund,) = refunds_of(office.buyer, office.order_id)
    assert (refund["state"], refund["reason"]) == ("succeeded", "ordered twice")
    assert office.history() == ["pending_payment", "paid", "cancelled"]


def test_a_seller_who_cancels_after_a_partial_refund_gives_back_the_rest(office):
    payment = office.paid()
    office.walk("confirmed", "packed")
    assert office.buyer.post(f"/api/v1/orders/{office.order_id}/steps", json={"to": "cancelled"}).status_code == 403
    office.refunded("120.00")
    office.step(office.seller, "cancelled")
    office.work()
    assert office.gateway.sent_back == {payment["id"]: CHARGE}
    assert (office.order_state(), office.stock_left()) == ("cancelled", office.stock)


def test_each_order_of_a_basket_is_refunded_by_itself(office):
    other = office.another_shop("250.00")
    mine, theirs = office.baskets(other)
    payment = office.paid()
    office.refunded(order_id=mine)
    assert [office.order(id).state for id in (mine, theirs)] == ["refunded", "paid"]
    assert office.refund(order_id=theirs).status_code == 404  # the seller of the one is a stranger to the other
    office.refunded(order_id=theirs, who=other.seller)
    assert office.gateway.sent_back == {payment["id"]: 75_000}
    assert office.clearing() == 0


def test_what_cannot_be_refunded_says_why_and_leaves_no_trace(office):
    assert office.refund().status_code == 409  # not paid
    office.paid()
    for options, status in (
        ({"amount": "1.00", "currency": "USD"}, 422),
        ({"amount": "0.00"}, 422),
        ({"amount": "1.001"}, 422),
        ({"target": "wallet"}, 422),
        ({"reason": " "}, 422),
        ({"amount": "500.01"}, 409),
    ):
        assert office.refund(**options).status_code == status, options
    assert office.market.query("SELECT * FROM refunds") == []
    assert office.market.query("SELECT * FROM audit_log WHERE subject = 'refund'") == []
    assert office.money() == (CHARGE, 0, 0, 0)


def test_refunds_are_for_the_seller_and_admins_and_seen_by_the_parties_alone(office):
    office.paid()
    other = office.another_shop("1.00")
    asked = {who: office.refund("1.00", who=client).status_code for who, client in {
        "buyer": office.buyer, "stranger": other.seller, "seller": office.seller, "admin": office.admin,
    }.items()}  # fmt: skip
    assert asked == {"buyer": 403, "stranger": 404, "seller": 201, "admin": 201}
    office.work()
    first, second = refunds_of(office.buyer, office.order_id)
    assert refunds_of(office.seller, office.order_id) == refunds_of(office.admin, office.order_id) == [first, second]
    assert refunds_of(other.seller, office.order_id) == refunds_of(other.buyer, office.order_id) == 404
    path = f"/api/v1/refunds/{first['id']}"
    for client in (office.buyer, office.seller, office.admin):
        assert client.get(path).json() == first
    assert other.seller.get(path).status_code == other.buyer.get(path).status_code == 404
    assert office.admin.get(f"/api/v1/refunds/{uuid.uuid4()}").status_code == 404
    for verb, body in (("retries", {"target": "by_hand"}), ("confirmation", {"receipt": "x"})):
        assert office.seller.post(f"{path}/{verb}", json=body).status_code == 403
        assert office.admin.post(f"{path}/{verb}", json=body).status_code == 409
        assert office.admin.post(f"/api/v1/refunds/{uuid.uuid4()}/{verb}", json=body).status_code == 404
    acts = office.market.query("SELECT act FROM audit_log WHERE subject = 'refund' ORDER BY id")
    assert [act for (act,) in acts] == ["refund.request"] * 2


def test_of_ten_who_refund_the_whole_at_once_one_does(office):
    payment = office.paid()
    answers = at_once([office.refund] * 10)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    at_once([office.work] * 3)
    assert office.gateway.sent_back == {payment["id"]: CHARGE}
    assert office.market.query("SELECT count(*) FROM refunds")[0][0] == 1


def test_a_refund_and_the_release_at_one_instant_share_the_money_exactly(office):
    ends = set()
    for _round in range(3):
        before = office.money() if ends else (0, 0, 0, 0)
        office.paid(1)
        office.walk("confirmed", "packed", "shipped", "delivered")
        answer, _released = at_once([lambda: office.refund("100.00"), office.release])
        assert answer.status_code == 201, answer.text
        office.release()  # which may have stepped over the order while it was held by the refund
        ends.add(tuple(now - then for now, then in zip(office.money(), before, strict=True)))
    assert ends == {(0, 39_200, 0, 800)}


def test_a_key_sent_again_is_one_refund(office):
    office.paid()
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    path = f"/api/v1/orders/{office.order_id}/refunds"
    body = {"amount": {"amount": "1.00", "currency": "KES"}, "reason": "scratched"}
    first, second = (office.seller.post(path, json=body, headers=headers) for _time in range(2))
    assert (first.status_code, second.content) == (201, first.content)
    assert office.order().refunded_minor == 100


@pytest.mark.parametrize("features", ["", "refund"])
def test_what_a_provider_cannot_do_goes_by_hand_unless_that_way_was_asked_for(make_office, features):
    office = make_office({"fakepay__features": features}, stock=9)
    office.paid()
    assert office.refund("1.00", target="original").status_code == 422
    part = office.refund("1.00").json()
    assert (part["state"], part["target"]) == ("by_hand", "by_hand")
    office.paid(1)
    whole = office.refund().json()
    assert whole["target"] == ("original" if features else "by_hand")
