"""From a token to the person behind it, remembered as long as nobody's rights have changed.

One number in the database changes with every commit that ends a session or changes an account's roles or standing. Each
process looks at it once a second; what it remembers is true as long as the number stays, and forgotten when it moves.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from uuid import UUID

from sqlalchemy import Engine, text

from marketcore.db.session import Reader
from marketcore.identity.rules import Identity
from marketcore.identity.tokens import AccessTokens, Claims

SECONDS = 1.0
UNVERIFIED_SECONDS = 60.0  # an address that is confirmed moves no number
ENTRIES = 100_000
_FOREVER = 2**40

_LIVE = text(
    """SELECT u.id, u.roles, u.blocked_at IS NOT NULL AS blocked, u.email_verified_at IS NULL AS unverified,
              s.id AS session_id, CAST(extract(epoch FROM s.expires_at) AS float8) AS ends
       FROM auth_sessions s JOIN users u ON u.id = s.user_id
       CROSS JOIN (SELECT market_clock() AS now OFFSET 0) c
       WHERE s.id = :session_id AND s.user_id = :user_id AND s.revoked_at IS NULL AND s.expires_at > c.now
         AND :not_before <= extract(epoch FROM c.now) AND extract(epoch FROM c.now) < :expires"""
)
_REVISION = text("SELECT number, CAST(extract(epoch FROM market_clock()) AS float8) AS now FROM identity_revision")


class Identities:
    """The people behind the tokens that this process has seen lately.

    What one process revokes it forgets at once; another process notices within ``SECONDS``.
    """

    def __init__(self, engine: Engine, tokens: AccessTokens, *, verified_only: bool = False) -> None:
        self._reader = Reader(engine)
        self._tokens = tokens
        self._verified_only = verified_only
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, Identity | None]] = OrderedDict()
        self._generation = 0
        self._revision: int | None = None
        self._looked_at = float("-inf")  # by the monotonic clock
        self._database_time = 0.0  # what the database's clock said then

    def authenticate(self, token: str) -> Identity | None:
        """Return who ``token`` stands for, or ``None`` if it is forged, expired or of an ended session."""
        key = hashlib.sha256(token.encode()).digest()
        now = self._now()
        with self._lock:
            until, known = self._known.get(key, (0.0, None))
            generation = self._generation
        if now < until:
            return known
        claims = self._tokens.read(token)
        if claims is None:
            return None
        identity, ends = self._look_up(claims)
        if identity is None:
            ends = now + SECONDS
        elif identity.unverified:
            ends = min(ends, now + UNVERIFIED_SECONDS)
        self._remember(key, min(ends, claims.expires), identity, generation)
        return identity

    def _now(self) -> float:
        """Return the database's time, as of the last look and our own clock's steps since; look if that is due."""
        asked = time.monotonic()
        if asked >= self._looked_at + SECONDS:
            with self._looking:
                if asked >= self._looked_at:  # else somebody has looked while we waited
                    self._look(asked)
        return self._database_time + (asked - self._looked_at)

    def _look(self, asked: float) -> None:
        ((number, now),) = self._reader.execute(_REVISION, {})
        if number != self._revision:
            self.forget()
        self._revision, self._database_time, self._looked_at = number, now, asked

    def load(self, user_id: int, session_id: UUID) -> Identity | None:
        """Return the identity of a session as the database has it now, or ``None`` if the session has ended."""
        return self._look_up(Claims(user_id, session_id, 0, _FOREVER))[0]

    def forget(self) -> None:
        """Forget everyone: a session has ended or an account changed."""
        with self._lock:
            self._known.clear()
            self._generation += 1

    def _look_up(self, claims: Claims) -> tuple[Identity | None, float]:
        """Return whose claims these are, and when the session ends, in seconds since 1970."""
        values = {
            "user_id": claims.user_id,
            "session_id": claims.session_id,
            "not_before": claims.not_before,
            "expires": claims.expires,
        }
        found = self._reader.execute(_LIVE, values)
        if not found:
            return None, 0.0
        (row,) = found
        unverified = self._verified_only and row.unverified
        return Identity(row.id, frozenset(row.roles), row.session_id, row.blocked, unverified), row.ends

    def _remember(self, key: bytes, until: float, identity: Identity | None, generation: int) -> None:
        with self._lock:
            # Whoever was looked up before somebody was forgotten may be the one.
            if generation != self._generation:
                return
            self._known[key] = (until, identity)
            self._known.move_to_end(key)
            if len(self._known) > ENTRIES:
                self._known.popitem(last=False)
