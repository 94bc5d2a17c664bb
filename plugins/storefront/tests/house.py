"""Sellers, bidders and auctions over HTTP, and visitors of the pages in a browser."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from marketcore.money import Money
from marketcore.testing.market import Market
from marketcore.testing.shop import PASSWORD, register


def kes(amount: str) -> dict[str, str]:
    """Return an amount of Kenyan shillings."""
    return {"amount": amount, "currency": "KES"}


def soon(seconds: float) -> str:
    """Return the time in so many seconds, as the API reads it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


class House:
    """A marketplace with auctions, and one seller."""

    def __init__(self, market: Market) -> None:
        self.market = market
        person = register(market, "seller")
        self.seller, self._seller_id = market.client(person["access"]), person["user"]["id"]

    def auction(self, title: str = "", **terms: Any) -> int:
        """Put something up for auction and return its id; it runs for an hour from 1000.00 unless ``terms`` say so."""
        product = {"title": title or f"Drum {uuid.uuid4().hex[:6]}", "description": "Mvule and goatskin.\nOld."}
        product_id = self.done(self.seller.post("/api/v1/products", json=product))["id"]
        fields = {"price": kes("1000.00"), **({} if "ends_at" in terms else {"duration_minutes": 60}), **terms}
        offer = {"product_id": product_id, "auction": fields}
        return int(self.done(self.seller.post("/api/v1/listings", json=offer))["id"])

    def conducted(self, title: str) -> int:
        """Put something up whose clock the seller holds, and return its id."""
        from marketcore.catalog.services import ListingService

        product_id = self.done(self.seller.post("/api/v1/products", json={"title": title}))["id"]
        terms = {"price": Money(100_000, "KES"), "conducted": True}

        def put_up(request: Any) -> int:
            return int(request.find_service(ListingService).publish(self._seller_id, product_id, "auction", terms))

        return int(self.market.perform(put_up))

    def conduct(self, step: str, auction_id: int) -> None:
        """Let the seller ``pause`` or ``resume``."""
        from marketcore_auctions.conducting import AuctionConductor

        def change(request: Any) -> None:
            getattr(request.find_service(AuctionConductor), step)(auction_id, self._seller_id)

        self.market.perform(change)

    def bidder(self) -> tuple[str, httpx.Client]:
        """Register somebody; return the username and a client."""
        person = register(self.market, "buyer")
        return person["user"]["username"], self.market.client(person["access"])

    def bid(self, client: httpx.Client, auction_id: int, amount: str) -> dict[str, Any]:
        """Bid over HTTP."""
        return self.done(client.post(f"/api/v1/auctions/{auction_id}/bids", json={"maximum": kes(amount)}))

    def bids(self, auction_id: int) -> list[dict[str, Any]]:
        """Return the bids of an auction, newest first."""
        return list(self.done(self.seller.get(f"/api/v1/auctions/{auction_id}/bids"))["items"])

    def close_due(self) -> int:
        """Close what is over, as the worker would."""
        from marketcore_auctions.services import AuctionService

        return int(self.market.perform(lambda request: request.find_service(AuctionService).close_due()))

    @staticmethod
    def done(answer: httpx.Response) -> dict[str, Any]:
        """Return the document of an answer that is no refusal."""
        assert answer.is_success, answer.text
        document: dict[str, Any] = answer.json()
        return document


# A clock that is wrong by MINUTES.
_SHIFTED = """
const ahead = MINUTES * 60000, RealDate = Date;
window.Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(RealDate.now() + ahead); }
  static now() { return RealDate.now() + ahead; }
};
"""
# What a browser reports of a socket or request that found nobody, or was refused: the page deals with it.
EXPECTED = ("WebSocket connection to", "Failed to load resource: the server responded with a status of 4")


class Visitor:
    """Somebody with a browser of their own, and everything that it complained of."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.complaints: list[str] = []
        context.on("console", lambda message: self._note(message.type, message.text))
        context.on("weberror", lambda event: self.complaints.append(str(event.error)))
        self.page = context.new_page()

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(EXPECTED):
            self.complaints.append(text)

    def set_clock(self, minutes: int) -> None:
        """Let the browser's own clock be wrong by so many minutes."""
        self.context.add_init_script(_SHIFTED.replace("MINUTES", str(minutes)))

    def open(self, path: str) -> Any:
        """Go to ``path`` and return the page."""
        self.page.goto(path)
        return self.page

    def sign_in(self, username: str) -> None:
        """Sign in by the page's dialog."""
        self.page.get_by_role("button", name="Sign in", exact=True).first.click()
        self.page.get_by_label("E-mail address or username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name="Sign out").wait_for()

    def bid(self, amount: str) -> None:
        """Type an amount and send it."""
        self.page.locator("#maximum").fill(amount)
        self.page.get_by_role("button", name="Place bid").click()
