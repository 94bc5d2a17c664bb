"""Credit notes: one for each refund that has gone through."""

from __future__ import annotations

import uuid

import pytest

from marketcore.testing.contracts import at_once
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
    paid.give_back("10.00", states=("requested", "submitting", "unknown", "failed"))
    paid.give_back("10.00", states=("requested", "by_hand"))
    assert notes(paid) == []


def test_a_refund_has_one_however_often_its_success_is_told(paid):
    refund_id = uuid.uuid4()
    at_once([lambda: paid.give_back("10.00", refund_id=refund_id, states=["succeeded"])] * 8)
    paid.give_back("10.00", refund_id=refund_id, states=["failed", "succeeded"])
    assert notes(paid) == [("000001", "10.00")]


def test_several_refunds_of_an_order_are_numbered_one_after_the_other(paid):
    for amount in ("10.00", "20.00", "470.00"):
        paid.give_back(amount)
    assert notes(paid) == [("000001", "10.00"), ("000002", "20.00"), ("000003", "470.00")]


@pytest.mark.parametrize("order_id", [0, None])
def test_money_that_was_never_invoiced_goes_back_without_one(trade, order_id):
    trade.give_back("500.00", order_id=order_id)
    assert trade.numbers(Kind.INVOICE) == trade.numbers(Kind.CREDIT_NOTE) == []


def test_an_order_from_before_the_plugin_is_invoiced_when_it_is_refunded(trade):
    trade.market.query("UPDATE orders SET state = 'paid' WHERE id = :id", id=trade.order_id)
    trade.market.query("INSERT INTO order_history (order_id, seq, state) VALUES (:id, 2, 'paid')", id=trade.order_id)
    trade.give_back("500.00")
    assert notes(trade) == [("000001", "500.00")]
    assert trade.invoice()["kind"] == "invoice"
