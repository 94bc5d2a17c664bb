"""Sessions: one login each, its rotating refresh tokens, and its end."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.events import SessionsRevoked
from marketcore.identity.tokens import AccessTokens

# The user's row is locked and its hash compared again: a password that changes at this moment lets nobody in.
_OPEN = text(
    """WITH session AS (
           INSERT INTO auth_sessions (user_id, expires_at, user_agent, remote_addr)
           SELECT id, market_clock() + make_interval(days => :days), :user_agent, :remote_addr
           FROM users WHERE id = :user_id AND password_hash = :password_hash FOR NO KEY UPDATE
           RETURNING id, created_at),
       token AS (INSERT INTO auth_refresh_tokens (token_hash, session_id) SELECT :token_hash, id FROM session)
       SELECT id, created_at FROM session"""
)
_LOCK_FAMILY = text(
    """SELECT id, user_id FROM auth_sessions
       WHERE id = (SELECT session_id FROM auth_refresh_tokens WHERE token_hash = :token_hash) FOR UPDATE"""
)
# A statement of its own, after the lock: it sees what whoever held the lock before has done.
_JUDGE = text(
    """SELECT s.revoked_at IS NULL AND s.expires_at > c.now AS live,
              coalesce(t.used_at < c.now - make_interval(secs => :grace), false) AS stolen, c.now
       FROM auth_refresh_tokens t JOIN auth_sessions s ON s.id = t.session_id
       CROSS JOIN (SELECT market_clock() AS now OFFSET 0) c WHERE t.token_hash = :token_hash"""
)
_ROTATE = text(
    """WITH used AS (UPDATE auth_refresh_tokens SET used_at = coalesce(used_at, :now) WHERE token_hash = :token_hash),
       extended AS (UPDATE auth_sessions SET expires_at = :now + make_interval(days => :days) WHERE id = :session_id)
       INSERT INTO auth_refresh_tokens (token_hash, session_id) VALUES (:new_hash, :session_id)"""
)
_END = text(
    """UPDATE auth_sessions SET revoked_at = market_clock(), revoked_reason = :reason
       WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > market_clock()
         AND (CAST(:only AS uuid) IS NULL OR id = :only) AND (CAST(:sparing AS uuid) IS NULL OR id <> :sparing)
       RETURNING id"""
)
_LIST = text(
    """SELECT id, created_at, expires_at, user_agent, remote_addr FROM auth_sessions
       WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > market_clock()
         AND (CAST(:before AS timestamptz) IS NULL OR (created_at, id) < (CAST(:before AS timestamptz), :before_id))
       ORDER BY created_at DESC, id DESC LIMIT :limit"""
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a login comes from, for its owner to recognise it by."""

    user_agent: str
    remote_addr: str


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client keeps: an access token, ``expires_in`` seconds long, and the refresh token for the next."""

    access: str
    refresh: str
    expires_in: int
    session_id: UUID


class SessionService:
    """Opens, continues, lists and ends sessions."""

    def __init__(
        self, db: Session, tokens: AccessTokens, emit: Callable[[Any], None], *, days: int, grace_seconds: int
    ) -> None:
        self._db = db
        self._tokens = tokens
        self._emit = emit
        self._days = days
        self._grace = grace_seconds

    def open(self, user_id: int, password_hash: str, caller: Caller) -> TokenPair | None:
        """Return the tokens of a new session, or ``None`` if ``password_hash`` is not the user's any more."""
        refresh = new_refresh_token()
        row = self._db.execute(
            _OPEN,
            {
                "user_id": user_id,
                "password_hash": password_hash,
                "days": self._days,
                "user_agent": caller.user_agent,
                "remote_addr": caller.remote_addr,
                "token_hash": token_hash(refresh),
            },
        ).one_or_none()
        return self._pair(user_id, row.id, row.created_at, refresh) if row else None

    def rotate(self, refresh: str) -> TokenPair | None:
        """Return new tokens for a refresh token, or ``None`` if it is unknown, its session over, or it was stolen.

        A used token continues its session only for the seconds of grace in which another tab may not know the new
        one yet. Afterwards somebody has copied it: the whole session ends, which the caller has to commit.
        """
        used = token_hash(refresh)
        values = {"token_hash": used, "grace": self._grace}
        family = self._db.execute(_LOCK_FAMILY, values).one_or_none()
        if family is None:
            return None
        found = self._db.execute(_JUDGE, values).one()
        if not found.live:
            return None
        if found.stolen:
            self.end(family.user_id, "refresh token reused", only=family.id)
            return None
        return self._continue(family, used, found.now)

    def _continue(self, family: Any, used: bytes, now: datetime) -> TokenPair:
        refresh = new_refresh_token()
        values = {"session_id": family.id, "token_hash": used, "now": now, "days": self._days}
        self._db.execute(_ROTATE, {**values, "new_hash": token_hash(refresh)})
        return self._pair(family.user_id, family.id, now, refresh)

    def end(self, user_id: int, reason: str, *, only: UUID | None = None, sparing: UUID | None = None) -> list[UUID]:
        """End the user's sessions (``only`` one, or all ``sparing`` one) and return which were ended."""
        values = {"user_id": user_id, "reason": reason, "only": only, "sparing": sparing}
        ended = list(self._db.execute(_END, values).scalars())
        if ended:
            self._emit(SessionsRevoked(user_id, tuple(ended)))
        return ended

    def of_user(self, user_id: int, limit: int, after: Sequence[str] | None) -> Sequence[Any]:
        """Return up to ``limit`` sessions that are still open, the newest first."""
        before, before_id = after or (None, None)
        values = {"user_id": user_id, "limit": limit, "before": before, "before_id": before_id and UUID(before_id)}
        return self._db.execute(_LIST, values).all()

    def _pair(self, user_id: int, session_id: UUID, moment: datetime, refresh: str) -> TokenPair:
        return TokenPair(self._tokens.issue(user_id, session_id, moment), refresh, self._tokens.lifetime, session_id)


def new_refresh_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def token_hash(refresh: str) -> bytes:
    """Return what is stored of a refresh token; being random it needs no slow hash."""
    return hashlib.sha256(refresh.encode()).digest()
