"""Streams as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, text

from marketcore.exceptions import NotFound
from marketcore.live.presence import Presence
from marketcore.media.presenting import public_address
from marketcore.web.json import present_money, utc
from marketcore.web.schema import MAX_KEY

_ROW = """s.id, s.seller_id, u.username, s.title, s.description, s.state, s.scheduled_for, s.started_at, s.ended_at,
    s.end_reason, s.slow_mode_seconds, s.created_at,
    (SELECT count(*) FROM livestream_items i WHERE i.stream_id = s.id) AS items"""
# The run list is read after this: it is at least as new as the position, and no event between the two is missed.
_ONE = text(
    f"""SELECT {_ROW}, h.epoch, coalesce(h.last_offset, 0) AS stream_offset
        FROM livestream_streams s JOIN users u ON u.id = s.seller_id
        LEFT JOIN live_channels h ON h.name = 'stream:' || s.id WHERE s.id = :id"""
)
_STATE = text("SELECT state FROM livestream_streams WHERE id = :id")
# The inner limit is written out: for one that is bound, the planner takes a tenth of all rows to be wanted.
_PAGES = {
    (state, seller): text(
        f"""SELECT {_ROW} FROM (
              SELECT * FROM livestream_streams WHERE id < :before
                {"AND state = :state" if state else ""} {"AND seller_id = :seller" if seller else ""}
              ORDER BY id DESC LIMIT 101) s JOIN users u ON u.id = s.seller_id ORDER BY s.id DESC LIMIT :limit"""
    )
    for state in (False, True)
    for seller in (False, True)
}
_COVER = """LEFT JOIN LATERAL (
        SELECT m.variants ->> 'thumb' AS path FROM product_images pi JOIN media_objects m ON m.id = pi.media_id
        WHERE pi.product_id = p.id AND m.state = 'ready' ORDER BY pi.position LIMIT 1) cover ON true"""
# A flash price is shown as what the listing costs because of it: the checkout charges nothing else.
_ITEMS = text(
    f"""SELECT i.id, i.product_id, i.pinned, p.title, cover.path AS cover, l.id AS listing_id, l.kind, l.state,
               l.currency, l.price_minor, l.quantity, offer.minor AS flash_minor, offer.until AS flash_until
        FROM livestream_items i JOIN products p ON p.id = i.product_id
        LEFT JOIN listings l ON l.product_id = p.id AND l.state <> 'closed'
        LEFT JOIN LATERAL (
          SELECT l.offer_minor AS minor, l.offer_until AS until
          WHERE i.listing_id = l.id AND i.flash_until IS NOT NULL AND l.offer_until > market_clock()
                AND l.offer_minor < l.price_minor) offer ON true
        {_COVER} WHERE i.stream_id = :id ORDER BY i.position"""
)
_PRESENT = text(
    """SELECT stream_id, count(*) AS guests FROM livestream_guests
       WHERE stream_id = ANY(CAST(:ids AS bigint[])) AND joined_at IS NOT NULL AND left_at IS NULL
       GROUP BY stream_id"""
)
_GUESTS = {
    column: text(
        f"""SELECT g.user_id, u.username, g.banned_at FROM livestream_guests g JOIN users u ON u.id = g.user_id
            WHERE g.stream_id = :id AND {condition} AND g.user_id > :after ORDER BY g.user_id LIMIT :limit"""
    )
    for column, condition in {"banned": "g.banned_at IS NOT NULL", "moderators": "g.moderator"}.items()
}


class StreamReader:
    """Reads streams. ``presence`` is ``None`` where a transaction holds locks: viewers are not counted then."""

    def __init__(self, session: Any, registry: Any, presence: Presence | None) -> None:
        self._session = session
        self._registry = registry
        self._presence = presence

    def document(self, stream_id: int) -> dict[str, Any]:
        """Return one stream with its run list and its place in the live stream; ``NotFound``."""
        row = self._found(_ONE, stream_id)
        (document,) = self.present([row])
        stream = {"epoch": row.epoch and str(row.epoch), "offset": row.stream_offset}
        return {**document, "run_list": self.items(stream_id), "stream": stream}

    def page(self, state: str | None, seller_id: int | None, before: int | None, limit: int) -> list[Any]:
        """Return the rows of a page of streams, newest first."""
        statement = _PAGES[state is not None, seller_id is not None]
        bound = {"before": before or MAX_KEY, "limit": limit}
        given = {"state": state} if state is not None else {}
        return list(
            self._session.execute(statement, bound | given | ({"seller": seller_id} if seller_id is not None else {}))
        )

    def items(self, stream_id: int) -> list[dict[str, Any]]:
        """Return the run list in its order."""
        return [self._present_item(row) for row in self._session.execute(_ITEMS, {"id": stream_id})]

    def check(self, stream_id: int) -> None:
        """Raise ``NotFound`` unless there is such a stream."""
        self._found(_STATE, stream_id)

    def viewers(self, stream_id: int) -> int | None:
        """Return how many watch a stream; none unless it is live."""
        live = self._found(_STATE, stream_id).state == "live"
        return self._viewers([stream_id]).get(stream_id) if live else 0

    def guests(self, which: str, stream_id: int, after: int | None, limit: int) -> list[Any]:
        """Return the ``banned`` or the ``moderators`` of a stream by their ids."""
        return list(self._session.execute(_GUESTS[which], {"id": stream_id, "after": after or 0, "limit": limit}))

    def present(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the documents of rows, with the viewers of those that are live."""
        live = [row.id for row in rows if row.state == "live"]
        viewers = self._viewers(live)
        return [_present(row, viewers.get(row.id, None if row.state == "live" else 0)) for row in rows]

    def _found(self, statement: TextClause, stream_id: int) -> Any:
        rows = list(self._session.execute(statement, {"id": stream_id}))
        if not rows:
            raise NotFound(f"there is no stream {stream_id}")
        return rows[0]

    def _viewers(self, ids: list[int]) -> dict[int, int]:
        if self._presence is None or not ids:
            return {}
        counts = self._presence.counts([channel_of(id) for id in ids])
        if counts is not None:
            return dict(zip(ids, counts, strict=True))
        # Without Redis: whoever has joined over HTTP and not left.
        found = {row.stream_id: row.guests for row in self._session.execute(_PRESENT, {"ids": ids})}
        return {id: found.get(id, 0) for id in ids}

    def _present_item(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.id,
            "product": {
                "id": row.product_id,
                "title": row.title,
                "cover": public_address(self._registry, row.cover),
            },
            "pinned": row.pinned,
            "listing": _present_listing(row),
            "flash_price": _present_flash(row),
        }


