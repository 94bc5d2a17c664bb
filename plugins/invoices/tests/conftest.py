"""A marketplace that issues invoices, with a seller and a buyer, and money without a provider."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from marketcore.interfaces import Outcome, ProviderResult
from marketcore.jobs.running import run_waiting
from marketcore.money import Money
from marketcore.orders.services import OrderService
from marketcore.refunds.services import RefundService
from marketcore.states import RefundState
from marketcore.testing.databases import database_from
from marketcore.testing.market import Market
from marketcore.testing.shop import PASSWORD, Shop, money_arrives, register
from marketcore_invoices.rules import Kind

_PROMISED = text(
    """INSERT INTO payments (code, user_id, purpose, reference, provider, currency, amount_minor, state, expires_at)
       SELECT substr(md5(random()::text), 1, 12), buyer_id, 'checkout', id::text, 'cash', currency, total_minor,
              'authorized', expires_at FROM checkouts WHERE id = :id RETURNING id"""
)


class Trade(Shop):
    """A shop whose checkouts are paid without a provider, and whose orders are invoiced."""

    def pay_for(self, checkout=None):
        """Let the whole total of a checkout be captured."""
        assert money_arrives(self.market, (checkout or self.checkout)["id"])

    def promise_to_pay(self):
        """Let the checkout be carried out before it is paid, as cash on delivery is; return the payment's id."""

        def promise(request):
            values = {"id": self.checkout["id"]}
            payment_id = request.db.execute(_PROMISED, values).scalar_one()
            assert request.find_service(OrderService).promise(self.checkout["id"], payment_id)
            return payment_id

        return self.market.perform(promise)

    def ask_back(self, amount):
        """Request a refund by hand of a part of the order; return its id."""

        def request_refund(request):
            refunds, minor = request.find_service(RefundService), Money.parse(amount, "KES").minor
            payment_id = refunds.payment_of(self.order_id)
            return refunds.request(payment_id, minor, order_id=self.order_id, target="by_hand")

        return self.market.perform(request_refund)

    def confirm(self, refund_id):
        """Say that the refund has been made."""
        self.market.perform(lambda request: request.find_service(RefundService).confirm(refund_id, "receipt 7"))

    def give_back(self, amount):
        """Request a refund and make it; return its id."""
        refund_id = self.ask_back(amount)
        self.confirm(refund_id)
        return refund_id

    def report(self, refund_id, state):
        """Let the refund's provider say that it has become ``state`` after all."""

        def settle(request):
            request.db.execute(text("SELECT FROM refunds WHERE id = :id FOR UPDATE"), {"id": refund_id})
            refunds = request.find_service(RefundService)
            refund = refunds.read(refund_id)
            request.db.execute(text("UPDATE refunds SET state = :to WHERE id = :id"), {"id": refund_id, "to": state})
            refunds.settle(refund, RefundState(state), ProviderResult(Outcome.UNKNOWN))

        self.market.perform(settle)

    def invoice(self, who=None):
        """Return the order's invoice as its buyer (or ``who``) sees it."""
        answer = (who or self.buyer).get(f"/api/v1/orders/{self.order_id}/invoice")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run_jobs(self):
        return run_waiting(self.market.registry)

    def numbers(self, kind=Kind.INVOICE):
        """Return the numbers of the seller's documents, oldest first."""
        rows = self.market.query(
            "SELECT number FROM invoices_documents WHERE kind = :kind AND seller_id = :seller ORDER BY id",
            kind=str(kind),
            seller=self.seller_user["user"]["id"],
        )
        return [row.number for row in rows]

    def files(self):
        """Return the rows of the files of the seller's documents."""
        return self.market.query(
            """SELECT f.document_id, f.pdf, f.created_at FROM invoices_files f
               JOIN invoices_documents d ON d.id = f.document_id WHERE d.seller_id = :seller""",
            seller=self.seller_user["user"]["id"],
        )

    def stranger(self):
        return self.market.client(register(self.market, "buyer")["access"])

    def admin(self):
        user = register(self.market, "buyer")["user"]
        self.market.query("UPDATE users SET roles = '{admin}' WHERE id = :id", id=user["id"])
        login = {"email": user["email"], "password": PASSWORD}
        return self.market.client(self.market.client().post("/api/v1/auth/login", json=login).json()["access"])


@pytest.fixture(scope="module")
def shared(servers, templates, tmp_path_factory):
    """A served marketplace for the tests of a module: each brings its own seller and buyer."""
    with database_from(servers[0], templates("invoices")) as url:
        market = Market(
            {
                "marketcore.plugins": "invoices",
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                "identity.argon2_memory_kib": "1024",
                "identity.argon2_time_cost": "1",
                **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
            }
        )
        try:
            with market.serving():
                yield market
        finally:
            market.close()


@pytest.fixture
def trade(shared):
    return Trade(shared, stock=9)


@pytest.fixture
def paid(trade):
    """A trade whose order is paid."""
    trade.pay_for()
    return trade


@pytest.fixture
def make_trade(make_market):
    """Return ``trade(settings, **shop_options)`` in a marketplace of its own."""

    def make(settings=None, **options):
        return Trade(make_market("invoices", **(settings or {})), **options)

    return make


@pytest.fixture(scope="session")
def words_of():
    """Return ``words(pdf)``: a PDF's text, white space made single blanks, without places where words may break."""

    def words(pdf):
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
        return " ".join(" ".join(pages).replace("\u200b", "").split())

    return words
