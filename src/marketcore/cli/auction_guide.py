"""The second half of ``marketcore tour``: an auction, where that plugin is enabled."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from marketcore.cli.guide import PATIENCE, Tour
from marketcore.live.client import LiveClient

LASTS = timedelta(seconds=10)
START = {"amount": "4000.00", "currency": "KES"}
SHIP_TO = {"name": "Brian Otieno", "line1": "Kimathi Street 3", "city": "Nairobi", "country": "KE"}


class WholeTour(Tour):
    """A purchase and an auction."""

    def walk(self) -> None:
        """Take the first half, and then sell something to whoever bids most."""
        super().walk()
        if self.buyer.get("/api/v1/auctions").status_code == 404:
            return
        self.rival = self._register("buyer", "Chloe")
        self.open_auction()
        with ExitStack() as stack:
            brian, chloe = (stack.enter_context(self._at_auction(who)) for who in (self.buyer, self.rival))
            self.bid(brian, chloe)
            self.win(brian)
        self.prove()

    def open_auction(self) -> None:
        """Put something up for auction, for a few seconds."""
        title = f"Ngoma drum {self.run}"
        product = self._call(self.seller, "POST", "/api/v1/products", json={"title": title})
        ends_at = (datetime.now(UTC) + LASTS).isoformat()
        terms = {"price": START, "ends_at": ends_at, "soft_close": {"policy": "none"}}
        offer = {"product_id": product["id"], "auction": terms}
        self.lot = self._call(self.seller, "POST", "/api/v1/listings", json=offer)
        self._tell(f"Amina puts “{title}” up for auction, from KES 4,000.00, for {LASTS.seconds} seconds.")

    def bid(self, brian: LiveClient, chloe: LiveClient) -> None:
        """Let two people outbid each other over their sockets."""
        self._expect(self._bid(brian, "5000.00") == (True, "4000.00"), "the first bid leads at the starting price")
        self._tell("Brian bids up to KES 5,000.00 over his socket and leads at KES 4,000.00.")
        self._expect(self._bid(chloe, "4500.00") == (False, "4550.00"), "the house bids for Brian, one step above")
        self._tell("Chloe bids 4,500.00: the house bids for Brian, who still leads, now at 4,550.00.")
        self._expect(self._bid(chloe, "6000.00") == (True, "5100.00"), "the higher maximum leads")
        self._hear(brian, "auction.outbid")
        self._tell("She bids up to 6,000.00 and leads at 5,100.00. Brian's socket says `auction.outbid`.")
        self._expect(self._bid(brian, "8000.00") == (True, "6100.00"), "and so does a still higher one")
        self._hear(chloe, "auction.outbid")
        self._tell("He goes up to 8,000.00 and leads at 6,100.00; now it is she who hears `auction.outbid`.")

    def win(self, brian: LiveClient) -> None:
        """Close the auction and let the winner pay."""
        won = self._hear(brian, "auction.won")
        self._expect(won["price"]["amount"] == "6100.00", f"the lot costs KES 6,100.00, not {won['price']['amount']}")
        self._tell(f"The time is up. Brian's socket says `auction.won`: order {won['order_id']}, KES 6,100.00.")
        self._call(self.buyer, "PUT", f"/api/v1/checkouts/{won['checkout_id']}/ship-to", json=SHIP_TO)
        self._approve(self._start_payment(won["checkout_id"])["code"])
        read = partial(self._call, self.buyer, "GET", f"/api/v1/orders/{won['order_id']}")
        self._expect(self._until(lambda: read()["state"] == "paid"), f"the order is paid, not {read()['state']}")
        self._tell("He says where to send it and pays by M-Pesa; the order is paid.")

    def prove(self) -> None:
        """Run the auction's log through the engine again."""
        log = self.buyer.get(f"/api/v1/auctions/{self.lot['id']}/log").content
        command = [sys.executable, "-m", "marketcore.cli", "auctions", "replay", str(self.lot["id"]), "--file", "-"]
        told = subprocess.run(  # noqa: S603 - our own command
            command, input=log, capture_output=True, timeout=PATIENCE, check=False
        )
        self._expect(told.returncode == 0, f"the log proves the auction: {(told.stdout + told.stderr).decode()}")
        self._tell("Anybody may prove it: the log is downloaded and run through the engine, which says the same.")

    def _at_auction(self, who: Any) -> LiveClient:
        """Return a socket that listens to somebody's own channel."""
        user_id = self._call(who, "GET", "/api/v1/users/me")["id"]
        ticket = partial(self._call, who, "POST", "/api/v1/live/tickets")
        socket = LiveClient(self.live, ticket=lambda: ticket()["ticket"], timeout=PATIENCE)
        socket.subscribe(f"user:{user_id}")
        return socket

    def _bid(self, socket: LiveClient, amount: str) -> tuple[bool, str]:
        """Send a bid and return whether it leads, and at what price."""
        maximum = {"amount": amount, "currency": "KES"}
        answer = socket.command("auctions.place_bid", {"auction_id": self.lot["id"], "maximum": maximum})
        return answer["leading"], answer["price"]["amount"]

    def _hear(self, socket: LiveClient, kind: str) -> dict[str, Any]:
        event = socket.next_event()
        while event["type"] == "notification":  # tells the same in words
            event = socket.next_event()
        self._expect(event["type"] == kind, f"the socket says {kind}, not {event['type']}")
        data: dict[str, Any] = event["data"]
        return data
