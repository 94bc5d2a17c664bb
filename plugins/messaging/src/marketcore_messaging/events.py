"""Facts of messaging."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageSent:
    """Somebody has written to somebody; ``order_id`` is what about, if it is in the room of an order."""

    conversation_id: int
    message_id: int
    sender_id: int
    recipient_id: int
    order_id: int | None
