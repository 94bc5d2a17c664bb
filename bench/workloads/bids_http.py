"""Bids over HTTP, sixteen connections: on a thousand auctions in turn, and all on one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import count

from bench import goods
from bench.bidding import BIDDERS, HOT, Amounts, Book, spread_auction
from bench.http_load import Request, drive, request_bytes
from bench.limits import bids_by_pgbench
from bench.market import Market
from bench.measuring import DJANGO, MARKETCORE, Target, Workload
from bench.peer import Peer
from bench.stage import Stage

CONNECTIONS = 16
PGBENCH = "pgbench"
_EACH = len(BIDDERS) // CONNECTIONS

Make = Callable[[int, int, int], bytes]


def market_bid(stage: Stage, auction_id: int, bidder_id: int, minor: int) -> bytes:
    """Return a bid for marketcore: its maximum."""
    body = b'{"maximum": {"amount": "%d.%02d", "currency": "KES"}}' % divmod(minor, 100)
    return b"POST /api/v1/auctions/%d/bids%b%d\r\n\r\n%b" % (
        auction_id,
        _rest(stage.market, bidder_id),
        len(body),
        body,
    )


def peer_bid(stage: Stage, auction_id: int, bidder_id: int, minor: int) -> bytes:
    """Return a bid for the peer: its amount."""
    body = b'{"amount": "%d.%02d"}' % divmod(minor, 100)
    return b"POST /api/auctions/%d/bids%b%d\r\n\r\n%b" % (auction_id, _rest(stage.peer, bidder_id), len(body), body)


@lru_cache(maxsize=20_000)
def _rest(side: Market | Peer, bidder_id: int) -> bytes:
    """Return what follows the address in a bidder's requests, up to the length of the body."""
    headers = {**side.bearer(bidder_id), "Content-Type": "application/json", "Content-Length": ""}
    return request_bytes("", "", headers).removeprefix(b" ").removesuffix(b"\r\n\r\n")


def on_one(make: Make, amounts: Amounts) -> Request:
    """Return requests that all bid on one auction, each more than any before; every connection is somebody else."""
    return lambda slot: make(HOT, BIDDERS[slot], amounts.higher(HOT))


def on_all(make: Make, amounts: Amounts) -> Request:
    """Return requests that bid on one auction after the other, by changing bidders."""
    numbers = count()

    def next_request(slot: int) -> bytes:
        number = next(numbers)
        auction_id = spread_auction(number)
        return make(auction_id, BIDDERS[slot * _EACH + number % _EACH], amounts.higher(auction_id))

    return next_request


def bids(hot: bool, stage: Stage) -> Workload:
    """Return the workload of bids; afterwards the database has to hold what was accepted, without a gap."""
    book = Book(stage)
    chosen = on_one if hot else on_all
    requests = {
        MARKETCORE: chosen(partial(market_bid, stage), book.amounts(MARKETCORE)),
        DJANGO: chosen(partial(peer_bid, stage), book.amounts(DJANGO)),
    }
    ports = {MARKETCORE: stage.market.web_ports, DJANGO: stage.peer.web_ports}

    def side(name: str) -> Callable[[float], float]:
        def measure(seconds: float) -> float:
            outcome = drive(ports[name](), CONNECTIONS, requests[name], seconds).require(409)
            book.accepted[name] += outcome.accepted
            return outcome.rate

        return measure

    return Workload(
        name="bid-http-hot" if hot else "bid-http-spread",
        title=f"Bid over HTTP, {'one hot auction' if hot else f'{goods.AUCTIONS:,} auctions'}",
        unit="accepted/s",
        sides={
            MARKETCORE: side(MARKETCORE),
            DJANGO: side(DJANGO),
            PGBENCH: lambda seconds: bids_by_pgbench(stage, hot, seconds),
        },
        targets=[
            Target("marketcore : Django", MARKETCORE, DJANGO, at_least=12 if hot else 8),
            Target(
                "marketcore : pgbench, the same bid as one statement", MARKETCORE, PGBENCH, at_least=0.6 if hot else 0.2
            ),
        ],
        check=book.check,
    )


WORKLOADS = {"bid-http-spread": partial(bids, False), "bid-http-hot": partial(bids, True)}
