"""The one door into an account: whoever has proved to own it is let in, unless a plugin's check wants more of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.directives import table
from marketcore.identity.sessions import Caller, SessionService, TokenPair

# Locked, so that a password that changes at this moment is either seen here or waits for this session and ends it.
_HASH = text("SELECT password_hash FROM users WHERE id = :user_id FOR NO KEY UPDATE")


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who has proved to own an account and asks for a session; ``way`` is ``password`` or a provider's name.

    ``password_hash`` is the account's when that was proved: should it change before the session opens, none does.
    """

    user_id: int
    password_hash: str = field(repr=False)
    caller: Caller
    way: str

    @property
    def standing(self) -> bytes:
        """What a check may keep to recognise later whether the password is still the same: the hash's SHA-256."""
        return hashlib.sha256(self.password_hash.encode()).digest()


class AdmissionService:
    """Opens sessions for those who have proved who they are."""

    def __init__(
        self, db: Session, sessions: SessionService, checks: Mapping[str, Callable[[Any, Login], None]], request: Any
    ) -> None:
        self._db = db
        self._sessions = sessions
        self._checks = checks
        self._request = request

    def let_in(self, login: Login, *, passed: Collection[str] = ()) -> TokenPair | None:
        """Return the tokens of a new session, or ``None`` if the password has changed in the meantime.

        Every check that was added with ``add_login_check``, but those ``passed`` already, is asked first, and raises
        what it refuses the login with.
        """
        for name in sorted(self._checks.keys() - set(passed)):
            self._checks[name](self._request, login)
        return self._sessions.open(login.user_id, login.password_hash, login.caller)

    def login_of(self, user_id: int, way: str, caller: Caller) -> Login:
        """Return the login of somebody who has proved to own the account by another ``way`` than its password.

        The account is locked until the transaction ends.
        """
        return Login(user_id, self._db.execute(_HASH, {"user_id": user_id}).scalar_one(), caller, way)


def admission_service(_context: Any, request: Any) -> AdmissionService:
    """Return the request's ``AdmissionService``."""
    checks = table(request.registry, "login checks")
    return AdmissionService(request.db, request.find_service(SessionService), checks, request)
