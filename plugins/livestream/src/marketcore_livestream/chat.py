"""The chat of a stream."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from marketcore.exceptions import NotFound
from marketcore.web.json import utc
from marketcore.web.schema import MAX_KEY
from marketcore_livestream.guests import GuestService
from marketcore_livestream.refusals import Banned, SlowMode

# One statement decides by the clock, after it has the row: of two messages at once, one is too soon.
_SPEAK = text(
    """INSERT INTO livestream_guests AS g (stream_id, user_id, spoke_at) VALUES (:stream, :user, market_clock())
       ON CONFLICT (stream_id, user_id) DO UPDATE SET spoke_at = market_clock()
       WHERE g.banned_at IS NULL AND (:exempt OR g.spoke_at IS NULL
             OR g.spoke_at + make_interval(secs => :slow) <= market_clock())
       RETURNING user_id"""
)
_REFUSED = text(
    """SELECT banned_at, EXTRACT(epoch FROM spoke_at + make_interval(secs => :slow) - market_clock()) AS seconds
       FROM livestream_guests WHERE stream_id = :stream AND user_id = :user"""
)
_WRITE = text(
    """WITH said AS (
         INSERT INTO livestream_messages (stream_id, author_id, body) VALUES (:stream, :user, :body)
         RETURNING id, stream_id, author_id, body, created_at)
       SELECT said.*, u.username FROM said JOIN users u ON u.id = said.author_id"""
)
_PAGE = text(
    """SELECT m.id, m.stream_id, m.author_id, m.body, m.created_at, u.username
       FROM livestream_messages m JOIN users u ON u.id = m.author_id
       WHERE m.stream_id = :stream AND m.id < :before AND m.deleted_at IS NULL
       ORDER BY m.id DESC LIMIT :limit"""
)
_MESSAGE = text(
    """SELECT id, author_id FROM livestream_messages
       WHERE id = :id AND stream_id = :stream AND deleted_at IS NULL FOR UPDATE"""
)
_DELETE = text("UPDATE livestream_messages SET deleted_at = market_clock(), deleted_by = :user WHERE id = :id")


class ChatService:
    """What is said in streams."""

    def __init__(self, session: Any, publish: Callable[..., None], guests: GuestService) -> None:
        self._session = session
        self._publish = publish
        self._guests = guests

    def say(self, stream_id: int, identity: Any, body: str) -> dict[str, Any]:
        """Say something in a live stream and return the message's document.

        ``Banned``, or ``SlowMode`` for whoever spoke a moment ago and neither sells nor moderates.
        """
        stream = self._guests.live(stream_id)
        exempt = self._guests.moderates(stream, identity)
        given = {"stream": stream_id, "user": identity.user_id, "slow": stream.slow_mode_seconds}
        if self._session.execute(_SPEAK, {**given, "exempt": exempt}).first() is None:
            raise self._refusal(given)
        row = self._session.execute(_WRITE, {"stream": stream_id, "user": identity.user_id, "body": body}).one()
        document = present_message(row)
        self._publish(f"stream:{stream_id}", "chat.message", document)
        return document

    def page(self, stream_id: int, before: int | None, limit: int) -> list[Any]:
        """Return up to ``limit`` messages, the newest first."""
        bound = {"stream": stream_id, "before": before or MAX_KEY, "limit": limit}
        return list(self._session.execute(_PAGE, bound))

    def delete(self, stream_id: int, identity: Any, message_id: int) -> None:
        """Delete one's own message, or any as a moderator, the seller or an admin; ``NotFound`` for anybody else."""
        message = self._session.execute(_MESSAGE, {"id": message_id, "stream": stream_id}).first()
        if message is None:
            raise NotFound(f"there is no message {message_id} in stream {stream_id}")
        if message.author_id != identity.user_id:
            self._guests.moderated(stream_id, identity)
        self._session.execute(_DELETE, {"id": message_id, "user": identity.user_id})
        self._publish(f"stream:{stream_id}", "chat.deleted", {"stream_id": stream_id, "message_id": message_id})

    def _refusal(self, given: dict[str, Any]) -> Banned | SlowMode:
        row = self._session.execute(_REFUSED, given).one()
        if row.banned_at is not None:
            return Banned(f"you are banned from stream {given['stream']}")
        seconds = max(1, math.ceil(row.seconds))
        return SlowMode(f"one message every {given['slow']} s here; wait {seconds} s", retry_after=seconds)


def present_message(row: Any) -> dict[str, Any]:
    """Return the document of a message."""
    return {
        "id": row.id,
        "stream_id": row.stream_id,
        "author": {"id": row.author_id, "username": row.username},
        "body": row.body,
        "created_at": utc(row.created_at),
    }


def chat_service(_context: Any, request: Any) -> ChatService:
    """Build the service of ``request``."""
    return ChatService(request.db, request.publish, request.find_service(GuestService))
