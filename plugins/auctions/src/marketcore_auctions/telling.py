"""Facts from the log: what bids have changed is told shortly afterwards, once for everything since the last time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from marketcore.db import clock
from marketcore.money import Money
from marketcore.web.json import present_money, utc
from marketcore_auctions.events import AuctionEnding, BidsPlaced, Outbid

_CHANGED = """
       SELECT a.listing_id, a.seller_id, a.currency, a.told_seq, s.seq, s.price_minor, s.leader_id, s.bids, s.ends_at
       FROM auctions_standings s JOIN auctions_auctions a USING (listing_id) WHERE s.seq > a.told_seq"""
# The terms' rows are locked, not the standings: bids go on meanwhile. What they add is told the next time.
_NEWS = text(f"{_CHANGED} AND s.state = 'open' ORDER BY a.listing_id LIMIT :limit FOR NO KEY UPDATE OF a SKIP LOCKED")
_LAST_NEWS = text(f"{_CHANGED} AND a.listing_id = :id FOR NO KEY UPDATE OF a")
# Whoever has taken everything back since has not been outbid.
_OUTBID = text(
    """WITH entries AS (SELECT * FROM auctions_log WHERE auction_id = :id AND seq >= :told AND seq <= :seq),
       behind AS (
         SELECT bidder_id, seq FROM entries WHERE kind = 'bid' AND seq > :told
         UNION ALL
         SELECT leader_id, seq FROM entries WHERE seq = :told)
       SELECT DISTINCT bidder_id FROM behind b
       WHERE bidder_id IS NOT NULL AND bidder_id IS DISTINCT FROM CAST(:leader AS bigint)
         AND NOT EXISTS (SELECT FROM entries e
                         WHERE e.kind = 'retracted' AND e.bidder_id = b.bidder_id AND e.seq > b.seq)"""
)
_TOLD = text(
    """UPDATE auctions_auctions a SET told_seq = n.seq
       FROM unnest(CAST(:ids AS bigint[]), CAST(:seqs AS bigint[])) AS n(id, seq) WHERE a.listing_id = n.id"""
)
# The catalogue shows and sorts by this price; it may lag behind the auction by the second between two runs.
_PRICES = text(
    """WITH news AS (
         SELECT l.id, n.price FROM listings l
         JOIN unnest(CAST(:ids AS bigint[]), CAST(:prices AS bigint[])) AS n(id, price) ON n.id = l.id
         ORDER BY l.id FOR NO KEY UPDATE OF l)
       UPDATE listings l SET price_minor = news.price FROM news
       WHERE l.id = news.id AND l.price_minor <> news.price AND l.state = 'active'"""
)
_ENDING = text(
    """UPDATE auctions_auctions a SET ending_told_at = market_clock()
       FROM (SELECT s.listing_id, s.price_minor, s.ends_at
             FROM auctions_standings s JOIN auctions_auctions t USING (listing_id)
             WHERE s.state = 'open' AND s.ends_at <= :until AND s.ends_at > market_clock()
               AND t.ending_told_at IS NULL AND NOT t.conducted AND t.ends_at - t.starts_at > :lead
             ORDER BY s.ends_at LIMIT :limit FOR NO KEY UPDATE OF t SKIP LOCKED) s
       WHERE a.listing_id = s.listing_id
       RETURNING a.listing_id, a.seller_id, a.title, a.currency, s.price_minor, s.ends_at"""
)
_INTERESTED = text(
    """SELECT user_id FROM auctions_interests WHERE auction_id = :id AND (watching OR bidding)
       ORDER BY user_id LIMIT 5000"""
)


def interested(session: Any, auction_id: int) -> list[int]:
    """Return the ids of those who watch an auction or bid, 5000 at most."""
    return list(session.execute(_INTERESTED, {"id": auction_id}).scalars())


class Teller:
    """Tells what the log and the clock say, each thing once."""

    def __init__(self, session: Any, emit: Any, publish: Any) -> None:
        self._session = session
        self._emit = emit
        self._publish = publish

    def tell_bids(self, limit: int = 200) -> int:
        """Emit the facts of new bids, and bring the catalogue's prices up to date; return of how many auctions."""
        return self._tell_all(list(self._session.execute(_NEWS, {"limit": limit})))

    def tell_bids_of(self, auction_id: int) -> None:
        """Tell what is left to tell of an auction that is about to end."""
        self._tell_all(list(self._session.execute(_LAST_NEWS, {"id": auction_id})))

    def _tell_all(self, news: list[Any]) -> int:
        for row in news:
            self._tell(row)
        ids = [row.listing_id for row in news]
        if ids:
            self._session.execute(_TOLD, {"ids": ids, "seqs": [row.seq for row in news]})
            self._session.execute(_PRICES, {"ids": ids, "prices": [row.price_minor for row in news]})
        return len(news)

    def _tell(self, row: Any) -> None:
        if not row.bids:
            return
        price = Money(row.price_minor, row.currency)
        self._emit(BidsPlaced(row.listing_id, row.seller_id, row.leader_id, price, row.bids))
        since = {"id": row.listing_id, "told": row.told_seq, "seq": row.seq, "leader": row.leader_id}
        for user_id in sorted(self._session.execute(_OUTBID, since).scalars()):
            self._emit(Outbid(row.listing_id, user_id, price, row.ends_at))

    def tell_endings(self, minutes: int, limit: int = 50) -> int:
        """Tell everybody interested of ends that are near; return of how many auctions.

        An auction that is not longer than ``minutes`` itself is near its end all the time and not told of.
        """
        now = clock.now(self._session)
        lead = timedelta(minutes=minutes)
        ending = list(self._session.execute(_ENDING, {"until": now + lead, "lead": lead, "limit": limit}))
        for row in ending:
            price = Money(row.price_minor, row.currency)
            self._emit(AuctionEnding(row.listing_id, row.seller_id, price, row.ends_at))
            data = {
                "auction_id": row.listing_id,
                "title": row.title,
                "price": present_money(row.price_minor, row.currency),
                "ends_at": utc(row.ends_at),
                "server_now": utc(now),
            }
            self._publish(f"auction:{row.listing_id}", "auction.ending_soon", data)
            for user_id in interested(self._session, row.listing_id):
                self._publish(f"user:{user_id}", "auction.ending_soon", data)
        return len(ending)


def teller(_context: Any, request: Any) -> Teller:
    """Return the request's ``Teller``."""
    return Teller(request.db, request.emit, request.publish)
