"""A seller, a buyer and a purchase, made over HTTP: where tests of payments start from."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
from sqlalchemy import text

from marketcore.ledger.accounts import provider_clearing
from marketcore.money import Money
from marketcore.orders.jobs import expire_unpaid
from marketcore.orders.services import OrderService
from marketcore.testing.market import Market

PASSWORD = "correct horse battery staple"  # noqa: S105 - of invented people
ADDRESS = {"name": "Wanjiku Kamau", "line1": "Moi Avenue 1", "city": "Nairobi", "country": "KE"}


def register(market: Market, role: str) -> dict[str, Any]:
    """Register somebody new and return ``{"user": …, "access": …, "refresh": …}``."""
    person = {"email": f"{role}-{uuid.uuid4().hex[:12]}@example.test", "password": PASSWORD, "role": role}
    with market.client() as http:
        answer = http.post("/api/v1/auth/register", json=person)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


_ARRIVED = """
    INSERT INTO payments (code, user_id, purpose, reference, provider, currency, amount_minor, received_minor, state,
                          expires_at)
    SELECT substr(md5(random()::text), 1, 12), buyer_id, 'checkout', id::text, :provider, currency, total_minor,
           total_minor, 'captured', expires_at FROM checkouts WHERE id = :checkout RETURNING id, currency, amount_minor
"""


def money_arrives(market: Market, checkout_id: int, provider: str = "cash") -> bool:
    """Let a checkout be paid without any provider's doing; return whether its orders took the money."""

    def pay(request: Any) -> bool:
        row = request.db.execute(text(_ARRIVED), {"checkout": checkout_id, "provider": provider}).one()
        amount, clearing = Money(row.amount_minor, row.currency), provider_clearing(provider, row.currency)
        paid: bool = request.find_service(OrderService).pay(checkout_id, row.id, amount, clearing)
        if not paid:
            request.db.execute(text("DELETE FROM payments WHERE id = :id"), {"id": row.id})
        return paid

    return market.perform(pay)


class Shop:
    """One listing of one seller, and a buyer whose checkout of it awaits payment."""

    def __init__(
        self, market: Market, *, price: str = "500.00", currency: str = "KES", stock: int = 5, quantity: int = 1
    ) -> None:
        self.market = market
        self.stock = stock
        self.quantity = quantity
        self.seller_user, self.buyer_user = register(market, "seller"), register(market, "buyer")
        self.seller = market.client(self.seller_user["access"])
        self.buyer = market.client(self.buyer_user["access"])
        self.listing = self.publish(price, currency, stock)
        self.checkout = self.check_out(quantity)

    def log_in(self) -> None:
        """Log both people in again: their tokens do not outlive a journey through time."""
        for person, http in ((self.seller_user, self.seller), (self.buyer_user, self.buyer)):
            given = {"email": person["user"]["email"], "password": PASSWORD}
            person.update(_ok(http.post("/api/v1/auth/login", json=given)))
            http.headers["Authorization"] = f"Bearer {person['access']}"

    def publish(self, price: str, currency: str, stock: int) -> dict[str, Any]:
        """Let the seller offer something new at a fixed price."""
        product = _ok(self.seller.post("/api/v1/products", json={"title": f"Kiondo basket {uuid.uuid4().hex[:6]}"}))
        offer = {"price": {"amount": price, "currency": currency}, "quantity": stock}
        return _ok(self.seller.post("/api/v1/listings", json={"product_id": product["id"], "fixed_price": offer}))

    def check_out(self, quantity: int = 1) -> dict[str, Any]:
        """Let the buyer order ``quantity`` of the listing; the order awaits payment."""
        _ok(self.buyer.post("/api/v1/cart/items", json={"listing_id": self.listing["id"], "quantity": quantity}))
        return _ok(self.buyer.post("/api/v1/checkouts", json={"ship_to": ADDRESS}))

    @property
    def order_id(self) -> int:
        """The id of the checkout's (first) order."""
        order_id: int = self.checkout["orders"][0]["id"]
        return order_id

    def start_payment(self, payer: dict[str, Any], *, key: str | None = None) -> httpx.Response:
        """Send the request that starts to pay the checkout."""
        body = {"purpose": "checkout", "reference": str(self.checkout["id"]), "payer": payer}
        with self.market.client(self.buyer_user["access"]) as http:
            return http.post("/api/v1/payments", json=body, headers={"Idempotency-Key": key} if key else {})

    def pay(self, payer: dict[str, Any]) -> dict[str, Any]:
        """Start to pay the checkout and return the payment."""
        return _ok(self.start_payment(payer))

    def read_payment(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Return the payment as it stands."""
        with self.market.client(self.buyer_user["access"]) as http:
            return _ok(http.get(f"/api/v1/payments/{payment['id']}"))

    def read_order(self) -> dict[str, Any]:
        """Return the order as its buyer sees it."""
        return _ok(self.buyer.get(f"/api/v1/orders/{self.order_id}"))

    def step(self, who: httpx.Client, to: str, **details: str) -> dict[str, Any]:
        """Let ``who`` take the order one step further."""
        return _ok(who.post(f"/api/v1/orders/{self.order_id}/steps", json={"to": to, **details}))

    def run_deadlines(self) -> None:
        """Let the deadlines of orders pass judgement now."""
        self.market.perform(expire_unpaid)

    def stock_left(self) -> int:
        """Return how many of the listing can still be bought."""
        rows = self.market.query("SELECT quantity FROM listings WHERE id = :id", id=self.listing["id"])
        left: int = rows[0][0]
        return left

    def assert_paid_once(self) -> None:
        """One capture, the whole total held once, the order paid once, the stock sold once."""
        order = self.read_order()
        assert order["state"] == "paid", order
        assert order["held"] == order["total"]
        assert [change["state"] for change in order["history"]].count("paid") == 1
        captures = self.market.query(
            "SELECT amount FROM ledger_transfers WHERE code = 'capture' AND ref_type = 'order' AND ref_id = :id",
            id=str(self.order_id),
        )
        assert len(captures) == 1
        assert self.stock_left() == self.stock - self.quantity

    def admin(self) -> httpx.Client:
        """Return a client of an admin."""
        user = register(self.market, "buyer")["user"]
        self.market.query("UPDATE users SET roles = '{admin}' WHERE id = :id", id=user["id"])
        with self.market.client() as http:
            session = _ok(http.post("/api/v1/auth/login", json={"email": user["email"], "password": PASSWORD}))
        return self.market.client(session["access"])

    def codes(self) -> list[str]:
        """Return the codes of all transfers, in order."""
        return [row.code for row in self.market.query("SELECT code FROM ledger_transfers ORDER BY seq")]

    def refund(self, **body: Any) -> dict[str, Any]:
        """Let the seller give back the order's money, or ``amount`` of it."""
        wish = {"reason": "not as described", **body}
        return _ok(self.seller.post(f"/api/v1/orders/{self.order_id}/refunds", json=wish))

    def read_refund(self, refund: dict[str, Any]) -> dict[str, Any]:
        """Return the refund as it stands."""
        return _ok(self.seller.get(f"/api/v1/refunds/{refund['id']}"))

    def assert_unpaid(self) -> None:
        """No money has moved for the checkout, and none of its orders is paid."""
        assert self.market.query("SELECT * FROM ledger_transfers") == []
        assert self.read_order()["state"] in ("pending_payment", "expired")


def _ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code < 300, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    document: dict[str, Any] = answer.json()
    return document
