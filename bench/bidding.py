"""What bidders do, on both sides alike, and what the databases have to say of it afterwards."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from bench import goods
from bench.databases import one
from bench.measuring import DJANGO, MARKETCORE
from bench.stage import Stage

HOT = 1
BIDDERS = range(goods.SELLERS + 1, goods.USERS + 1)  # none of them sells

_KEPT = {
    MARKETCORE: "SELECT count(*) FROM auctions_log WHERE kind = 'bid'",
    DJANGO: "SELECT count(*) FROM shop_bid",
}
_HIGHEST = {
    MARKETCORE: "SELECT listing_id, leader_max_minor FROM auctions_standings",
    DJANGO: "SELECT id, (price * 100)::bigint FROM shop_auction",
}
# Entries whose number is not the one after the last, and auctions that do not stand as their entries say.
_FAULTS = {
    MARKETCORE: (
        """SELECT count(*) FROM (SELECT seq - lag(seq, 1, 0::bigint) OVER (PARTITION BY auction_id ORDER BY seq) AS step
                                 FROM auctions_log) e WHERE step <> 1""",
        """SELECT count(*) FROM auctions_standings s JOIN (
             SELECT auction_id, max(seq) AS seq, count(*) FILTER (WHERE kind = 'bid') AS bids,
                    max(maximum_minor) AS highest FROM auctions_log GROUP BY auction_id) l
             ON l.auction_id = s.listing_id
           WHERE s.seq <> l.seq OR s.bids <> l.bids OR s.leader_max_minor <> coalesce(l.highest, 0)""",
    ),
    DJANGO: (
        """SELECT count(*) FROM (SELECT seq - lag(seq, 1, 0) OVER (PARTITION BY auction_id ORDER BY seq) AS step
                                 FROM shop_bid) e WHERE step <> 1""",
        """SELECT count(*) FROM shop_auction a JOIN (
             SELECT auction_id, max(seq) AS seq, max(amount) AS highest FROM shop_bid GROUP BY auction_id) b
             ON b.auction_id = a.id WHERE a.bid_count <> b.seq OR a.price <> b.highest""",
    ),
}


class Amounts:
    """Ever higher amounts, per auction: each a step above the one before, wherever those bids are by now."""

    def __init__(self, highest: dict[int, int]) -> None:
        self._highest = defaultdict(lambda: goods.STEP, highest)

    def higher(self, auction_id: int) -> int:
        """Return the next amount in minor units."""
        self._highest[auction_id] += goods.STEP
        return self._highest[auction_id]


class Book:
    """What was accepted while a workload ran, beside what the databases hold."""

    def __init__(self, stage: Stage) -> None:
        self._sides: dict[str, Any] = {MARKETCORE: stage.market, DJANGO: stage.peer}
        self._before = {name: self._kept(name) for name in self._sides}
        self.accepted = dict.fromkeys(self._sides, 0)

    def amounts(self, name: str) -> Amounts:
        """Return amounts above what was bid so far."""
        with self._sides[name].connect() as connection:
            rows = connection.execute(_HIGHEST[name].encode()).fetchall()
        return Amounts({auction_id: max(minor, goods.STEP) for auction_id, minor in rows})

    def check(self) -> str:
        """Stop unless every accepted bid, and nothing else, is kept, numbered without a gap, and counted right."""
        for name, side in self._sides.items():
            kept = self._kept(name) - self._before[name]
            with side.connect() as connection:
                faults = [int(one(connection, sql)) for sql in _FAULTS[name]]
            if kept != self.accepted[name] or any(faults):
                raise SystemExit(
                    f"{name} accepted {self.accepted[name]} bids, kept {kept}; gaps, wrong standings: {faults}"
                )
        told = " and ".join(f"{count:,}" for count in self.accepted.values())
        return f"every accepted bid is kept, without a gap, and every auction stands as its bids say ({told})"

    def _kept(self, name: str) -> int:
        with self._sides[name].connect() as connection:
            return int(one(connection, _KEPT[name]))


def spread_auction(number: int) -> int:
    """Return the auction of the bid ``number`` where bids are spread: all but the hot one in turn."""
    return HOT + 1 + number % (goods.AUCTIONS - 1)
