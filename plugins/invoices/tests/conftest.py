"""A marketplace that issues invoices, with a seller and a buyer, and money without a provider."""

from __future__ import annotations

import io
import uuid

import pytest
from marketcore_invoices.rules import Kind
from pypdf import PdfReader

from marketcore.events import RefundChanged
from marketcore.jobs.running import run_waiting
from marketcore.ledger.accounts import provider_clearing
from marketcore.money import Money
from marketcore.orders.services import OrderService
from marketcore.states import OrderState
from marketcore.testing.shop import PASSWORD, Shop, register


class Trade(Shop):
    """A shop whose checkouts are paid without a provider, and whose orders are invoiced."""

    def pay_for(self, checkout=None):
        """Let the whole total of a checkout be captured."""
        checkout_id = (checkout or self.checkout)["id"]
        clearing = provider_clearing("cash", self.listing["price"]["currency"])
        self.market.perform(
            lambda request: request.find_service(OrderService).pay(checkout_id, uuid.uuid4(), clearing)
        )

    def give_back(self, amount, *, refund_id=None, states=("requested", "submitted", "succeeded"), order_id=None):
        """Let a refund of the order go through its states, each in a transaction of its own."""
        refund_id = refund_id or uuid.uuid4()
        for state in states:
            fact = RefundChanged(
                refund_id=refund_id,
                payment_id=uuid.uuid4(),
                order_id=order_id or self.order_id,
                state=state,
                amount=Money.parse(amount, "KES"),
            )
            self.market.perform(lambda request, fact=fact: request.emit(fact))
        return refund_id

    def invoice(self, who=None):
        """Return the order's invoice as its buyer (or ``who``) sees it."""
        answer = (who or self.buyer).get(f"/api/v1/orders/{self.order_id}/invoice")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run_jobs(self):
        return run_waiting(self.market.registry)

    def numbers(self, kind=Kind.INVOICE):
        rows = self.market.query("SELECT number FROM invoices_documents WHERE kind = :kind ORDER BY id", kind=str(kind))
        return [row.number for row in rows]

    def stranger(self):
        return self.market.client(register(self.market, "buyer")["access"])

    def admin(self):
        user = register(self.market, "buyer")["user"]
        self.market.query("UPDATE users SET roles = '{admin}' WHERE id = :id", id=user["id"])
        login = {"email": user["email"], "password": PASSWORD}
        return self.market.client(self.market.client().post("/api/v1/auth/login", json=login).json()["access"])

    @property
    def seller_id(self):
        return self.seller_user["user"]["id"]

    def move(self, order_id, target):
        """Let the platform itself move an order, as a plugin's payment by hand does."""

        def moved(request):
            service = request.find_service(OrderService)
            order = request.db.execute(
                OrderService.move.__globals__["_LOCK"], {"id": order_id}
            ).one()
            service.move(order, OrderState(target), None)

        self.market.perform(moved)


@pytest.fixture
def make_trade(make_market):
    """Return ``trade(settings, **shop_options)``."""

    def make(settings=None, **options):
        return Trade(make_market("invoices", **(settings or {})), **options)

    return make


@pytest.fixture
def trade(make_trade):
    return make_trade()


@pytest.fixture
def paid(trade):
    """A trade whose order is paid."""
    trade.pay_for()
    return trade


def words_of(pdf):
    """Return the text of a PDF with its white space made single blanks, without break opportunities."""
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    return " ".join(" ".join(pages).replace("\u200b", "").split())
