"""Money that could not be used: it goes back by itself, or an admin decides about it, once."""

from __future__ import annotations

import uuid

from marketcore.testing.contracts import at_once

CHARGE = 50_000


def expired(office):
    """Return a payment that is still open for an order that has expired, its goods sold to somebody else."""
    payment = office.pay({})
    office.market.query("UPDATE orders SET payment_due_at = market_clock()")
    office.market.query("UPDATE payments SET expires_at = market_clock()")
    office.run_deadlines()
    assert office.order_state() == "expired"
    office.market.query("UPDATE listings SET quantity = 0")
    return payment


def decide(office, payment, action, who=None, **body):
    path = f"/api/v1/payments/{payment['id']}/set-aside"
    with office.market.client((who or office.admin).headers["authorization"].removeprefix("Bearer ")) as http:
        return http.post(path, json={"action": action, "reason": "told by telephone", **body})


def test_money_that_comes_when_the_goods_are_gone_goes_back_by_itself(office):
    payment = expired(office)
    office.tell(payment, "captured")
    assert office.gateway.sent_back == {payment["id"]: CHARGE}
    assert (office.order_state(), office.clearing()) == ("expired", 0)
    (refund,) = office.market.query("SELECT * FROM refunds")
    assert (refund.state, refund.source, refund.order_id) == ("succeeded", "unapplied", None)
    assert office.buyer.get(f"/api/v1/refunds/{refund.id}").json()["state"] == "succeeded"
    assert office.seller.get(f"/api/v1/refunds/{refund.id}").status_code == 404
    assert decide(office, payment, "refund").status_code == 409
    assert decide(office, payment, "apply").status_code == 409


def test_a_wrong_amount_waits_for_an_admin_who_sends_it_back(office):
    payment = office.pay({})
    office.tell(payment, "captured", minor=49_999)
    assert (office.order_state(), office.market.query("SELECT * FROM refunds")) == ("pending_payment", [])
    assert office.transfers() == [("unapplied", 49_999)]
    assert decide(office, payment, "refund", office.seller).status_code == 403
    assert decide(office, payment, "apply").status_code == 409
    answers = at_once([lambda: decide(office, payment, "refund")] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    refund = next(answer.json()["refund"] for answer in answers if answer.status_code == 200)
    assert refund["amount"] == {"amount": "499.99", "currency": "KES"}
    office.work()
    assert office.gateway.sent_back == {payment["id"]: 49_999}
    acts = office.market.query("SELECT act, detail FROM audit_log WHERE subject = 'payment'")
    assert [tuple(act) for act in acts] == [("set_aside.refund", {"reason": "told by telephone"})]
    assert decide(office, {"id": uuid.uuid4()}, "refund").status_code == 404


def test_another_currency_than_was_asked_for_goes_back_in_that_currency(office):
    payment = office.pay({})
    office.tell(payment, "captured", minor=700, currency="USD")
    assert decide(office, payment, "refund", target="by_hand").json()["refund"]["amount"]["currency"] == "USD"
    assert decide(office, payment, "refund").status_code == 409


def test_late_money_is_used_after_all_where_an_admin_finds_the_goods(make_office):
    office = make_office({"payments__refund_late_money": "false"}, stock=3)
    payment = expired(office)
    office.tell(payment, "captured")
    assert (office.order_state(), office.gateway.refunds) == ("expired", {})
    assert decide(office, payment, "apply").status_code == 409
    office.assert_books_are_right()
    office.market.query("UPDATE listings SET quantity = 3")
    answers = at_once([lambda: decide(office, payment, "apply"), lambda: decide(office, payment, "refund")] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    office.work()
    if office.order_state() == "expired":
        assert (office.clearing(), office.stock_left()) == (0, 3)
    else:
        assert (office.order_state(), office.money(), office.stock_left()) == ("paid", (CHARGE, 0, 0, 0), 2)


def test_late_money_that_was_applied_can_be_refunded_as_any_other(make_office):
    office = make_office({"payments__refund_late_money": "false"}, stock=3)
    payment = expired(office)
    office.tell(payment, "captured")
    office.market.query("UPDATE listings SET quantity = 1")
    assert decide(office, payment, "apply").json() == {"refund": None}
    assert (office.order_state(), office.stock_left()) == ("paid", 0)
    assert office.refunded()["state"] == "succeeded"
    assert (office.gateway.sent_back, office.clearing()) == ({payment["id"]: CHARGE}, 0)
