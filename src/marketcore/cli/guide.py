"""The steps of ``marketcore tour``: a whole purchase against the running system, told in plain words.

Everything goes over real HTTP and a real WebSocket, as any client would do it. The first thing that differs from what
is expected ends the tour with exit code 1.
"""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click
import httpx

from marketcore.live.client import LiveClient
from marketcore.money import commission

PRICE_MINOR = 125_000
PRICE = {"amount": "1250.00", "currency": "KES"}
PATIENCE = 30


class Surprise(click.ClickException):
    """Something was not as the tour expects."""

    exit_code = 1


@dataclass
class Tour:
    """The state of one walk through a purchase."""

    web: str
    live: str
    simulator: str
    commission_bp: int
    say: Callable[[str], None]
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    steps: int = 0

    def walk(self) -> None:
        """Go from an empty shop to earnings on the seller's telephone."""
        self.meet()
        self.list_a_product()
        self.find_and_order()
        with self.watching() as socket:
            self.pay(socket)
            self.fulfil(socket)
        self.settle()
        self.pay_out()

    def meet(self) -> None:
        """Register a seller and a buyer."""
        self.seller = self._register("seller", "Amina")
        self.buyer = self._register("buyer", "Brian")

    def list_a_product(self) -> None:
        """Put a product with an image on sale."""
        title = f"Soapstone elephant {self.run}"
        product = self._call(self.seller, "POST", "/api/v1/products", json={"title": title, "description": "Kisii."})
        self._call(
            self.seller,
            "POST",
            f"/api/v1/products/{product['id']}/images",
            files={"file": ("elephant.png", _picture(), "image/png")},
        )
        offer = {"product_id": product["id"], "fixed_price": {"price": PRICE, "quantity": 3}}
        self.listing = self._call(self.seller, "POST", "/api/v1/listings", json=offer)
        self._tell(f"Amina lists “{title}” with an image, 3 of them at KES 1,250.00 each.")
        ready = self._until(lambda: self._images(product["id"])[0]["state"] == "ready")
        self._expect(ready, "the image's thumbnail was made by the worker")
        self._tell("The worker has made a thumbnail of the image.")

    def find_and_order(self) -> None:
        """Find the product by search, put it into the cart, check out."""
        found = self._call(self.buyer, "GET", "/api/v1/listings", params={"q": f"elephant {self.run}"})["items"]
        self._expect([item["id"] for item in found] == [self.listing["id"]], "search finds exactly the new listing")
        self._tell("Brian finds it by searching for “elephant”.")
        self._call(self.buyer, "POST", "/api/v1/cart/items", json={"listing_id": self.listing["id"], "quantity": 1})
        ship_to = {"name": "Brian Otieno", "line1": "Kimathi Street 3", "city": "Nairobi", "country": "KE"}
        self.checkout = self._call(self.buyer, "POST", "/api/v1/checkouts", json={"ship_to": ship_to})
        self.order = self.checkout["orders"][0]
        self._expect(self.order["state"] == "pending_payment", "a new order awaits its payment")
        self._tell(f"He puts it into his cart and checks out: order {self.order['id']}, to be paid: KES 1,250.00.")

    def watching(self) -> LiveClient:
        """Follow the order over the buyer's WebSocket."""
        socket = LiveClient(self.live, ticket=self._ticket, timeout=PATIENCE)
        socket.subscribe(f"order:{self.order['id']}")
        self._tell("His browser follows the order over a WebSocket.")
        return socket

    def pay(self, socket: LiveClient) -> None:
        """Pay by M-Pesa: the prompt, its approval, the callback, the query, the ledger."""
        payment = self._start_payment(self.checkout["id"])
        self._tell(f"He pays by M-Pesa; a prompt for KES 1,250 appears on his telephone (reference {payment['code']}).")
        self._approve(payment["code"])
        self._tell("He approves it. The gateway calls back, unsigned, so the platform asks it for the truth.")
        self._event(socket, "order.paid")
        order = self._order(self.buyer)
        self._expect(order["state"] == "paid", f"the order is paid, not {order['state']}")
        self._expect(order["held"] == PRICE, f"KES 1,250.00 is held, not {order['held']['amount']}")
        self._tell(
            "The payment is captured: the ledger holds KES 1,250.00 for the order, and his socket said `order.paid`."
        )

    def fulfil(self, socket: LiveClient) -> None:
        """Confirm, pack and ship as the seller, receive as the buyer."""
        for to, words in (("confirmed", "confirms"), ("packed", "packs"), ("shipped", "ships")):
            details = {"carrier": "G4S", "tracking_number": f"KE{self.run}"} if to == "shipped" else {}
            self._step(self.seller, to, **details)
            self._event(socket, f"order.{to}")
            self._tell(f"Amina {words} it; Brian sees `order.{to}` at once.")
        self._step(self.buyer, "delivered")
        self._event(socket, "order.delivered")
        self._event(socket, "order.completed")
        self._tell("Brian confirms delivery; the order is completed.")

    def settle(self) -> None:
        """Check where the money is now."""
        fee = commission(PRICE_MINOR, self.commission_bp)
        order = self._order(self.seller)
        self._expect(order["held"]["amount"] == "0.00", "nothing is held any more")
        ledger = self._call(self.seller, "GET", f"/api/v1/orders/{self.order['id']}/ledger")["items"]
        amounts = {entry["code"]: entry["amount"]["amount"] for entry in ledger}
        wanted = {"capture": "1250.00", "release": _kes(PRICE_MINOR - fee), "commission": _kes(fee)}
        self._expect(amounts == wanted, f"the ledger shows {wanted}, not {amounts}")
        balances = self._call(self.seller, "GET", "/api/v1/users/me/balances")["items"]
        payable = [entry["available"]["amount"] for entry in balances if entry["purpose"] == "seller_payable"]
        self._expect(payable == [_kes(PRICE_MINOR - fee)], f"Amina may claim {_kes(PRICE_MINOR - fee)}, not {payable}")
        self._tell(
            f"The held money is released: KES {_kes(fee)} ({self.commission_bp / 100:g} %) stays with the platform, "
            f"KES {_kes(PRICE_MINOR - fee)} is Amina's."
        )

    def pay_out(self) -> None:
        """Send the seller's earnings to her telephone, once an admin has approved it."""
        earned = {"amount": _kes(PRICE_MINOR - commission(PRICE_MINOR, self.commission_bp)), "currency": "KES"}
        wish = {"provider": "mpesa", "label": "my telephone", "details": {"phone": self._phone()}}
        destination = self._call(self.seller, "POST", "/api/v1/payout-destinations", json=wish)
        request = {"destination_id": destination["id"], "amount": earned}
        payout = self._call(self.seller, "POST", "/api/v1/payouts", json=request)
        self._expect(payout["state"] == "requested", f"the payout waits for an admin, it is {payout['state']}")
        self._tell(f"Amina asks for KES {earned['amount']} on her telephone; the ledger reserves it.")
        with self._admin() as admin:
            self._call(admin, "POST", f"/api/v1/payouts/{payout['id']}/decision", json={"approve": True})
        self._tell("An admin approves it. M-Pesa accepts it, and is asked what became of it.")
        read = f"/api/v1/payouts/{payout['id']}"
        paid = self._until(lambda: self._call(self.seller, "GET", read)["state"] == "paid")
        self._expect(paid, f"the payout is paid, not {self._call(self.seller, 'GET', read)['state']}")
        self._tell(f"The payout is paid, receipt {self._call(self.seller, 'GET', read)['receipt']}.")

    def _ticket(self) -> str:
        return str(self._call(self.buyer, "POST", "/api/v1/live/tickets")["ticket"])

    def _admin(self) -> httpx.Client:
        login = {"email": "admin@example.test", "password": "admin123"}
        with httpx.Client(base_url=self.web, trust_env=False, timeout=PATIENCE) as http:
            return self._client(self._call(http, "POST", "/api/v1/auth/login", json=login)["access"])

    def _client(self, access: str) -> httpx.Client:
        bearer = {"Authorization": f"Bearer {access}"}
        return httpx.Client(base_url=self.web, headers=bearer, trust_env=False, timeout=PATIENCE)

    def _register(self, role: str, name: str) -> httpx.Client:
        person = {
            "email": f"{name.lower()}-{self.run}@example.test",
            "password": f"tour-{uuid.uuid4().hex}",
            "first_name": name,
            "role": role,
        }
        with httpx.Client(base_url=self.web, trust_env=False, timeout=PATIENCE) as http:
            access = self._call(http, "POST", "/api/v1/auth/register", json=person)["access"]
        self._tell(f"{name} registers as a {role}.")
        return self._client(access)

    def _call(self, http: httpx.Client, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            answer = http.request(method, path, **request)
        except httpx.ConnectError:
            raise Surprise(f"nothing answers at {http.base_url}: start the system with `make run` first") from None
        if answer.status_code >= 300:
            raise Surprise(f"{method} {path} was answered {answer.status_code}: {answer.text}")
        document: dict[str, Any] = answer.json()
        return document

    def _step(self, http: httpx.Client, to: str, **details: str) -> None:
        self._call(http, "POST", f"/api/v1/orders/{self.order['id']}/steps", json={"to": to, **details})

    def _order(self, http: httpx.Client) -> dict[str, Any]:
        return self._call(http, "GET", f"/api/v1/orders/{self.order['id']}")

    def _images(self, product_id: int) -> list[dict[str, Any]]:
        images: list[dict[str, Any]] = self._call(self.seller, "GET", f"/api/v1/products/{product_id}")["images"]
        return images

    def _phone(self) -> str:
        """Return a number nobody else pays from at this moment; its ending leaves the decision to the handset."""
        return f"2547{int(self.run, 16) % 10**5:05d}555"

    def _start_payment(self, checkout_id: int) -> dict[str, Any]:
        """Have the prompt for a checkout of the buyer's sent to his telephone."""
        wish = {"purpose": "checkout", "reference": str(checkout_id), "payer": {"phone": self._phone()}}
        payment = self._call(self.buyer, "POST", "/api/v1/payments", json=wish)
        self._expect(payment["state"] == "pending", f"the prompt was accepted, not {payment['state']}")
        return payment

    def _approve(self, code: str) -> None:
        with httpx.Client(base_url=self.simulator, trust_env=False, timeout=PATIENCE) as http:
            prompts = self._until(lambda: [p for p in self._prompts(http) if p["reference"] == code])
            self._expect(bool(prompts), "the prompt is on the simulated telephone")
            self._call(http, "POST", f"/_sim/daraja/prompts/{prompts[0]['checkout_request_id']}/approve")

    def _prompts(self, http: httpx.Client) -> list[dict[str, Any]]:
        prompts: list[dict[str, Any]] = self._call(http, "GET", "/_sim/daraja/prompts")["items"]
        return prompts

    def _event(self, socket: LiveClient, kind: str) -> None:
        """Wait for the next event and expect it to be ``kind``; the one of the beginning may come first."""
        event = socket.next_event()
        while event["type"] == "order.pending_payment":
            event = socket.next_event()
        self._expect(event["type"] == kind, f"the socket says {kind}, not {event['type']}")

    def _until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (result := condition()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return result

    def _expect(self, truth: bool, what: str) -> None:
        if not truth:
            raise Surprise(f"step {self.steps + 1}: expected that {what}")

    def _tell(self, words: str) -> None:
        self.steps += 1
        self.say(f"{self.steps:3}. {words}")


def _kes(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def _picture() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(out, "PNG")
    return out.getvalue()
