"""Auctions as documents: read, never locked; whether one is over is the database clock's word, not its state's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import TextClause, text

from marketcore.exceptions import NotFound
from marketcore.live.history import stream_position
from marketcore.media.presenting import public_address
from marketcore.web.json import present_money, utc
from marketcore_auctions.chain import pseudonym
from marketcore_auctions.lots import COLUMNS, Lot
from marketcore_auctions.refusals import AuctionClosed
from marketcore_auctions.rules import masked

_ROW = f"""{COLUMNS}, c.now, cover.path AS image, h.epoch, coalesce(h.last_offset, 0) AS stream_offset,
    coalesce(i.watching, false) AS watching, coalesce(i.bidding, false) AS bidding,
    w.bidder_id AS winner_id, w.price_minor AS won_minor, winner.username AS winner_username"""
_FROM = """
    JOIN auctions_standings s ON s.listing_id = a.listing_id
    CROSS JOIN (SELECT market_clock() AS now OFFSET 0) c
    LEFT JOIN live_channels h ON h.name = 'auction:' || a.listing_id
    LEFT JOIN auctions_interests i ON i.auction_id = a.listing_id AND i.user_id = :user
    LEFT JOIN auctions_awards w ON w.auction_id = a.listing_id AND w.state IN ('pending', 'paid')
    LEFT JOIN users winner ON winner.id = w.bidder_id
    LEFT JOIN LATERAL (
        SELECT m.variants ->> 'thumb' AS path
        FROM product_images p JOIN media_objects m ON m.id = p.media_id
        WHERE p.product_id = a.product_id AND m.state = 'ready' ORDER BY p.position LIMIT 1) cover ON true"""
_BY_ID = text(
    f"""SELECT {_ROW} FROM auctions_auctions a {_FROM}
        WHERE a.listing_id = ANY(CAST(:ids AS bigint[]))"""
)
_SELLER = "(CAST(:seller AS bigint) IS NULL OR a.seller_id = :seller)"


def _listed(condition: str, order: str) -> TextClause:
    """Return the statement of a page. Its rows are found before anything is joined to them.

    The inner limit is written out: for one that is bound, the database plans as if a tenth of all rows were wanted.
    """
    found = f"""SELECT a.* FROM auctions_auctions a JOIN auctions_standings s ON s.listing_id = a.listing_id
                CROSS JOIN (SELECT market_clock() AS now OFFSET 0) c
                WHERE {condition} ORDER BY {order} LIMIT 101"""
    return text(f"SELECT {_ROW} FROM ({found}) a {_FROM} ORDER BY {order} LIMIT :limit")


_PAGES = {
    "open": _listed(
        f"""s.state = 'open' AND s.ends_at > c.now AND a.starts_at <= c.now AND NOT a.conducted AND {_SELLER}
            AND (s.ends_at, s.listing_id) > (CAST(:moment AS timestamptz), :after)""",
        "s.ends_at, s.listing_id",
    ),
    "scheduled": _listed(
        f"""s.state = 'open' AND a.starts_at > c.now AND {_SELLER}
            AND (a.starts_at, s.listing_id) > (CAST(:moment AS timestamptz), :after)""",
        "a.starts_at, s.listing_id",
    ),
    "closed": _listed(f"s.state = 'closed' AND {_SELLER} AND s.listing_id < :after", "s.listing_id DESC"),
}
_OWN = "IN (SELECT auction_id FROM auctions_interests WHERE user_id = :user AND {})"
_MINE_PAGES = {
    role: _listed(f"a.{condition} AND a.listing_id < :after", "a.listing_id DESC")
    for role, condition in {
        "bidding": f"listing_id {_OWN.format('bidding')}",
        "watching": f"listing_id {_OWN.format('watching')}",
        "selling": "seller_id = :user",
    }.items()
}
_HISTORY = text(
    """SELECT l.seq, l.name, l.bidder_id, l.price_minor, l.leader_id, l.at, a.key, a.currency
       FROM auctions_log l JOIN auctions_auctions a ON a.listing_id = l.auction_id
       WHERE l.auction_id = :id AND l.kind = 'bid' AND l.seq < :before ORDER BY l.seq DESC LIMIT :limit"""
)
_LOG = text(
    """SELECT seq, text, hash FROM auctions_log WHERE auction_id = :id AND seq > :after ORDER BY seq LIMIT :limit"""
)
_STATE = text("SELECT state FROM auctions_standings WHERE listing_id = :id")
_BEFORE_ALL = "-infinity"
LAST = 2**63 - 1


class AuctionReader:
    """Reads auctions for ``user_id``, or for a stranger (``None``)."""

    def __init__(self, session: Any, registry: Any, user_id: int | None) -> None:
        self._session = session
        self._registry = registry
        self._user = user_id

    def document(self, auction_id: int) -> dict[str, Any]:
        """Return one auction's document; ``NotFound``."""
        # The stream's position comes first, so that no event between the two is missed.
        stream = stream_position(self._session, f"auction:{auction_id}")
        found = self.documents([auction_id])
        if auction_id not in found:
            raise NotFound(f"there is no auction {auction_id}")
        return {**found[auction_id], "stream": stream}

    def documents(self, ids: Iterable[int]) -> Mapping[int, dict[str, Any]]:
        """Return the documents of these auctions, by id."""
        rows = self._session.execute(_BY_ID, {"ids": list(ids), "user": self._user})
        return {row.listing_id: self.present(row) for row in rows}

    def page(self, state: str, seller_id: int | None, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Return the rows of a page of auctions in ``state``, after a position of ``position_in``."""
        moment, key = after or (_BEFORE_ALL, LAST if state == "closed" else 0)
        values = {"seller": seller_id, "moment": moment, "after": key, "limit": limit, "user": self._user}
        return list(self._session.execute(_PAGES[state], values))

    def page_of_mine(self, role: str, after: int | None, limit: int) -> list[Any]:
        """Return the rows of a page of the user's own auctions, in ``role``, newest first."""
        values = {"user": self._user, "after": LAST if after is None else after, "limit": limit}
        return list(self._session.execute(_MINE_PAGES[role], values))

    def history(self, auction_id: int, before: int | None, limit: int) -> list[Any]:
        """Return the bids of an auction, newest first; ``NotFound``."""
        self._state(auction_id)
        values = {"id": auction_id, "before": LAST if before is None else before, "limit": limit}
        return list(self._session.execute(_HISTORY, values))

    def log(self, auction_id: int, after: int | None, limit: int) -> list[Any]:
        """Return entries of the log of a closed auction; while it runs, its maxima are secret."""
        if self._state(auction_id) != "closed":
            raise AuctionClosed("the log is open to everybody once the auction is closed: its maxima are secret yet")
        return list(self._session.execute(_LOG, {"id": auction_id, "after": after or 0, "limit": limit}))

    def _state(self, auction_id: int) -> str:
        state: str | None = self._session.execute(_STATE, {"id": auction_id}).scalar_one_or_none()
        if state is None:
            raise NotFound(f"there is no auction {auction_id}")
        return state

    def present(self, row: Any) -> dict[str, Any]:
        """Return the document of a row."""
        lot, currency = Lot(row), row.currency
        state = shown_state(row)
        fields = lot.live_fields()
        if state == "closing":
            fields |= {"next_minimum": None, "buy_now": None}
        if row.winner_id is not None:
            fields |= _won(row)
        return {
            **fields,
            "id": row.listing_id,
            "product_id": row.product_id,
            "seller_id": row.seller_id,
            "title": row.title,
            "image": public_address(self._registry, row.image),
            "state": state,
            "outcome": row.outcome,
            "currency": currency,
            "starting_price": present_money(row.start_minor, currency),
            "conducted": row.conducted,
            "starts_at": utc(row.starts_at),
            "latest_end_at": utc(row.latest_end_at),
            "soft_close": {
                "policy": row.soft_close,
                "window_seconds": row.window_seconds,
                "extend_seconds": row.extension_seconds,
            },
            "deposit": present_money(row.deposit_minor, currency) if row.deposit_minor else None,
            "server_now": utc(row.now),
            "stream": {"epoch": row.epoch and str(row.epoch), "offset": row.stream_offset},
            "mine": self._mine(row),
        }

    def _mine(self, row: Any) -> dict[str, Any] | None:
        if self._user is None:
            return None
        leads = row.leader_id == self._user
        return {
            "leading": leads if row.winner_id is None else row.winner_id == self._user,
            "maximum": present_money(row.leader_max_minor, row.currency) if leads else None,
            "bidding": row.bidding,
            "watching": row.watching,
            "bidder": pseudonym(row.key, self._user),
        }

    def present_bid(self, row: Any) -> dict[str, Any]:
        """Return one bid of the history."""
        return {
            "seq": row.seq,
            "name": row.name,
            "bidder": pseudonym(row.key, row.bidder_id),
            "price": present_money(row.price_minor, row.currency),
            "leading": row.leader_id == row.bidder_id,
            "mine": row.bidder_id == self._user,
            "at": utc(row.at),
        }


def _won(row: Any) -> dict[str, Any]:
    """Return who has the lot and at what price: not always who led, for it may have been bought, or passed on."""
    winner = {"name": masked(row.winner_username), "bidder": pseudonym(row.key, row.winner_id)}
    return {"price": present_money(row.won_minor, row.currency), "leader": winner}


def shown_state(row: Any) -> str:
    """Return ``scheduled``, ``open``, ``paused``, ``closing`` (its time is up) or ``closed``."""
    if row.state == "closed":
        return "closed"
    if row.now < row.starts_at:
        return "scheduled"
    if row.paused_at is not None:
        return "paused"
    return "open" if row.ends_at is None or row.now < row.ends_at else "closing"


def position_in(state: str, row: Any) -> list[Any]:
    """Return where ``row`` stands in the list of ``state``."""
    moment = row.starts_at if state == "scheduled" or row.ends_at is None else row.ends_at
    return [moment.isoformat(), row.listing_id]


def auction_reader(_context: Any, request: Any) -> AuctionReader:
    """Return the request's ``AuctionReader``."""
    identity = request.identity
    return AuctionReader(request.db, request.registry, identity.user_id if identity else None)
