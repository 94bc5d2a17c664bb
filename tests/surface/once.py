"""For every route that takes an ``Idempotency-Key``: somebody for whom a request to it has an effect."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marketcore.interfaces import Outcome, ProviderResult
from marketcore.money import Money
from marketcore.payments.services import PaymentService
from marketcore.testing.shop import money_arrives

from .people import People, Person
from .world import SHIP_TO


@dataclass
class Sending:
    """One request that has not been sent yet; ``other`` is another body that is as good."""

    path: str
    who: Person
    body: Mapping[str, Any] | None
    other: Mapping[str, Any] | None = None
    status: int = 200


class Purchase:
    """A seller, a buyer, and the buyer's cart; each step is taken when it is asked for."""

    def __init__(self, people: People) -> None:
        self.people, self.seller, self.buyer = people, people.new("seller"), people.new("buyer")
        product = self.made(self.seller, "/api/v1/products", {"title": f"Kikoi {uuid.uuid4().hex}"})
        offer = {"price": {"amount": "750.00", "currency": "KES"}, "quantity": 9}
        given = {"product_id": product["id"], "fixed_price": offer}
        listing = self.made(self.seller, "/api/v1/listings", given)
        self.made(self.buyer, "/api/v1/cart/items", {"listing_id": listing["id"]})

    def made(self, who: Person, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.people.ask("POST", path, who.access, body)
        assert answer.is_success, f"{path}: {answer.text}"
        document: dict[str, Any] = answer.json()
        return document

    def ordered(self) -> dict[str, Any]:
        return self.made(self.buyer, "/api/v1/checkouts", {"ship_to": SHIP_TO})

    def paid(self) -> int:
        """Return the id of the order, paid."""
        checkout = self.ordered()
        assert money_arrives(self.people.market, checkout["id"], "mpesa")
        order_id: int = checkout["orders"][0]["id"]
        return order_id

    def by_hand(self) -> str:
        """Return the id of a refund that waits for somebody's hand."""
        wish = {"target": "by_hand", "reason": "as agreed"}
        refund_id: str = self.made(self.seller, f"/api/v1/orders/{self.paid()}/refunds", wish)["id"]
        return refund_id

    def set_aside(self) -> str:
        """Return the id of a payment that has brought too little, which nobody has decided about."""
        body = {"purpose": "checkout", "reference": str(self.ordered()["id"]), "payer": {"phone": "0712345678"}}
        payment_id: str = self.made(self.buyer, "/api/v1/payments", body)["id"]
        told = ProviderResult(Outcome.SUCCEEDED, amount=Money(100, "KES"))
        self.people.market.perform(
            lambda request: request.find_service(PaymentService).apply_provider_state(
                uuid.UUID(payment_id), told, "test"
            )
        )
        return payment_id


def checkouts(people: People) -> Sending:
    purchase = Purchase(people)
    elsewhere = {**SHIP_TO, "city": "Nakuru"}
    return Sending("/api/v1/checkouts", purchase.buyer, {"ship_to": SHIP_TO}, {"ship_to": elsewhere}, 201)


def steps(people: People) -> Sending:
    purchase = Purchase(people)
    order_id = purchase.paid()
    people.market.query("UPDATE orders SET state = 'shipped' WHERE id = :id", id=order_id)
    body = {"to": "delivered"}
    return Sending(f"/api/v1/orders/{order_id}/steps", purchase.buyer, body, {**body, "note": "in good condition"})


def payments(people: People) -> Sending:
    purchase = Purchase(people)
    body = {"purpose": "checkout", "reference": str(purchase.ordered()["id"]), "payer": {"phone": "0712345678"}}
    return Sending("/api/v1/payments", purchase.buyer, body, {**body, "payer": {"phone": "0712345679"}}, 202)


def refunds(people: People) -> Sending:
    purchase = Purchase(people)
    body = {"target": "by_hand", "reason": "as agreed", "amount": {"amount": "100.00", "currency": "KES"}}
    path = f"/api/v1/orders/{purchase.paid()}/refunds"
    return Sending(path, purchase.seller, body, {**body, "amount": {"amount": "100.01", "currency": "KES"}}, 201)


def retries(people: People) -> Sending:
    refund_id = Purchase(people).by_hand()
    path = f"/api/v1/refunds/{refund_id}/retries"
    return Sending(path, people.new("admin"), {"target": "by_hand"}, {"target": "original"}, 201)


def confirmations(people: People) -> Sending:
    refund_id = Purchase(people).by_hand()
    path = f"/api/v1/refunds/{refund_id}/confirmation"
    return Sending(path, people.new("admin"), {"receipt": "M-0001"}, {"receipt": "M-0002"})


def set_asides(people: People) -> Sending:
    payment_id = Purchase(people).set_aside()
    body = {"action": "refund", "target": "by_hand", "reason": "too little"}
    path = f"/api/v1/payments/{payment_id}/set-aside"
    return Sending(path, people.new("admin"), body, {**body, "reason": "too little came"})


SENDINGS: dict[str, Callable[[People], Sending]] = {
    "orders.checkouts": checkouts,
    "orders.steps": steps,
    "payments.payments": payments,
    "refunds.order": refunds,
    "refunds.retry": retries,
    "refunds.confirmation": confirmations,
    "refunds.set_aside": set_asides,
}
