"""A marketplace with live streams, its people, and how they are reached."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from marketcore.testing.live import LiveClient
from marketcore.testing.shop import ADDRESS, register

PATIENCE = 20


@dataclass
class Person:
    """Somebody who is logged in."""

    id: int
    username: str
    token: str
    http: httpx.Client

    def ok(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request that has to succeed; return its document."""
        answer = self.http.request(method, f"/api/v1{path}", json=json)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, json: Any = None) -> tuple[int, str]:
        """Send a request that has to be refused; return its status and the code of the problem."""
        answer = self.http.request(method, f"/api/v1{path}", json=json)
        assert answer.status_code >= 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.status_code, answer.json()["type"].rpartition("/")[2].rpartition(":")[2]


class Studio:
    """The marketplace and its cast: a seller with a rival, and three who watch."""

    def __init__(self, market: Any, live: Any) -> None:
        self.market = market
        self.live = live
        self.seller, self.rival = self.person("seller"), self.person("seller")
        self.ann, self.ben, self.eve = (self.person("buyer") for _ in range(3))
        self.guest = market.client()

    def person(self, role: str) -> Person:
        """Register somebody."""
        made = register(self.market, role)
        user = made["user"]
        return Person(user["id"], user["username"], made["access"], self.market.client(made["access"]))

    def socket(self, person: Person | None, path: str = "/") -> LiveClient:
        """Open a socket."""
        return LiveClient(f"{self.live.url}{path}", token=person.token if person else None)

    def stream(self, *, live: bool = True, **fields: Any) -> dict[str, Any]:
        """Return a stream of the seller, who is not live otherwise."""
        self.finish()
        stream = self.seller.ok("POST", "/livestreams", {"title": "Baskets", **fields})
        return self.seller.ok("POST", f"/livestreams/{stream['id']}/start") if live else stream

    def finish(self) -> None:
        """End whatever the seller has live."""
        for stream in self.seller.ok("GET", f"/livestreams?state=live&seller_id={self.seller.id}")["items"]:
            self.seller.ok("POST", f"/livestreams/{stream['id']}/end")

    def offer(self, price: str = "500.00", owner: Person | None = None) -> dict[str, Any]:
        """Return a new listing at a fixed price."""
        owner = owner or self.seller
        product = owner.ok("POST", "/products", {"title": f"Kiondo {uuid.uuid4().hex[:6]}"})
        terms = {"price": {"amount": price, "currency": "KES"}, "quantity": 50}
        return owner.ok("POST", "/listings", {"product_id": product["id"], "fixed_price": terms})

    def show(self, stream: dict[str, Any], *listings: dict[str, Any]) -> list[dict[str, Any]]:
        """Put what is listed into the stream's run list; return it."""
        for listing in listings:
            shown = self.seller.ok(
                "POST", f"/livestreams/{stream['id']}/items", {"product_id": listing["product"]["id"]}
            )
        return shown["items"]

    def viewers(self, stream: dict[str, Any], count: int) -> bool:
        """Wait until so many are watching."""
        deadline = time.monotonic() + PATIENCE
        while self.guest.get(f"/api/v1/livestreams/{stream['id']}/viewers").json()["viewers"] != count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def buy(self, person: Person, listing: dict[str, Any], **terms: Any) -> Any:
        """Let somebody put one piece into the cart and check it out; return the answer."""
        person.ok("POST", "/cart/items", {"listing_id": listing["id"], "quantity": 1})
        return person.http.post("/api/v1/checkouts", json={"ship_to": ADDRESS, **terms})
