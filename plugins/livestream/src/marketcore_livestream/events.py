"""Facts about streams, each told within the transaction in which it happens: whoever raises vetoes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamScheduled:
    """A seller has planned a stream."""

    stream_id: int
    seller_id: int


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """A seller goes live; the stream's row is locked. What costs something can be asked for here, or refused."""

    stream_id: int
    seller_id: int


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A live stream is over: ``seller``, ``admin``, ``blocked``, ``forgotten`` or what a plugin gave as ``reason``.

    The stream's row is locked.
    """

    stream_id: int
    seller_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class GuestBanned:
    """Somebody may neither join a stream nor speak in it any more."""

    stream_id: int
    user_id: int
