"""Proofs that count for minutes, in one session, for what being logged in is not enough for."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.exceptions import Conflict, StepUpNeeded
from marketcore.settings import section
from marketcore_two_factor.services.proving import ProvingService

_NOTE = text(
    """INSERT INTO two_factor_proofs (session_id) VALUES (:session)
       ON CONFLICT (session_id) DO UPDATE SET proved_at = market_clock()
       RETURNING proved_at + make_interval(mins => :minutes)"""
)
_UNTIL = text(
    """SELECT proved_at + make_interval(mins => :minutes) FROM two_factor_proofs
       WHERE session_id = :session AND proved_at + make_interval(mins => :minutes) > market_clock()"""
)


class StepUpService:
    """Notes proofs and asks for them."""

    def __init__(self, db: Session, proving: ProvingService, *, minutes: int, for_all: bool) -> None:
        self._db = db
        self._proving = proving
        self._minutes = minutes
        self._for_all = for_all

    def methods(self, user_id: int) -> list[str]:
        """Return how somebody can prove themselves before what matters; nothing where they need not."""
        return self._proving.methods(user_id, wanted=self._for_all)

    def demand(self, user_id: int, session_id: UUID) -> None:
        """Raise ``StepUpNeeded`` unless this session has proved a factor lately, or its user has none."""
        methods = self.methods(user_id)
        if methods and self.proved_until(session_id) is None:
            raise StepUpNeeded(
                "prove your second factor at POST /api/v1/users/me/second-factor/proof, then send this again",
                methods=methods,
                minutes=self._minutes,
            )

    def prove(self, user_id: int, session_id: UUID, method: str, code: str) -> datetime:
        """Note a proof and return until when it counts; refusals are those of ``ProvingService.prove``."""
        self._proving.prove(user_id, self._some_methods(user_id), method, code)
        return self.note(session_id)

    def note(self, session_id: UUID) -> datetime:
        """Note that a session has just proved a factor, and return until when that counts."""
        until: datetime = self._db.execute(_NOTE, {"session": session_id, "minutes": self._minutes}).scalar_one()
        return until

    def proved_until(self, session_id: UUID) -> datetime | None:
        """Return until when a session's proof counts, or ``None`` if it has none any more."""
        values = {"session": session_id, "minutes": self._minutes}
        until: datetime | None = self._db.execute(_UNTIL, values).scalar_one_or_none()
        return until

    def _some_methods(self, user_id: int) -> list[str]:
        methods = self.methods(user_id)
        if not methods:
            raise Conflict("your account has no second factor: there is nothing to prove")
        return methods


def step_up_service(_context: Any, request: Any) -> StepUpService:
    """Return the request's ``StepUpService``."""
    settings = section(request.registry, "two_factor")
    return StepUpService(
        request.db,
        request.find_service(ProvingService),
        minutes=settings["proof_minutes"],
        for_all=settings["step_up_for_all"],
    )
