"""The page and the program of docs/howto/listen-live.md, as they are printed there, watch an auction and bid in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyramid.response import Response

from marketcore.testing.live import LiveServer
from marketcore.testing.market import Market
from marketcore.testing.shop import register

TEXT = (Path(__file__).parents[2] / "docs/howto/listen-live.md").read_text()
(PAGE,) = re.findall(r"^```html\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
(LOADING,) = re.findall(r"^```js\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SUBSCRIPTION = re.search(r"^  live\.subscribe\(.*?^  \}\);\n", PAGE, re.MULTILINE | re.DOTALL)[0]
DEVELOPMENT = "ws://127.0.0.1:8001/"


class Auction:
    """One auction of a marketplace that serves the page, and its live process."""

    def __init__(self, market: Market, live: LiveServer) -> None:
        self.market, self.live = market, live
        self.seller = market.client(register(market, "seller")["access"])
        product = self.seller.post("/api/v1/products", json={"title": "Drum", "description": "Old."}).json()["id"]
        terms = {"price": {"amount": "1000.00", "currency": "KES"}, "duration_minutes": 60}
        self.id = self.seller.post("/api/v1/listings", json={"product_id": product, "auction": terms}).json()["id"]

    def bidder(self) -> str:
        return register(self.market, "buyer")["access"]

    def bid(self, amount: str) -> None:
        money = {"amount": amount, "currency": "KES"}
        bidder = self.market.client(self.bidder())
        assert bidder.post(f"/api/v1/auctions/{self.id}/bids", json={"maximum": money}).status_code == 201
        self.tell()

    def tell(self) -> None:
        """Let the worker tell of the bids there have been."""
        from marketcore_auctions.jobs import tell_bids

        self.market.perform(tell_bids)

    def end(self) -> None:
        """Let its time pass, and the worker close it."""
        from marketcore_auctions.jobs import close_due_auctions

        self.market.query("UPDATE auctions_standings SET ends_at = market_clock()")
        close_due_auctions(self.market.registry)


@pytest.fixture
def auction(make_settings) -> Iterator[Auction]:
    market = Market(make_settings("auctions", live__port="0", live__poll_seconds="0.2"))
    pages = {"page": PAGE, "loading": PAGE.replace(SUBSCRIPTION, LOADING)}
    served = LiveServer(market.registry)
    market.config.add_route("test.page", "/watch/{page}")
    market.config.add_view(
        lambda request: Response(pages[request.matchdict["page"]].replace(DEVELOPMENT, served.url)),
        route_name="test.page",
        permission="public",
    )
    market.config.commit()
    with market.serving(), served as live:
        yield Auction(market, live)
    market.registry["bid desk"].close()
    market.close()


def test_the_page_watches_bids_and_says_why_it_may_not(page, auction):
    page.goto(f"{auction.market.url}/watch/page?auction={auction.id}")
    page.get_by_text("Now at 1000.00 (open)").wait_for()
    page.fill("#maximum", "2000.00")
    page.get_by_role("button", name="Bid").click()
    page.wait_for_function("answer.textContent !== ''")
    assert "log in" in page.text_content("#answer").lower()
    page.evaluate("(access) => sessionStorage.setItem('access', access)", auction.bidder())
    page.reload()
    page.fill("#maximum", "2000.00")
    page.get_by_role("button", name="Bid").click()
    page.wait_for_function("answer.textContent === 'you lead'")
    auction.bid("1500.00")
    page.wait_for_function("Number(price.textContent) > 1500")


def test_the_page_that_loads_the_document_itself_hears_what_comes_after_it(page, auction):
    assert "lost: load" in LOADING
    page.goto(f"{auction.market.url}/watch/loading?auction={auction.id}")
    page.get_by_text("Now at 1000.00 (open)").wait_for()
    auction.bid("1200.00")
    auction.bid("1500.00")
    page.wait_for_function("Number(price.textContent) > 1200")


def test_the_program_bids_and_follows_the_auction_to_its_end(auction, tmp_path):
    program = tmp_path / "watch.py"
    program.write_text(PROGRAM)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "SHOP": auction.market.url,
        "LIVE": auction.live.url,
        "TOKEN": auction.bidder(),
        "AUCTION": str(auction.id),
    }
    command = [sys.executable, str(program)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watcher:
        try:
            assert watcher.stdout.readline() == "now at 1000.00\n"
            assert watcher.stdout.readline() == "leading: True\n"
            auction.bid("5000.00")
            auction.end()
            *bids, closed = watcher.stdout.read().splitlines()
            assert bids[-1] == "auction.bid {'amount': '1025.00', 'currency': 'KES'}"
            assert closed == "auction.closed {'amount': '1025.00', 'currency': 'KES'}"
            assert watcher.wait(20) == 0
        finally:
            watcher.kill()
