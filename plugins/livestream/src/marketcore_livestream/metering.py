"""The meter: a live stream costs a credit for each slot of time that it has begun.

The first is taken when the stream begins. The others are taken by a job, each once: whoever charges a stream holds
its row lock, counts by the database's clock how many slots it has begun, and takes what has not been taken. A worker
that was away catches up; where credits run out meanwhile, the stream ends, and nobody owes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import text

from marketcore.db import clock
from marketcore.db.session import collided
from marketcore.testing.crash import crash_point
from marketcore.web.json import utc
from marketcore_livestream.credits import CreditService, NoCredits
from marketcore_livestream.events import CreditsRunLow, CreditsRunOut
from marketcore_livestream.metering_rules import slots_begun
from marketcore_livestream.services import StreamService

log = structlog.get_logger(__name__)

NO_CREDITS = "no_credits"
_BEGIN = text("INSERT INTO livestream_meters (stream_id, slot_minutes) VALUES (:stream, :minutes)")
_READ = text(
    """SELECT s.id, s.seller_id, s.state, s.started_at, s.ended_at, m.slots, m.slot_minutes
       FROM livestream_streams s JOIN livestream_meters m ON m.stream_id = s.id WHERE s.id = :id"""
)
_COUNT = text("UPDATE livestream_meters SET slots = :slots WHERE stream_id = :id")
_NEXT = "s.started_at + m.slots * make_interval(mins => m.slot_minutes)"
# Whoever speaks in a stream refers to its row: no chat is so busy that the meter passes its stream over.
_DUE = text(
    f"""SELECT s.id FROM livestream_streams s JOIN livestream_meters m ON m.stream_id = s.id
        WHERE s.state = 'live' AND {_NEXT} < market_clock() AND s.id <> ALL(CAST(:failed AS bigint[]))
        ORDER BY s.id LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED"""
)
_WARN = text(
    f"""UPDATE livestream_meters w SET warned_slots = d.slots
        FROM (SELECT s.id, s.seller_id, s.title, m.slots, {_NEXT} AS ends_at
              FROM livestream_streams s JOIN livestream_meters m ON m.stream_id = s.id
              LEFT JOIN livestream_credit_accounts a ON a.seller_id = s.seller_id
              WHERE s.state = 'live' AND m.warned_slots < m.slots AND coalesce(a.balance, 0) = 0
                AND {_NEXT} - make_interval(mins => :minutes) <= market_clock()
              ORDER BY s.id LIMIT :limit FOR NO KEY UPDATE OF m SKIP LOCKED) d
        WHERE w.stream_id = d.id
        RETURNING d.id, d.seller_id, d.title, d.ends_at"""
)


class MeterService:
    """Charges streams."""

    def __init__(
        self,
        session: Any,
        credits: CreditService,
        streams: StreamService,
        emit: Callable[[Any], None],
        publish: Callable[..., None],
    ) -> None:
        self._session = session
        self._credits = credits
        self._streams = streams
        self._emit = emit
        self._publish = publish

    def begin(self, stream_id: int, seller_id: int, slot_minutes: int) -> None:
        """Charge the first slot of a stream, whose row is locked; ``NoCredits`` keeps it from beginning."""
        self._session.execute(_BEGIN, {"stream": stream_id, "minutes": slot_minutes})
        self._credits.take_slot(seller_id, stream_id, 0)
        self._session.execute(_COUNT, {"id": stream_id, "slots": 1})

    def settle(self, stream_id: int) -> None:
        """Charge what a stream that has ended, and whose row is locked, has begun by then, as far as credits go."""
        stream = self._session.execute(_READ, {"id": stream_id}).first()
        if stream is not None:
            self._charge(stream, stream.ended_at)

    def meter_next(self, failed: set[int]) -> bool:
        """Charge one stream that has begun another slot, or end it; ``False`` if there is none.

        Those in ``failed`` are left out, and one that cannot be dealt with is put into it.
        """
        stream_id: int | None = self._session.execute(_DUE, {"failed": list(failed)}).scalar()
        if stream_id is None:
            return False
        try:
            with self._session.begin_nested():
                self._meter(stream_id)
        except Exception as error:
            if collided(error):
                raise
            failed.add(stream_id)
            log.exception("stream_not_metered", stream_id=stream_id)
        crash_point("livestream.credits_taken")
        return True

    def _meter(self, stream_id: int) -> None:
        stream = self._session.execute(_READ, {"id": stream_id}).one()
        if not self._charge(stream, clock.now(self._session)):
            self._emit(CreditsRunOut(stream_id, stream.seller_id))
            self._streams.end(stream_id, NO_CREDITS)

    def _charge(self, stream: Any, until: datetime) -> bool:
        """Take a credit for every slot begun before ``until``; ``False`` if they did not suffice."""
        begun = slots_begun(until - stream.started_at, timedelta(minutes=stream.slot_minutes))
        charged, enough = stream.slots, True
        while charged < begun and (enough := self._take_slot(stream, charged)):
            charged += 1
        if charged > stream.slots:
            self._session.execute(_COUNT, {"id": stream.id, "slots": charged})
        return enough

    def _take_slot(self, stream: Any, number: int) -> bool:
        try:
            self._credits.take_slot(stream.seller_id, stream.id, number)
        except NoCredits:
            return False
        return True

    def warn(self, minutes: int, limit: int = 100) -> int:
        """Tell sellers and audiences, once a slot, of streams that end within ``minutes`` for want of a credit."""
        warned = self._session.execute(_WARN, {"minutes": minutes, "limit": limit}).all()
        for row in sorted(warned):
            news = {"stream_id": row.id, "title": row.title, "ends_at": utc(row.ends_at)}
            self._publish(f"stream:{row.id}", "stream.ending_soon", news)
            self._publish(f"user:{row.seller_id}", "livestream.credits_low", news)
            self._emit(CreditsRunLow(row.id, row.seller_id, row.ends_at))
        return len(warned)


def meter_service(_context: Any, request: Any) -> MeterService:
    """Return the request's ``MeterService``."""
    credits, streams = request.find_service(CreditService), request.find_service(StreamService)
    return MeterService(request.db, credits, streams, request.emit, request.publish)
