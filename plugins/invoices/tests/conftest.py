"""A marketplace that issues invoices, with a seller and a buyer, and money without a provider."""

from __future__ import annotations

import io
import uuid

import pytest
from pypdf import PdfReader

from marketcore.events import OrderStateChanged, RefundChanged
from marketcore.jobs.running import run_waiting
from marketcore.ledger.accounts import provider_clearing
from marketcore.money import Money
from marketcore.orders.services import OrderService
from marketcore.testing.databases import database_from
from marketcore.testing.market import Market
from marketcore.testing.shop import PASSWORD, Shop, register
from marketcore_invoices.rules import Kind

STEPS_OF_A_REFUND = ("requested", "submitting", "pending", "succeeded")


class Trade(Shop):
    """A shop whose checkouts are paid without a provider, and whose orders are invoiced."""

    def pay_for(self, checkout=None):
        """Let the whole total of a checkout be captured."""
        checkout_id = (checkout or self.checkout)["id"]
        clearing = provider_clearing("cash", self.listing["price"]["currency"])
        self.market.perform(lambda request: request.find_service(OrderService).pay(checkout_id, uuid.uuid4(), clearing))

    def give_back(self, amount, *, refund_id=None, states=STEPS_OF_A_REFUND, order_id=0):
        """Let a refund of the order go through ``states``, each in a transaction of its own; return its id."""
        refund_id = refund_id or uuid.uuid4()
        for state in states:
            fact = RefundChanged(
                refund_id=refund_id,
                payment_id=uuid.uuid4(),
                order_id=self.order_id if order_id == 0 else order_id,
                state=state,
                amount=Money.parse(amount, "KES"),
            )
            self.market.perform(lambda request, fact=fact: request.emit(fact))
        return refund_id

    def complete_unpaid(self):
        """Let the order be completed although no payment was captured for it, as cash on delivery is."""
        buyer, seller = self.buyer_user["user"]["id"], self.seller_user["user"]["id"]
        with self.market.work() as request:
            for statement in (
                "UPDATE orders SET state = 'completed' WHERE id = :id",
                "INSERT INTO order_history (order_id, seq, previous, state) VALUES (:id, 2, 'delivered', 'completed')",
            ):
                request.db.connection().exec_driver_sql(statement.replace(":id", str(self.order_id)))
            request.emit(OrderStateChanged(self.order_id, buyer, seller, "delivered", "completed", None))

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
                "identity.argon2_memory_kib": "8192",
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
