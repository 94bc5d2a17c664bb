"""Bidding sessions: a product of a live stream, sold by bids whose clock is in its seller's hands.

A session is a conducted auction: bids, prices, the log and the hammer are the auctions plugin's. What is decided here
is when there may be one: during a live stream, of a product in its run list, one at a time, and never beyond the
stream. Its end is the hammer for the session that is open, running or paused; but where an admin ends it, or its
seller is blocked, the session is called off, and nobody has to buy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import text

from marketcore.catalog.services import ListingService
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.money import Money
from marketcore.settings import section
from marketcore.web.json import present_money, utc
from marketcore_auctions.conducting import AuctionConductor
from marketcore_auctions.reading import AuctionReader
from marketcore_livestream.events import SessionClosed, SessionOpened, SessionWon
from marketcore_livestream.refusals import NotLive
from marketcore_livestream.services import StreamService

_INSERT = text("INSERT INTO livestream_sessions (auction_id, stream_id) VALUES (:auction, :stream)")
_OPEN = text("SELECT auction_id FROM livestream_sessions WHERE stream_id = :stream AND closed_at IS NULL")
_LISTED = text("SELECT 1 FROM livestream_items WHERE stream_id = :stream AND product_id = :product")
# Products that have had their session, or are on sale in another way, are passed over.
_NEXT = text(
    """SELECT i.product_id FROM livestream_items i JOIN products p ON p.id = i.product_id AND p.state = 'active'
       WHERE i.stream_id = :stream
         AND NOT EXISTS (SELECT FROM listings l WHERE l.product_id = i.product_id AND l.state <> 'closed')
         AND NOT EXISTS (SELECT FROM livestream_sessions s JOIN auctions_auctions a ON a.listing_id = s.auction_id
                         WHERE s.stream_id = :stream AND a.product_id = i.product_id)
       ORDER BY i.position LIMIT 1"""
)
_CLOSE = text(
    """UPDATE livestream_sessions SET outcome = :outcome, closed_at = coalesce(closed_at, market_clock())
       WHERE auction_id = :auction RETURNING stream_id"""
)
_COLUMNS = "s.auction_id, s.stream_id, s.outcome, s.opened_at, s.closed_at"
_ONE = text(f"SELECT {_COLUMNS} FROM livestream_sessions s WHERE s.stream_id = :stream AND s.auction_id = :auction")
_PAGE = text(
    f"""SELECT {_COLUMNS} FROM livestream_sessions s WHERE s.stream_id = :stream AND s.auction_id < :before
        ORDER BY s.auction_id DESC LIMIT :limit"""
)
_STREAM = text("SELECT 1 FROM livestream_streams WHERE id = :id")
_LOT = text(
    """SELECT s.stream_id, a.product_id, a.title FROM livestream_sessions s
       JOIN auctions_auctions a ON a.listing_id = s.auction_id WHERE s.auction_id = :auction"""
)


class SessionOpen(Conflict):
    """One at a time: ``session_id`` is the one that is open."""

    code, title = "session-open", "Another bidding session is open"


class SessionService:
    """Opens bidding sessions, and says what becomes of them. The stream's row lock comes before the auction's."""

    def __init__(
        self,
        session: Any,
        streams: StreamService,
        listings: ListingService,
        conductor: AuctionConductor,
        auctions: AuctionReader,
        emit: Callable[[Any], None],
        publish: Callable[..., None],
        settings: Mapping[str, Any],
    ) -> None:
        self._session = session
        self._streams = streams
        self._listings = listings
        self._conductor = conductor
        self._auctions = auctions
        self._emit = emit
        self._publish = publish
        self._settings = settings

    def open(self, stream_id: int, seller_id: int, terms: Mapping[str, Any]) -> int:
        """Sell a product of the run list by bids and return the session's id, which is the auction's.

        ``terms``: ``product_id`` (``None``: the next of the run list that has had no session and is not on sale),
        ``price`` to start at, and optionally ``duration_seconds``, ``extend_seconds`` and ``increments``. ``NotLive``
        unless the stream is live, ``SessionOpen`` while another is, ``Conflict`` if the product is on sale.
        """
        self._live(stream_id, seller_id)
        running = self._running(stream_id)
        if running is not None:
            raise SessionOpen(f"session {running} is open: close it first", session_id=running)
        product_id = self._product(stream_id, terms["product_id"])
        auction_id = self._put_up(seller_id, product_id, terms)
        self._session.execute(_INSERT, {"auction": auction_id, "stream": stream_id})
        self._emit(SessionOpened(stream_id, auction_id))
        self._tell(stream_id, auction_id, "opened")
        return auction_id

    def next(self, stream_id: int, seller_id: int, terms: Mapping[str, Any]) -> int:
        """Let the hammer fall for what is open, if anything is, and open the next session."""
        self._live(stream_id, seller_id)
        self.close_running(stream_id, seller_id)
        return self.open(stream_id, seller_id, terms)

    def close_running(self, stream_id: int, seller_id: int, *, sell: bool = True) -> None:
        """Let the hammer fall for what is open, if anything is, or call it off; the stream's row is locked."""
        running = self._running(stream_id)
        if running is not None and sell:
            self._conductor.hammer(running, seller_id)
        elif running is not None:
            self._conductor.call_off(running, seller_id)

    def pause(self, stream_id: int, session_id: int, seller_id: int) -> None:
        """Stop the clock of a session; bids are refused until it goes on."""
        self.read(stream_id, session_id)
        self._conductor.pause(session_id, seller_id)
        self._tell(stream_id, session_id, "paused")

    def resume(self, stream_id: int, session_id: int, seller_id: int) -> None:
        """Let the clock of a session go on from where it stood."""
        self.read(stream_id, session_id)
        self._conductor.resume(session_id, seller_id)
        self._tell(stream_id, session_id, "resumed")

    def close(self, stream_id: int, session_id: int, seller_id: int) -> None:
        """Let the hammer fall: whoever leads has won. Once is enough."""
        self.read(stream_id, session_id)
        self._conductor.hammer(session_id, seller_id)

    def read(self, stream_id: int, session_id: int) -> Any:
        """Return a session's row; ``NotFound`` if the stream has no such session."""
        row = self._session.execute(_ONE, {"stream": stream_id, "auction": session_id}).first()
        if row is None:
            raise NotFound(f"there is no session {session_id} of stream {stream_id}")
        return row

    def page(self, stream_id: int, before: int, limit: int) -> list[Any]:
        """Return sessions of a stream with ids below ``before``, newest first; ``NotFound`` without such a stream."""
        if self._session.execute(_STREAM, {"id": stream_id}).first() is None:
            raise NotFound(f"there is no stream {stream_id}")
        return list(self._session.execute(_PAGE, {"stream": stream_id, "before": before, "limit": limit}))

    def note_closed(self, auction_id: int, outcome: str, price: Money | None) -> None:
        """An auction has ended; if it was a session, its stream is told."""
        stream_id = self._session.execute(_CLOSE, {"auction": auction_id, "outcome": outcome}).scalar()
        if stream_id is None:
            return
        self._emit(SessionClosed(stream_id, auction_id, outcome))
        told = present_money(price.minor, price.currency) if price else None
        news = {"stream_id": stream_id, "session_id": auction_id, "outcome": outcome, "price": told}
        self._publish(f"stream:{stream_id}", "stream.session_closed", news)

    def note_held(self, auction_id: int, user_id: int, price: Money, due_at: Any) -> None:
        """A lot lies in its winner's cart; if it was a session's, they are told."""
        lot = self._session.execute(_LOT, {"auction": auction_id}).first()
        if lot is None:
            return
        self._emit(SessionWon(lot.stream_id, auction_id, user_id, lot.title, price, due_at))
        news = {
            "stream_id": lot.stream_id,
            "session_id": auction_id,
            "listing_id": auction_id,
            "product_id": lot.product_id,
            "title": lot.title,
            "price": present_money(price.minor, price.currency),
            "due_at": utc(due_at),
        }
        self._publish(f"user:{user_id}", "livestream.won", news)

    def _tell(self, stream_id: int, session_id: int, what: str) -> None:
        lot = self._auctions.documents([session_id])[session_id]
        told = {name: lot[name] for name in ("product_id", "title", "price", "next_minimum", "ends_at", "remaining_ms")}
        news = {"stream_id": stream_id, "session_id": session_id, **told}
        self._publish(f"stream:{stream_id}", f"stream.session_{what}", news)

    def _put_up(self, seller_id: int, product_id: int, terms: Mapping[str, Any]) -> int:
        extend = terms.get("extend_seconds", self._settings["session_extend_seconds"])
        moved = {"policy": "reset", "window_seconds": extend, "extend_seconds": extend}
        fields = {
            "price": terms["price"],
            "increments": terms.get("increments"),
            "duration_seconds": terms.get("duration_seconds"),
            "soft_close": moved if extend else {"policy": "none"},
            "if_unpaid": "end",
            "conducted": True,
            "hold_minutes": self._settings["hold_minutes"],
        }
        try:
            return self._listings.publish(seller_id, product_id, "auction", fields)
        except Invalid as refusal:
            errors = {field.removeprefix("auction."): why for field, why in refusal.errors.items()}
            raise Invalid(refusal.detail, errors=errors) from None

    def _product(self, stream_id: int, product_id: int | None) -> int:
        if product_id is None:
            found: int | None = self._session.execute(_NEXT, {"stream": stream_id}).scalar()
            if found is None:
                raise Conflict(f"the run list of stream {stream_id} is at its end: every product has had its session")
            return found
        if self._session.execute(_LISTED, {"stream": stream_id, "product": product_id}).first() is None:
            raise NotFound(f"product {product_id} is not in the run list of stream {stream_id}")
        return product_id

    def _live(self, stream_id: int, seller_id: int) -> None:
        stream = self._streams.open(stream_id, seller_id)
        if stream.state != "live":
            raise NotLive(f"stream {stream_id} has not begun", state=stream.state)

    def _running(self, stream_id: int) -> int | None:
        running: int | None = self._session.execute(_OPEN, {"stream": stream_id}).scalar()
        return running


