"""Streams: planned, begun and ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketcore.db import clock
from marketcore.exceptions import Conflict, NotFound
from marketcore_livestream.events import StreamEnded, StreamStarted
from marketcore_livestream.models import Stream


class StreamService:
    """The life of streams. Whoever subscribes to ``StreamStarted`` and raises keeps a stream from beginning."""

    def __init__(self, session: Any, emit: Callable[[Any], None], publish: Callable[..., None]) -> None:
        self._session = session
        self._emit = emit
        self._publish = publish

    def start(self, stream_id: int, seller_id: int) -> None:
        """Go live; ``NotFound`` for a stranger, ``Conflict`` unless it is scheduled and the seller is not live."""
        stream = self._locked(stream_id)
        if stream.seller_id != seller_id:
            raise NotFound(f"you have no stream {stream_id}")
        if stream.state != "scheduled":
            raise Conflict(f"stream {stream_id} is {stream.state}: schedule another", state=stream.state)
        stream.state, stream.started_at = "live", clock.now(self._session)
        try:
            with self._session.begin_nested():
                self._session.flush()
        except IntegrityError:
            raise Conflict("you are live already: end that stream first") from None
        self._emit(StreamStarted(stream_id, seller_id))

    def end(self, stream_id: int, reason: str) -> bool:
        """End a live stream and return whether it was live; ``reason`` is at most 30 characters."""
        stream = self._locked(stream_id)
        if stream.state != "live":
            return False
        stream.state, stream.ended_at, stream.end_reason = "ended", clock.now(self._session), reason
        self._session.flush()
        self._emit(StreamEnded(stream_id, stream.seller_id, reason))
        return True

    def _locked(self, stream_id: int) -> Stream:
        wanted = select(Stream).where(Stream.id == stream_id).with_for_update()
        stream: Stream | None = self._session.scalar(wanted.execution_options(populate_existing=True))
        if stream is None:
            raise NotFound(f"there is no stream {stream_id}")
        return stream


def stream_service(_context: Any, request: Any) -> StreamService:
    """Build the service of ``request``."""
    return StreamService(request.db, request.emit, request.publish)
