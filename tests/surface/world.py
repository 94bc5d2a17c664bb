"""Somebody's whole world: account, session, product, image, listing, cart, checkout, order, payment, invoice."""

from __future__ import annotations

import io
import uuid
from typing import Any

from PIL import Image

from marketcore.jobs.enqueueing import find_job
from marketcore.testing.shop import money_arrives

from .addresses import NOWHERE
from .people import People, Person

SHIP_TO = {"name": "Achieng Otieno", "line1": "Oginga Odinga Street 4", "city": "Kisumu", "country": "KE"}


def picture() -> bytes:
    """Return a small PNG."""
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(stream, "PNG")
    return stream.getvalue()


def print_invoice(request: Any, invoice_id: int) -> None:
    """Do what the job does that makes the invoice's PDF."""
    find_job(request.registry, "invoices.make_pdf").run(request, document_id=invoice_id)


class World:
    """A seller who offers something, and a buyer who has ordered, begun to pay for it and paid otherwise."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.seller, self.buyer = people.new("seller"), people.new("buyer")
        self.category = self._made("POST", "/api/v1/categories", people.known("admin"), {"name": uuid.uuid4().hex})
        self.product = self._made("POST", "/api/v1/products", self.seller, {"title": f"Kikoi {uuid.uuid4().hex}"})
        self.image = self._upload(f"/api/v1/products/{self.product['id']}/images", self.seller)
        self._upload("/api/v1/users/me/picture", self.buyer)
        offer = {"price": {"amount": "750.00", "currency": "KES"}, "quantity": 9}
        self.listing = self._made(
            "POST", "/api/v1/listings", self.seller, {"product_id": self.product["id"], "fixed_price": offer}
        )
        self._made("POST", "/api/v1/cart/items", self.buyer, {"listing_id": self.listing["id"]})
        self.checkout = self._made("POST", "/api/v1/checkouts", self.buyer, {"ship_to": SHIP_TO})
        self.order = self.checkout["orders"][0]
        self._made("POST", "/api/v1/cart/items", self.buyer, {"listing_id": self.listing["id"]})
        self.payment = self._made(
            "POST",
            "/api/v1/payments",
            self.buyer,
            {"purpose": "checkout", "reference": str(self.checkout["id"]), "payer": {"phone": "0712345678"}},
        )
        assert money_arrives(people.market, self.checkout["id"])
        self.invoice = self._made("GET", f"/api/v1/orders/{self.order['id']}/invoice", self.buyer)
        people.market.perform(print_invoice, self.invoice["id"])
        self.session = self._made("GET", "/api/v1/users/me/sessions", self.buyer)["items"][0]
        hook = {"url": "https://93.184.215.14/hook", "description": f"Stock {uuid.uuid4().hex}"}
        self.endpoint = self._made("POST", "/api/v1/webhook-endpoints", self.seller, hook)
        self.delivery = self._made("POST", f"/api/v1/webhook-endpoints/{self.endpoint['id']}/test", self.seller)

    def _made(self, method: str, path: str, who: Person, body: Any = None) -> dict[str, Any]:
        answer = self._people.ask(method, path, who.access, body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        document: dict[str, Any] = answer.json()
        return document

    def _upload(self, path: str, who: Person) -> dict[str, Any]:
        answer = self._people.ask("POST", path, who.access, files={"file": ("a.png", picture(), "image/png")})
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def ids(self) -> dict[str, Any]:
        """Return what of this world each path parameter can name."""
        return {
            "category_id": self.category["id"],
            "product_id": self.product["id"],
            "media_id": self.image["id"],
            "listing_id": self.listing["id"],
            "checkout_id": self.checkout["id"],
            "order_id": self.order["id"],
            "payment_id": self.payment["id"],
            "session_id": self.session["id"],
            "invoice_id": self.invoice["id"],
            "user_id": self.buyer.id,
            "endpoint_id": self.endpoint["id"],
            "delivery_id": self.delivery["id"],
            **NOWHERE,
        }

    def secrets(self) -> set[str]:
        """Return texts that only the people of this world and admins may ever read."""
        return {
            self.seller.email,
            self.buyer.email,
            self.order["reference"],
            self.payment["id"],
            self.payment["code"],
            self.session["id"],
            self.endpoint["secret"],
            self.endpoint["description"],
            self.delivery["message_id"],
            self.invoice["number"],
        }
