"""Credit notes: one for each refund that has gone through."""

from __future__ import annotations

from marketcore.refunds.services import RefundService
from marketcore.testing.contracts import at_once
from marketcore_invoices.jobs import issue_missing
from marketcore_invoices.rules import Kind


def notes(trade):
    return [(note["number"][-6:], note["total"]["amount"]) for note in trade.invoice()["credit_notes"]]


def test_a_refund_that_has_gone_through_has_a_credit_note_that_refers_to_the_invoice(paid, words_of):
    paid.give_back("120.50")
    invoice = paid.invoice()
    (listed,) = invoice["credit_notes"]
    note = paid.buyer.get(f"/api/v1/invoices/{listed['id']}").json()
    assert note["kind"] == "credit_note"
    assert note["number"].startswith(f"S{paid.seller_user['user']['id']}-C-")
    assert note["refers_to"] == {name: invoice[name] for name in ("id", "number", "issued_on")}
    assert note["total"] == {"amount": "120.50", "currency": "KES"}
    assert [line["total"] for line in note["lines"]] == [note["total"]]
    assert (note["buyer"], note["seller"], note["order"]) == (invoice["buyer"], invoice["seller"], invoice["order"])
    paid.run_jobs()
    words = words_of(paid.seller.get(f"/api/v1/invoices/{note['id']}/pdf").content)
    for text in ("Credit note", note["number"], invoice["number"], "120.50 KES", "Wanjiku Kamau"):
        assert text in words


def test_before_it_has_gone_through_a_refund_has_none(paid):
    refund_id = paid.ask_back("10.00")
    assert notes(paid) == []
    paid.confirm(refund_id)
    assert notes(paid) == [("000001", "10.00")]


def test_a_refund_has_one_however_often_its_success_is_reported(paid):
    refund_id = paid.give_back("10.00")
    for state in ("failed", "succeeded", "failed", "succeeded"):
        paid.report(refund_id, state)
    assert notes(paid) == [("000001", "10.00")]


def test_what_is_taken_back_and_given_again_has_one_credit_note(paid):
    refund_id = paid.give_back("10.00")
    for _again in range(3):
        paid.report(refund_id, "failed")
        refund_id = paid.market.perform(
            lambda request, last=refund_id: request.find_service(RefundService).retry(last, "by_hand", None)
        )
        paid.confirm(refund_id)
    assert paid.market.query("SELECT count(*) FROM refunds WHERE order_id = :id", id=paid.order_id) == [(4,)]
    paid.give_back("5.00")
    assert notes(paid) == [("000001", "10.00"), ("000002", "5.00")]


def test_a_success_that_a_savepoint_takes_back_has_none(paid):
    refund_id = paid.ask_back("10.00")

    def confirmed_and_taken_back(request):
        with request.db.begin_nested() as savepoint:
            request.find_service(RefundService).confirm(refund_id, "receipt 7")
            savepoint.rollback()

    paid.market.perform(confirmed_and_taken_back)
    assert notes(paid) == []


def test_refunds_of_an_order_at_once_are_numbered_one_after_the_other(paid):
    waiting = [paid.ask_back(f"{amount}.00") for amount in range(1, 9)]
    at_once([lambda refund_id=refund_id: paid.confirm(refund_id) for refund_id in waiting])
    numbers, amounts = zip(*notes(paid), strict=True)
    assert numbers == tuple(f"{number:06}" for number in range(1, 9))
    assert sorted(amounts) == [f"{amount}.00" for amount in range(1, 9)]


def test_money_that_was_never_invoiced_goes_back_without_one(make_trade):
    trade = make_trade({"invoices__since": "2999-01-01"})
    trade.pay_for()
    trade.give_back("500.00")
    assert trade.read_order()["state"] == "refunded"
    trade.market.perform(issue_missing)
    assert trade.numbers(Kind.INVOICE) == trade.numbers(Kind.CREDIT_NOTE) == []


def test_a_paid_order_that_is_cancelled_has_its_credit_note_when_the_money_is_back(paid):
    paid.step(paid.seller, "cancelled", note="sold out")
    refund_id = paid.market.query("SELECT id FROM refunds WHERE order_id = :id", id=paid.order_id)[0].id
    assert notes(paid) == []
    paid.confirm(refund_id)
    assert notes(paid) == [("000001", "500.00")]
