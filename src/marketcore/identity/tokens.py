"""Access tokens: JWTs (RFC 7519, profile RFC 9068) that only this platform issues and reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

AUDIENCE = "marketcore"
MAX_LENGTH = 1000
HEADER = {"alg": "HS256", "typ": "at+jwt"}
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_USER_ID = re.compile(r"[1-9][0-9]{0,17}")
_SESSION_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says; times are seconds since 1970, and whether they fit is asked of the database."""

    user_id: int
    session_id: UUID
    not_before: int
    expires: int


class AccessTokens:
    """Issues and reads access tokens of ``lifetime`` seconds."""

    def __init__(self, key: bytes, *, issuer: str, lifetime: int) -> None:
        self._key = OctKey.import_key(key)
        self._issuer = issuer
        self.lifetime = lifetime

    def issue(self, user_id: int, session_id: UUID, moment: datetime) -> str:
        """Return a token that is valid from ``moment`` on."""
        now = int(moment.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
        }
        return jwt.encode(HEADER, claims, self._key, algorithms=["HS256"])

    def read(self, token: str) -> Claims | None:
        """Return what ``token`` claims, or ``None`` where this platform did not issue it as an access token."""
        if len(token) > MAX_LENGTH or not _TOKEN.fullmatch(token):
            return None
        try:
            read = jwt.decode(token, self._key, algorithms=["HS256"])
        except (JoseError, ValueError, TypeError, RecursionError):
            return None
        # Exactly our header: a key id, a key address or an embedded key is nothing we ever wrote.
        return self._claims(read.claims) if read.header == HEADER else None

    def _claims(self, claims: dict[str, Any]) -> Claims | None:
        if claims.get("iss") != self._issuer or claims.get("aud") != AUDIENCE:
            return None
        user_id, session_id, not_before, expires = (claims.get(name) for name in ("sub", "sid", "nbf", "exp"))
        if type(not_before) is not int or type(expires) is not int:
            return None
        if not isinstance(user_id, str) or not isinstance(session_id, str):
            return None
        if not _USER_ID.fullmatch(user_id) or not _SESSION_ID.fullmatch(session_id):
            return None
        return Claims(int(user_id), UUID(session_id), not_before, expires)
