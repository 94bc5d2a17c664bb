"""The second step of a login."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.exceptions import Invalid
from marketcore.identity.admission import AdmissionService, Login
from marketcore.identity.sessions import Caller, TokenPair
from marketcore.settings import section
from marketcore_two_factor.refusals import ChallengeOver, SecondFactorNeeded
from marketcore_two_factor.rules import EMAIL
from marketcore_two_factor.services.proving import ProvingService
from marketcore_two_factor.services.step_up import StepUpService

CHECK = "two_factor"
_BEGIN = text(
    """INSERT INTO two_factor_challenges (token_hash, user_id, standing, way, expires_at)
       VALUES (:hash, :user, :standing, :way, market_clock() + make_interval(mins => :minutes))"""
)
_OPEN = text(
    """SELECT user_id, standing, way FROM two_factor_challenges
       WHERE token_hash = :hash AND expires_at > market_clock()"""
)
_END = text("DELETE FROM two_factor_challenges WHERE token_hash = :hash RETURNING user_id")


class ChallengeService:
    """Holds logins until their second step is taken."""

    def __init__(
        self, db: Session, admission: AdmissionService, proving: ProvingService, step_up: StepUpService, minutes: int
    ) -> None:
        self._db = db
        self._admission = admission
        self._proving = proving
        self._step_up = step_up
        self._minutes = minutes

    def hold(self, login: Login) -> None:
        """Return for somebody who needs no second step; raise ``SecondFactorNeeded`` with a challenge for others."""
        methods = self._proving.methods(login.user_id)
        if not methods:
            return
        token = secrets.token_urlsafe(32)
        row = {"hash": _hash(token), "user": login.user_id, "standing": login.standing, "way": login.way}
        self._db.execute(_BEGIN, {**row, "minutes": self._minutes})
        told = {"challenge": token, "methods": methods, "expires_in": self._minutes * 60}
        raise SecondFactorNeeded(
            "finish the login at POST /api/v1/auth/login/second-factor with one of the methods", second_factor=told
        )

    def send_code(self, token: str) -> None:
        """Send a code by e-mail to whose login ``token`` holds; ``Invalid`` where that is none of their methods."""
        user_id = self._open(token).user_id
        if EMAIL not in self._proving.methods(user_id):
            raise Invalid(errors={"challenge": "is of an account that takes no codes by e-mail"})
        self._proving.send(user_id)

    def finish(self, token: str, method: str, code: str, caller: Caller) -> TokenPair:
        """Return the tokens of a new session, which counts as freshly proved; see ``ProvingService.prove``.

        ``ChallengeOver`` where ``token`` is unknown, used or too old, or the password is another by now.
        """
        user_id = self._open(token).user_id
        # From here on the account is locked, and what is read cannot have been used by anybody else.
        login = self._admission.login_of(user_id, self._open(token).way, caller)
        if self._open(token).standing != login.standing:
            raise ChallengeOver("the password has changed since: log in again")
        self._proving.prove(user_id, self._proving.methods(user_id), method, code)
        self._db.execute(_END, {"hash": _hash(token)})
        pair = self._admission.let_in(login, passed=[CHECK])
        if pair is None:
            raise ChallengeOver("the password has changed since: log in again")
        self._step_up.note(pair.session_id)
        return pair

    def _open(self, token: str) -> Any:
        row = self._db.execute(_OPEN, {"hash": _hash(token)}).one_or_none()
        if row is None:
            raise ChallengeOver("the challenge is unknown, used or too old: log in again")
        return row


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def challenge_service(_context: Any, request: Any) -> ChallengeService:
    """Return the request's ``ChallengeService``."""
    return ChallengeService(
        request.db,
        request.find_service(AdmissionService),
        request.find_service(ProvingService),
        request.find_service(StepUpService),
        section(request.registry, "two_factor")["challenge_minutes"],
    )
