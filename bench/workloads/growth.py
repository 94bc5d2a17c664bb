"""How latencies behave as rows grow from a thousand to a million: lists, bids on one auction, one live channel."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from bench import goods
from bench.bidding import BIDDERS
from bench.databases import one
from bench.http_load import drive
from bench.market import Market
from bench.measuring import Target, Workload
from bench.publishing import tell
from bench.socket_load import RawSocket, first_text
from bench.stage import Stage
from bench.workloads.bids_http import market_bid
from bench.workloads.lists import market_queries, requests
from marketcore.db.session import make_engine
from marketcore.live.publisher import LiveEvent
from marketcore.live.sender import Sender

SIZES = (10**3, 10**4, 10**5, 10**6)
READERS = 2  # connections: enough to keep a process busy, too few to measure a queue
SHARE = 3  # of a round's seconds, one third: there are many sides
BIDS = (10, *SIZES)
FIRST_BID_AUCTION, FIRST_LIVE_AUCTION = goods.AUCTIONS + 2, goods.AUCTIONS + 11
MISSED = 50  # events that a returning client has missed


def label(rows: int) -> str:
    """Return how a size is called among the sides."""
    return f"{rows:,}"


def rows_of(side: str) -> int:
    """Return the size that ``label`` called so."""
    return int(side.replace(",", ""))


def grown(stage: Stage, products: int) -> Market:
    """Return a marketplace of so many products, and nothing else."""
    market = stage.another_market(f"rows_{products}")
    market.prepare(products, auctions=0)
    return market


def listing(kind: str, stage: Stage) -> Workload:
    """Return the workload of one kind of page over all sizes."""
    sides = {}
    for products in SIZES:
        market = grown(stage, products)
        asked = requests("/api/v1/listings", market_queries(kind, market, products))
        sides[label(products)] = partial(_page_time, market, asked)
    most, few = label(SIZES[-1]), label(SIZES[1])
    return Workload(
        name=f"grow-list-{kind}",
        title=f"Product list as products grow: {kind}",
        unit="ms",
        sides=sides,
        targets=[Target(f"{most} products : {few}", most, few, at_most=1.5)],
    )


def _page_time(market: Market, asked: Iterator[bytes], seconds: float) -> float:
    outcome = drive([market.web().port], READERS, lambda _slot: next(asked), seconds / SHARE).require()
    return statistics.median(outcome.latencies) * 1000


_FILL_LOG = """
    INSERT INTO auctions_log (auction_id, seq, kind, at, bidder_id, name, maximum_minor, price_minor, leader_id,
                              text, hash)
    SELECT {auction}, n, 'bid', now() - interval '1 hour', 101 + n % 2, 'u***1', n * 100, n * 100, 101 + n % 2,
           repeat('x', 300), md5(n::text) || md5(n::text)
    FROM generate_series(2, {bids} + 1) n
"""
_FILL_STANDING = """
    UPDATE auctions_standings
    SET seq = {bids} + 1, bids = {bids}, leader_id = 101 + ({bids} + 1) % 2, leader_name = 'u***1',
        leader_max_minor = ({bids} + 1) * 100, runner_up_minor = {bids} * 100, price_minor = ({bids} + 1) * 100
    WHERE listing_id = {auction}
