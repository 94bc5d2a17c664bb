"""When an invoice is issued, what it says, and that it stays so."""

from __future__ import annotations

import json

import pytest
from sqlalchemy.exc import DBAPIError

from marketcore.events import PaymentCaptured
from marketcore.jobs.periodic import enqueue_due
from marketcore.jobs.running import run_waiting
from marketcore.ledger.accounts import provider_clearing
from marketcore.money import Money
from marketcore.orders.services import OrderService
from marketcore.testing.market import Market
from marketcore_invoices import jobs
from marketcore_invoices.rules import Kind

from .conftest import Trade


def test_an_order_has_its_invoice_with_the_very_transaction_that_makes_it_paid(trade):
    url = f"/api/v1/orders/{trade.order_id}/invoice"
    assert trade.buyer.get(url).status_code == 404
    trade.pay_for()
    invoice = trade.invoice()
    seller_id, year = trade.seller_user["user"]["id"], invoice["issued_on"][:4]
    assert invoice["number"] == f"S{seller_id}-{year}-000001"
    assert (invoice["kind"], invoice["order_id"], invoice["refers_to"]) == ("invoice", trade.order_id, None)
    assert invoice["total"] == {"amount": "500.00", "currency": "KES"}
    order = trade.read_order()
    (line,) = invoice["lines"]
    assert line["title"] == order["lines"][0]["title"]
    assert (line["quantity"], line["unit_price"], line["total"]) == (1, invoice["total"], invoice["total"])
    assert invoice["buyer"]["name"] == "Wanjiku Kamau"
    assert invoice["buyer"]["address"] == ["Moi Avenue 1", "Nairobi", "KE"]
    assert invoice["seller"]["username"] == order["seller"]["username"]
    assert invoice["order"]["reference"] == order["reference"]
    assert invoice == trade.invoice(trade.seller)


def test_an_invoice_tells_nobody_of_commission_or_e_mail_addresses(paid):
    for text in (json.dumps(paid.invoice()), json.dumps(paid.invoice(paid.seller))):
        assert "commission" not in text
        assert "@" not in text


def test_a_checkout_of_two_sellers_has_two_invoices_each_with_its_own_lines(trade):
    other = Trade(trade.market)
    trade.buyer.post("/api/v1/cart/items", json={"listing_id": other.listing["id"], "quantity": 2})
    checkout = trade.check_out(3)
    trade.pay_for(checkout)
    found = {}
    for order in checkout["orders"]:
        invoice = trade.buyer.get(f"/api/v1/orders/{order['id']}/invoice").json()
        found[invoice["seller"]["id"]] = [(line["quantity"], line["total"]["amount"]) for line in invoice["lines"]]
        assert invoice["number"].endswith("-000001")
    assert found == {
        trade.seller_user["user"]["id"]: [(3, "1500.00")],
        other.seller_user["user"]["id"]: [(2, "1000.00")],
    }


def test_an_order_is_invoiced_once_however_far_it_goes(paid):
    for step in ("confirmed", "packed", "shipped"):
        paid.step(paid.seller, step, **({"carrier": "Posta"} if step == "shipped" else {}))
    paid.step(paid.buyer, "delivered")
    assert paid.read_order()["state"] == "completed"
    assert len(paid.numbers()) == 1


@pytest.mark.parametrize("told", [True, False])
def test_an_order_that_is_paid_for_at_the_door_is_invoiced_with_the_cash_or_when_it_is_completed(trade, told):
    checkout_id, payment_id = trade.checkout["id"], trade.promise_to_pay()
    for step in ("packed", "shipped"):
        trade.step(trade.seller, step, **({"carrier": "Posta"} if step == "shipped" else {}))
    assert trade.numbers() == []

    def cash(request):
        amount = Money.parse("500.00", "KES")
        assert request.find_service(OrderService).pay(checkout_id, payment_id, amount, provider_clearing("cash", "KES"))
        if told:
            request.emit(PaymentCaptured(payment_id, "checkout", str(checkout_id), amount))

    trade.market.perform(cash)
    assert len(trade.numbers()) == told
    trade.step(trade.buyer, "delivered")
    assert trade.read_order()["state"] == "completed"
    assert len(trade.numbers()) == 1
    assert trade.invoice()["order"]["paid_on"]


def test_what_an_invoice_says_stays_when_names_and_titles_change(make_trade):
    trade = make_trade({"invoices__issuer_name": "Soko Ltd", "invoices__issuer_address": "P.O. Box 1\nNairobi"})
    trade.pay_for()
    before = trade.invoice()
    assert before["issuer"] == {"name": "Soko Ltd", "address": ["P.O. Box 1", "Nairobi"], "tax_id": ""}
    trade.market.query("UPDATE users SET username = 'renamed' || id, first_name = 'New'")
    trade.market.query("UPDATE order_lines SET title = 'other'")
    assert trade.invoice() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoices_documents SET number = 'x'",
        "DELETE FROM invoices_documents WHERE kind = 'invoice'",
        "UPDATE invoices_files SET pdf = ''",
        "DELETE FROM invoices_files",
    ],
)
def test_the_database_itself_refuses_to_change_or_remove_a_document(paid, statement):
    paid.run_jobs()
    before = paid.invoice(), paid.files()
    with pytest.raises(DBAPIError, match="issue a document that corrects it"):
        paid.market.query(statement)
    assert (paid.invoice(), paid.files()) == before


def test_orders_paid_while_the_plugin_was_off_are_invoiced_by_its_periodic_job(make_settings, monkeypatch):
    settings = make_settings("invoices")
    plain = Market({**settings, "marketcore.plugins": ""})
    with plain.serving():
        trade = Trade(plain, stock=9)
        for checkout in (trade.checkout, trade.check_out(), trade.check_out()):
            trade.pay_for(checkout)
        trade.give_back("10.00")
        trade.check_out()
    plain.close()
    assert trade.numbers() == []
    monkeypatch.setattr(jobs, "BATCH", 2)
    later = Market(settings)
    assert "invoices.issue_missing" in enqueue_due(later.registry)[0]
    run_waiting(later.registry)
    assert [number[-6:] for number in trade.numbers()] == ["000001", "000002", "000003"]
    assert [number[-6:] for number in trade.numbers(Kind.CREDIT_NOTE)] == ["000001"]
    assert len(trade.files()) == 4
    later.close()
    plain.close()


def test_orders_placed_before_a_day_can_be_left_out(make_trade):
    trade = make_trade({"invoices__since": "2999-01-01"})
    trade.pay_for()
    trade.market.perform(jobs.issue_missing)
    assert trade.numbers() == []
    trade.market.query("UPDATE orders SET created_at = '2999-01-01T00:00:00Z'")
    trade.market.perform(jobs.issue_missing)
    assert len(trade.numbers()) == 1
