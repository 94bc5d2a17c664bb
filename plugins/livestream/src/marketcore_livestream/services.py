"""Streams: planned, begun and ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketcore.catalog.offers import OfferService
from marketcore.db import clock
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.settings import section
from marketcore.web.json import utc
from marketcore_livestream.events import StreamEnded, StreamScheduled, StreamStarted
from marketcore_livestream.models import Stream, StreamItem
from marketcore_livestream.refusals import NotLive


class StreamService:
    """The life of streams. Whoever subscribes to ``StreamStarted`` and raises keeps a stream from beginning."""

    def __init__(
        self,
        session: Any,
        emit: Callable[[Any], None],
        publish: Callable[..., None],
        offers: OfferService,
        settings: Mapping[str, Any],
    ) -> None:
        self._session = session
        self._emit = emit
        self._publish = publish
        self._offers = offers
        self._settings = settings

    def schedule(self, seller_id: int, title: str, description: str = "", scheduled_for: datetime | None = None) -> int:
        """Plan a stream and return its id; ``Invalid`` if its time is past. Without one it begins when it begins."""
        self._check_time(scheduled_for)
        stream = Stream(
            seller_id=seller_id,
            title=title,
            description=description,
            scheduled_for=scheduled_for,
            slow_mode_seconds=self._settings["slow_mode_seconds"],
            video_channel=f"stream-{token_hex(12)}",
        )
        self._session.add(stream)
        self._session.flush()
        self._emit(StreamScheduled(stream.id, seller_id))
        return stream.id

    def change(self, stream_id: int, seller_id: int, change: Mapping[str, Any]) -> None:
        """Change title, description, slow mode or, of a scheduled stream, its time; ``Conflict`` once it has ended."""
        stream = self.open(stream_id, seller_id)
        if "scheduled_for" in change:
            if stream.state != "scheduled":
                raise Conflict(f"stream {stream_id} is live already: its time cannot be changed", state=stream.state)
            self._check_time(change["scheduled_for"])
        for name, value in change.items():
            setattr(stream, name, value)
        self._session.flush()
        news = {"stream_id": stream_id, "title": stream.title, "slow_mode_seconds": stream.slow_mode_seconds}
        self._tell(stream_id, "stream.changed", news)

    def start(self, stream_id: int, seller_id: int) -> None:
        """Go live; ``NotFound`` for a stranger, ``Conflict`` unless it is scheduled and the seller is not live."""
        stream = self.open(stream_id, seller_id)
        if stream.state != "scheduled":
            raise Conflict(f"stream {stream_id} is {stream.state} already", state=stream.state)
        stream.state, stream.started_at = "live", clock.now(self._session)
        try:
            with self._session.begin_nested():
                self._session.flush()
        except IntegrityError:
            raise Conflict("you are live already: end that stream first") from None
        self._emit(StreamStarted(stream_id, seller_id))
        self._tell(stream_id, "stream.started", {"stream_id": stream_id, "started_at": utc(stream.started_at)})

    def end(self, stream_id: int, reason: str) -> bool:
        """End a live stream and return whether it was live; ``reason`` is at most 30 characters.

        Its flash prices end with it.
        """
        stream = self._locked(stream_id)
        if stream.state != "live":
            return False
        self._close(stream, reason)
        flashed = select(StreamItem.listing_id).where(
            StreamItem.stream_id == stream_id, StreamItem.flash_until.is_not(None)
        )
        self._offers.end(self._session.scalars(flashed).all())
        self._emit(StreamEnded(stream_id, stream.seller_id, reason))
        return True

    def end_own(self, stream_id: int, identity: Any) -> None:
        """End a stream as its seller or an admin; a scheduled one is cancelled. ``NotFound`` for strangers."""
        stream = self._locked(stream_id)
        if stream.seller_id != identity.user_id and "admin" not in identity.roles:
            raise NotFound(f"you have no stream {stream_id}")
        if stream.state == "ended":
            raise NotLive(f"stream {stream_id} has ended already", state="ended")
        if stream.state == "scheduled":
            self._close(stream, "cancelled")
        else:
            self.end(stream_id, "seller" if stream.seller_id == identity.user_id else "admin")

    def open(self, stream_id: int, seller_id: int) -> Stream:
        """Return a seller's own stream, its row locked; ``NotFound`` for strangers, ``NotLive`` once it has ended."""
        stream = self._locked(stream_id)
        if stream.seller_id != seller_id:
            raise NotFound(f"you have no stream {stream_id}")
        if stream.state == "ended":
            raise NotLive(f"stream {stream_id} has ended", state="ended")
        return stream

    def latest_end(self, stream: Stream) -> datetime:
        """Return when a live stream ends at the latest."""
        begun = stream.started_at or clock.now(self._session)
        return begun + timedelta(hours=self._settings["longest_hours"])

    def _close(self, stream: Stream, reason: str) -> None:
        stream.state, stream.ended_at, stream.end_reason = "ended", clock.now(self._session), reason
        self._session.flush()
        news = {"stream_id": stream.id, "ended_at": utc(stream.ended_at), "reason": reason}
        self._tell(stream.id, "stream.ended", news)

    def _tell(self, stream_id: int, type: str, news: Mapping[str, Any]) -> None:
        self._publish(f"stream:{stream_id}", type, news)

    def _check_time(self, scheduled_for: datetime | None) -> None:
        if scheduled_for is not None and scheduled_for <= clock.now(self._session):
            raise Invalid(errors={"scheduled_for": "must be in the future"})

    def _locked(self, stream_id: int) -> Stream:
        # Who speaks and who comes refers to the row: they neither wait for this lock nor keep it waiting.
        wanted = select(Stream).where(Stream.id == stream_id).with_for_update(key_share=True)
        stream: Stream | None = self._session.scalar(wanted.execution_options(populate_existing=True))
        if stream is None:
            raise NotFound(f"there is no stream {stream_id}")
        return stream


def stream_service(_context: Any, request: Any) -> StreamService:
    """Build the service of ``request``."""
    settings = section(request.registry, "livestream")
    return StreamService(request.db, request.emit, request.publish, request.find_service(OfferService), settings)
