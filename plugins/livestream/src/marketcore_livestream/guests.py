"""Who is in a stream, who moderates it and who is banned from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from marketcore.exceptions import Conflict, NotFound
from marketcore_livestream.events import GuestBanned
from marketcore_livestream.refusals import Banned, NotLive

# Not locked: a busy chat would keep its seller from ending the stream, and a word at its very end does no harm.
_STREAM = text(
    "SELECT id, seller_id, state, slow_mode_seconds, video_channel FROM livestream_streams WHERE id = :stream"
)
_GUEST = text(
    """SELECT moderator, banned_at IS NOT NULL AS banned FROM livestream_guests
       WHERE stream_id = :stream AND user_id = :user"""
)
_JOIN = text(
    """INSERT INTO livestream_guests (stream_id, user_id, joined_at) VALUES (:stream, :user, market_clock())
       ON CONFLICT (stream_id, user_id) DO UPDATE SET joined_at = market_clock(), left_at = NULL
       WHERE livestream_guests.banned_at IS NULL RETURNING user_id"""
)
_LEAVE = text(
    """UPDATE livestream_guests SET left_at = market_clock()
       WHERE stream_id = :stream AND user_id = :user AND left_at IS NULL"""
)
_BAN = text(
    """INSERT INTO livestream_guests (stream_id, user_id, banned_at, banned_by)
       VALUES (:stream, :user, market_clock(), :by)
       ON CONFLICT (stream_id, user_id) DO UPDATE SET
         banned_at = coalesce(livestream_guests.banned_at, excluded.banned_at),
         banned_by = coalesce(livestream_guests.banned_by, excluded.banned_by),
         left_at = market_clock(), moderator = false
       WHERE :over_moderators OR NOT livestream_guests.moderator RETURNING user_id"""
)
_UNBAN = text(
    """UPDATE livestream_guests SET banned_at = NULL, banned_by = NULL
       WHERE stream_id = :stream AND user_id = :user AND banned_at IS NOT NULL"""
)
_APPOINT = text(
    """INSERT INTO livestream_guests (stream_id, user_id, moderator) VALUES (:stream, :user, true)
       ON CONFLICT (stream_id, user_id) DO UPDATE SET moderator = true
       WHERE livestream_guests.banned_at IS NULL RETURNING user_id"""
)
_DISMISS = text(
    "UPDATE livestream_guests SET moderator = false WHERE stream_id = :stream AND user_id = :user AND moderator"
)
_USER = text("SELECT id, username FROM users WHERE id = :user")


class GuestService:
    """Joining and leaving, moderators and bans; the row of (stream, user) puts each person's changes in one order."""

    def __init__(
        self,
        session: Any,
        emit: Callable[[Any], None],
        publish: Callable[..., None],
        recheck_live: Callable[[int], None],
    ) -> None:
        self._session = session
        self._emit = emit
        self._publish = publish
        self._recheck_live = recheck_live

    def join(self, stream_id: int, user_id: int) -> None:
        """Come in; ``NotLive`` unless the stream is live, ``Banned`` for whoever may not."""
        self.live(stream_id)
        if self._session.execute(_JOIN, {"stream": stream_id, "user": user_id}).first() is None:
            raise Banned(f"you are banned from stream {stream_id}")

    def leave(self, stream_id: int, user_id: int) -> None:
        """Go; to go twice is harmless."""
        self._stream(stream_id)
        self._session.execute(_LEAVE, {"stream": stream_id, "user": user_id})

    def check(self, stream_id: int, user_id: int) -> None:
        """Raise ``Banned`` if somebody may not take part in a stream."""
        if self._banned(stream_id, user_id):
            raise Banned(f"you are banned from stream {stream_id}")

    def may_join(self, stream_id: int, user_id: int | None) -> bool:
        """Whether somebody, or for ``None`` anybody, may listen: the stream exists and they are not banned."""
        if self._session.execute(_STREAM, {"stream": stream_id}).first() is None:
            return False
        return user_id is None or not self._banned(stream_id, user_id)

    def live(self, stream_id: int) -> Any:
        """Return the stream's row; ``NotLive`` if it is not live."""
        stream = self._stream(stream_id)
        if stream.state != "live":
            raise NotLive(f"stream {stream_id} is {stream.state}", state=stream.state)
        return stream

    def moderates(self, stream: Any, identity: Any) -> bool:
        """Whether somebody is the seller of ``stream``, an admin or one of its moderators."""
        return self._rules(stream, identity) or self._is(stream.id, identity.user_id, "moderator")

    def moderated(self, stream_id: int, identity: Any) -> Any:
        """Return the stream's row for whoever moderates it; ``NotFound`` for anybody else."""
        stream = self._stream(stream_id)
        if not self.moderates(stream, identity):
            raise NotFound(f"you moderate no stream {stream_id}")
        return stream

    def ban(self, stream_id: int, identity: Any, user_id: int) -> None:
        """Keep somebody out, at once; ``Conflict`` for the seller, oneself, and moderators unless the seller bans."""
        stream = self.moderated(stream_id, identity)
        person = self._person(user_id)
        if user_id in (stream.seller_id, identity.user_id):
            raise Conflict("neither the seller of a stream nor you yourself can be banned", user_id=user_id)
        over = self._rules(stream, identity)
        given = {"stream": stream_id, "user": user_id, "by": identity.user_id, "over_moderators": over}
        if self._session.execute(_BAN, given).first() is None:
            raise Conflict("a moderator is banned by the seller alone", user_id=user_id)
        self._emit(GuestBanned(stream_id, user_id))
        self._recheck_live(user_id)
        news = {"stream_id": stream_id, "user": {"id": person.id, "username": person.username}}
        self._publish(f"stream:{stream_id}", "chat.banned", news)

    def unban(self, stream_id: int, identity: Any, user_id: int) -> None:
        """Let somebody in again; ``NotFound`` if they are not banned."""
        self.moderated(stream_id, identity)
        if self._session.execute(_UNBAN, {"stream": stream_id, "user": user_id}).rowcount == 0:
            raise NotFound(f"user {user_id} is not banned from stream {stream_id}")

    def appoint(self, stream_id: int, identity: Any, user_id: int) -> None:
        """Make somebody a moderator, as the seller or an admin; ``Conflict`` for somebody who is banned."""
        self._ruled(stream_id, identity)
        self._person(user_id)
        if self._session.execute(_APPOINT, {"stream": stream_id, "user": user_id}).first() is None:
            raise Conflict(f"user {user_id} is banned from stream {stream_id}: lift that first", user_id=user_id)

    def dismiss(self, stream_id: int, identity: Any, user_id: int) -> None:
        """Make somebody a guest like others again; ``NotFound`` if they are no moderator."""
        self._ruled(stream_id, identity)
        if self._session.execute(_DISMISS, {"stream": stream_id, "user": user_id}).rowcount == 0:
            raise NotFound(f"user {user_id} is no moderator of stream {stream_id}")

    def _ruled(self, stream_id: int, identity: Any) -> None:
        if not self._rules(self._stream(stream_id), identity):
            raise NotFound(f"you have no stream {stream_id}")

    def _rules(self, stream: Any, identity: Any) -> bool:
        return stream.seller_id == identity.user_id or "admin" in identity.roles

    def _banned(self, stream_id: int, user_id: int) -> bool:
        return self._is(stream_id, user_id, "banned")

    def _is(self, stream_id: int, user_id: int, what: str) -> bool:
        guest = self._session.execute(_GUEST, {"stream": stream_id, "user": user_id}).first()
        return guest is not None and bool(getattr(guest, what))

    def _stream(self, stream_id: int) -> Any:
        stream = self._session.execute(_STREAM, {"stream": stream_id}).first()
        if stream is None:
            raise NotFound(f"there is no stream {stream_id}")
        return stream

    def _person(self, user_id: int) -> Any:
        person = self._session.execute(_USER, {"user": user_id}).first()
        if person is None:
            raise NotFound(f"there is no user {user_id}")
        return person


def guest_service(_context: Any, request: Any) -> GuestService:
    """Build the service of ``request``."""
    return GuestService(request.db, request.emit, request.publish, request.recheck_live)
