"""Reading streams from the database: positions for resources, and what listeners have missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from marketcore.db.planning import hide_values
from marketcore.live.hints import event_frame
from marketcore.live.hub import HEAD, Event, Position, Read, Stream

HISTORY = 300

_POSITION = text("SELECT epoch, last_offset FROM live_channels WHERE name = :channel")

# One statement is one snapshot: positions and events of all reads belong together.
_STREAMS = text(
    hide_values(
        """
    SELECT wish.place, head.epoch, head.last_offset, event."offset", event.type, event.data, event.at
    FROM unnest(:channels, :afters, :limits) WITH ORDINALITY AS wish(channel, after, most, place)
    JOIN live_channels AS head ON head.name = wish.channel
    LEFT JOIN LATERAL (
        SELECT "offset", type, CAST(data AS text) AS data, at FROM live_events
        WHERE channel = wish.channel AND "offset" > wish.after AND wish.after < head.last_offset
        ORDER BY "offset" LIMIT wish.most
    ) AS event ON true
    ORDER BY wish.place, event."offset"
    """,
        channels="text[]",
        afters="bigint[]",
        limits="integer[]",
    )
)


def stream_position(session: Any, channel: str) -> dict[str, Any]:
    """Return ``{"epoch", "offset"}`` of a channel, for the resource it belongs to (its ``stream``).

    Read it *before* the resource's own rows: the document is then at least as new as the position, and a client
    that subscribes with it as ``since`` misses nothing. The epoch is ``None`` while there has been no event.
    """
    row = session.execute(_POSITION, {"channel": channel}).first()
    return {"epoch": None, "offset": 0} if row is None else {"epoch": str(row.epoch), "offset": row.last_offset}


def read_stream(session: Any, channel: str, after: int, limit: int = HISTORY) -> Stream:
    """Return the position of ``channel`` and its first ``limit`` events after the offset ``after``."""
    read = Read(channel, after, limit)
    return read_streams(session, [read])[read]


def read_streams(session: Any, reads: Sequence[Read]) -> dict[Read, Stream]:
    """Answer many reads from one snapshot with one statement; an unborn channel has the epoch ``None``."""
    rows = session.execute(
        _STREAMS,
        {
            "channels": [read.channel for read in reads],
            "afters": [min(read.after, HEAD) for read in reads],
            "limits": [read.limit for read in reads],
        },
    )
    streams: dict[Read, Stream] = dict.fromkeys(reads, Stream(Position(None, 0)))
    events: dict[Read, list[Event]] = {}
    for place, epoch, last_offset, offset, type_, data, at in rows:
        read = reads[place - 1]
        mine = events.setdefault(read, [])
        if offset is not None:
            frame = event_frame(read.channel, offset, type_, data, at)
            mine.append(Event(read.channel, str(epoch), offset, frame))
        streams[read] = Stream(Position(str(epoch), last_offset))
    return {read: Stream(stream.position, tuple(events.get(read, ()))) for read, stream in streams.items()}
