"""Who may see and download a document, and how lists are walked."""

from __future__ import annotations

import pytest

from marketcore.testing.shop import Shop


@pytest.fixture
def ready(paid):
    """A trade whose invoice and credit note have their files."""
    paid.give_back("10.00")
    paid.run_jobs()
    return paid


def test_both_sides_and_admins_see_and_download_and_nobody_else(ready):
    invoice = ready.invoice()
    note = invoice["credit_notes"][0]
    callers = {
        "buyer": (ready.buyer, 200),
        "seller": (ready.seller, 200),
        "admin": (ready.admin(), 200),
        "another buyer": (ready.stranger(), 404),
        "another seller": (Shop(ready.market).seller, 404),
        "guest": (ready.market.client(), 401),
    }
    urls = [f"/api/v1/orders/{ready.order_id}/invoice", f"/api/v1/orders/{ready.order_id}/invoice.pdf"]
    for document in (invoice, note):
        urls += [f"/api/v1/invoices/{document['id']}", f"/api/v1/invoices/{document['id']}/pdf"]
    for name, (client, status) in callers.items():
        assert [client.get(url).status_code for url in urls] == [status] * len(urls), name


def test_somebody_who_is_blocked_still_has_their_papers(ready):
    blocked = ready.admin().post(f"/api/v1/users/{ready.buyer_user['user']['id']}/block", json={"reason": "fraud"})
    assert blocked.status_code == 200
    login = {"email": ready.buyer_user["user"]["email"], "password": "correct horse battery staple"}
    client = ready.market.client(ready.market.client().post("/api/v1/auth/login", json=login).json()["access"])
    assert client.get(f"/api/v1/orders/{ready.order_id}/invoice.pdf").status_code == 200


def test_a_download_is_a_file_that_no_browser_or_cache_keeps_or_interprets(ready):
    invoice = ready.invoice()
    answer = ready.buyer.get(f"/api/v1/invoices/{invoice['id']}/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{invoice["number"]}.pdf"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert ready.seller.get(f"/api/v1/orders/{ready.order_id}/invoice.pdf").content == answer.content


def test_while_the_file_is_being_made_one_is_told_to_come_back(paid):
    invoice = paid.invoice()
    assert invoice["ready"] is False
    url = f"/api/v1/invoices/{invoice['id']}/pdf"
    answer = paid.buyer.get(url)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:marketcore:problem:in-progress"
    assert invoice["number"] in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert paid.stranger().get(url).status_code == 404
    paid.run_jobs()
    assert paid.invoice()["ready"] is True
    assert paid.buyer.get(url).status_code == 200


@pytest.mark.parametrize("path", ["orders/{order}/invoice", "orders/{order}/invoice.pdf"])
def test_an_order_that_is_not_paid_has_no_invoice(trade, path):
    answer = trade.buyer.get("/api/v1/" + path.format(order=trade.order_id))
    assert answer.status_code == 404
    assert "when they are paid" in answer.json()["detail"]


def walk(client, **query):
    """Return the numbers of every page of a list."""
    found, cursor = [], None
    while True:
        page = client.get("/api/v1/invoices", params={**query, "limit": 2, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        found += [document["number"] for document in page.json()["items"]]
        if not (cursor := page.json()["next"]):
            return found


def test_lists_hold_ones_own_documents_newest_first_by_side_and_kind(trade):
    for checkout in (trade.checkout, trade.check_out(), trade.check_out()):
        trade.pay_for(checkout)
    trade.give_back("10.00")
    invoices, notes = trade.numbers()[::-1], trade.numbers("credit_note")
    assert walk(trade.buyer) == walk(trade.seller, role="seller") == notes + invoices
    assert walk(trade.buyer, kind="invoice") == invoices
    assert walk(trade.seller, role="seller", kind="credit_note") == notes
    assert walk(trade.buyer, role="seller") == walk(trade.seller) == walk(trade.stranger()) == []


def test_a_cursor_serves_only_the_list_it_came_from(trade):
    for checkout in (trade.checkout, trade.check_out()):
        trade.pay_for(checkout)
    cursor = trade.buyer.get("/api/v1/invoices", params={"limit": 1}).json()["next"]
    for client, query in ((trade.buyer, {"role": "seller"}), (trade.buyer, {"kind": "invoice"}), (trade.seller, {})):
        assert client.get("/api/v1/invoices", params={"cursor": cursor, **query}).status_code == 422