def channel_of(stream_id: int) -> str:
    """Return the name of a stream's live channel."""
    return f"stream:{stream_id}"


def _present(row: Any, viewers: int | None) -> dict[str, Any]:
    times = {name: utc(getattr(row, name)) for name in ("scheduled_for", "started_at", "ended_at")}
    return {
        "id": row.id,
        "seller": {"id": row.seller_id, "username": row.username},
        "title": row.title,
        "description": row.description,
        "state": row.state,
        **times,
        "end_reason": row.end_reason,
        "slow_mode_seconds": row.slow_mode_seconds,
        "viewers": viewers,
        "products": row.items,
        "created_at": utc(row.created_at),
    }


def _present_listing(row: Any) -> dict[str, Any] | None:
    if row.listing_id is None:
        return None
    return {
        "id": row.listing_id,
        "kind": row.kind,
        "state": row.state,
        "price": present_money(row.price_minor, row.currency),
        "quantity": row.quantity,
    }


def _present_flash(row: Any) -> dict[str, Any] | None:
    if row.flash_minor is None:
        return None
    return {"price": present_money(row.flash_minor, row.currency), "until": utc(row.flash_until)}


def stream_reader(_context: Any, request: Any) -> StreamReader:
    """Build the reader of ``request``; one that changes something sees its own changes."""
    if request.method in ("GET", "HEAD"):
        return StreamReader(request.registry["reader"], request.registry, request.find_service(Presence))
    return StreamReader(request.db, request.registry, None)