class SessionReader:
    """Sessions as documents."""

    def __init__(self, auctions: AuctionReader) -> None:
        self._auctions = auctions

    def present(self, rows: list[Any]) -> list[dict[str, Any]]:
        """Return the documents of these sessions, each with its auction's."""
        lots = self._auctions.documents([row.auction_id for row in rows])
        return [
            {
                "id": row.auction_id,
                "stream_id": row.stream_id,
                "opened_at": utc(row.opened_at),
                "closed_at": utc(row.closed_at),
                "outcome": row.outcome,
                "auction": lots[row.auction_id],
            }
            for row in rows
        ]


def session_service(_context: Any, request: Any) -> SessionService:
    """Return the request's ``SessionService``."""
    settings = section(request.registry, "livestream")
    hold = settings["hold_minutes"] or section(request.registry, "orders")["payment_minutes"]
    return SessionService(
        request.db,
        request.find_service(StreamService),
        request.find_service(ListingService),
        request.find_service(AuctionConductor),
        request.find_service(AuctionReader),
        request.emit,
        request.publish,
        {**settings, "hold_minutes": hold},
    )


def session_reader(_context: Any, request: Any) -> SessionReader:
    """Return the request's ``SessionReader``."""
    return SessionReader(request.find_service(AuctionReader))
