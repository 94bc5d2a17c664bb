"""Facts about streams, each told within the transaction in which it happens: whoever raises vetoes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marketcore.money import Money


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


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A seller sells a product of a live stream by bids; the auction's id is the session's."""

    stream_id: int
    session_id: int


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A bidding session has ended: ``sold``, ``unsold`` or ``cancelled``; ``unsold`` also if nobody buys it."""

    stream_id: int
    session_id: int
    outcome: str


@dataclass(frozen=True, slots=True)
class SessionWon:
    """What somebody has won in a stream is in their cart, at ``price`` until ``due_at``."""

    stream_id: int
    session_id: int
    user_id: int
    title: str
    price: Money
    due_at: datetime


@dataclass(frozen=True, slots=True)
class CreditsChanged:
    """A seller has ``change`` credits more, ``balance`` in all. ``kind`` says why: see ``CreditEntry``."""

    seller_id: int
    kind: str
    change: int
    balance: int


@dataclass(frozen=True, slots=True)
class CreditsRunLow:
    """A live stream ends at ``ends_at`` unless its seller gets a credit before."""

    stream_id: int
    seller_id: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CreditsRunOut:
    """A live stream has begun a slot that its seller has no credit for; ``StreamEnded`` follows."""

    stream_id: int
    seller_id: int