"""


def fill_auction(market: Market, auction_id: int, bids: int) -> None:
    """Give an auction so many bids as if they had been made, unless it has them."""
    with market.connect() as connection:
        if one(connection, "SELECT seq FROM auctions_standings WHERE listing_id = %s", auction_id) > 1:
            return
        connection.execute(_FILL_LOG.format(auction=auction_id, bids=bids).encode())
        connection.execute(_FILL_STANDING.format(auction=auction_id, bids=bids).encode())


def bidding(stage: Stage) -> Workload:
    """Return the workload of a bid on auctions with few and with many bids, one at a time."""
    auctions = {FIRST_BID_AUCTION + place: bids for place, bids in enumerate(BIDS)}
    for auction_id, bids in auctions.items():
        fill_auction(stage.market, auction_id, bids)
    with stage.market.connect() as connection:
        connection.execute("VACUUM ANALYZE auctions_log")
    most, few = label(BIDS[-1]), label(BIDS[0])
    return Workload(
        name="grow-bids",
        title="A bid over HTTP as the auction's bids grow",
        unit="ms",
        sides={label(bids): partial(_bid_time, stage, auction_id) for auction_id, bids in auctions.items()},
        targets=[Target(f"{most} bids : {few}", most, few, at_most=1.2)],
    )


def _bid_time(stage: Stage, auction_id: int, seconds: float) -> float:
    with stage.market.connect() as connection:
        sql = "SELECT leader_max_minor FROM auctions_standings WHERE listing_id = %s"
        minor = one(connection, sql, auction_id)

    def next_bid(_slot: int) -> bytes:
        nonlocal minor
        minor += 100
        return market_bid(stage, auction_id, BIDDERS[minor // 100 % 2], minor)

    outcome = drive([stage.market.web().port], 1, next_bid, seconds / SHARE).require()
    return statistics.median(outcome.latencies) * 1000


def fill_channel(market: Market, channel: str, events: int) -> str:
    """Give a channel so many events, unless it has them; return its epoch."""
    with market.connect() as connection:
        epoch = connection.execute("SELECT epoch FROM live_channels WHERE name = %s", [channel]).fetchone()
        if epoch is not None:
            return str(epoch[0])
        connection.execute("INSERT INTO live_channels (name, last_offset) VALUES (%s, %s)", [channel, events])
        connection.execute(
            """INSERT INTO live_events (channel, "offset", type, data)
               SELECT %s, n, 'auction.bid', jsonb_build_object('price', n) FROM generate_series(1, %s) n""",
            [channel, events],
        )
        return str(one(connection, "SELECT epoch FROM live_channels WHERE name = %s", channel))


def _channels(stage: Stage) -> dict[int, tuple[str, str]]:
    """Return the channels by their number of events, each with its epoch."""
    found = {}
    for place, events in enumerate(SIZES):
        channel = f"auction:{FIRST_LIVE_AUCTION + place}"
        found[events] = (channel, fill_channel(stage.market, channel, events))
    with stage.market.connect() as connection:
        connection.execute("VACUUM ANALYZE live_events")
    return found


def live(reading: bool, stage: Stage) -> Workload:
    """Return the workload of one event on a long channel, or of a client that comes back to it."""
    channels = _channels(stage)
    measure: Callable[..., float] = _return_time if reading else _event_time
    most, few = label(SIZES[-1]), label(SIZES[0])
    return Workload(
        name="grow-live-return" if reading else "grow-live-event",
        title=f"A client that has missed {MISSED} events" if reading else "An event, from writing it to the socket",
        unit="ms",
        sides={label(events): partial(measure, stage, *channel) for events, channel in channels.items()},
        targets=[Target(f"{most} events : {few}", most, few, at_most=1.2)],
    )


def _return_time(stage: Stage, channel: str, epoch: str, seconds: float) -> float:
    socket = RawSocket(stage.market.live().port, "/", stage.market.bearer(BIDDERS[0]))
    with stage.market.connect() as connection:
        last = one(connection, "SELECT last_offset FROM live_channels WHERE name = %s", channel)
    since = {"epoch": epoch, "offset": last - MISSED}
    joining = json.dumps({"op": "subscribe", "channel": channel, "since": since}).encode()
    leaving = json.dumps({"op": "unsubscribe", "channel": channel}).encode()

    def come_back() -> None:
        socket.send(joining)
        answer = json.loads(first_text(socket))
        if len(answer.get("events", ())) != MISSED:
            raise SystemExit(f"a returning client was answered {str(answer)[:600]}")
        socket.send(leaving)

    try:
        return _median_time(come_back, seconds)
    finally:
        socket.close()


def _event_time(stage: Stage, channel: str, _epoch: str, seconds: float) -> float:
    socket = RawSocket(stage.market.live().port, f"/ws/{channel.replace(':', '/')}")
    first_text(socket)
    engine, sender = make_engine(stage.market.url, pool_size=1), Sender(stage.market.redis_url)
    event = LiveEvent(channel, "auction.bid", '{"price":"1"}')

    def once() -> None:
        tell(engine, sender, event)
        first_text(socket)

    try:
        return _median_time(once, seconds)
    finally:
        socket.close()
        sender.close()
        engine.dispose()


def _median_time(action: Callable[[], None], seconds: float) -> float:
    took = []
    end = time.perf_counter() + seconds / SHARE
    while (began := time.perf_counter()) < end:
        action()
        took.append(time.perf_counter() - began)
        time.sleep(0.003)
    return statistics.median(took) * 1000


WORKLOADS: dict[str, Callable[[Stage], Workload]] = {
    **{f"grow-list-{kind}": partial(listing, kind) for kind in ("first", "deep", "category", "text")},
    "grow-bids": bidding,
    "grow-live-event": partial(live, False),
    "grow-live-return": partial(live, True),
}
_CHARTS = {
    "List pages": {name: name.removeprefix("grow-list-") for name in WORKLOADS if name.startswith("grow-list-")},
    "A bid": {"grow-bids": "a bid over HTTP, by bids on the auction"},
    "A live channel": {
        "grow-live-event": "an event, written to heard",
        "grow-live-return": f"return after {MISSED} events",
    },
}


def charts(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what there is to draw: per chart the medians of its workloads over the sizes."""
    by_name = {document["name"]: document["figures"] for document in documents}
    found = {}
    for title, lines in _CHARTS.items():
        series = {
            words: [[rows_of(side), figure["median"]] for side, figure in by_name[name].items()]
            for name, words in lines.items()
            if name in by_name
        }
        if series:
            found[title] = {"unit": "ms", "series": series}
    return found
