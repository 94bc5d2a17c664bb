"""Factors: set up, confirmed, removed; and the recovery codes that go with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.exceptions import Conflict, NotFound
from marketcore.identity.services import IdentityService
from marketcore.identity.sessions import SessionService
from marketcore.settings import section
from marketcore_two_factor import rules, totp
from marketcore_two_factor.events import SecondFactorChanged
from marketcore_two_factor.sealing import Seal
from marketcore_two_factor.services.proving import ProvingService
from marketcore_two_factor.services.step_up import StepUpService

_OF_USER = text(
    """SELECT method, confirmed_at FROM two_factor_factors
       WHERE user_id = :user AND confirmed_at IS NOT NULL ORDER BY method"""
)
_UNUSED = text("SELECT count(*) FROM two_factor_recovery_codes WHERE user_id = :user AND used_at IS NULL")
_BEGIN = text(
    """INSERT INTO two_factor_factors AS f (user_id, method, secret) VALUES (:user, 'totp', :secret)
       ON CONFLICT (user_id, method) DO UPDATE SET secret = excluded.secret, begun_at = market_clock(), last_step = 0
       WHERE f.confirmed_at IS NULL RETURNING user_id"""
)
_CONFIRM = text(
    """UPDATE two_factor_factors SET confirmed_at = market_clock()
       WHERE user_id = :user AND method = 'totp' AND confirmed_at IS NULL"""
)
_BEGUN = text(
    """SELECT 1 FROM two_factor_factors WHERE user_id = :user AND method = 'totp' AND confirmed_at IS NULL
         AND begun_at > market_clock() - interval '15 minutes'"""
)
_ADD_EMAIL = text(
    """INSERT INTO two_factor_factors (user_id, method, confirmed_at) VALUES (:user, 'email', market_clock())
       ON CONFLICT DO NOTHING RETURNING user_id"""
)
_REMOVE = text("DELETE FROM two_factor_factors WHERE user_id = :user AND method = :method RETURNING confirmed_at")
_FORGET_CODES = text("DELETE FROM two_factor_recovery_codes WHERE user_id = :user")
_ADD_CODES = text(
    """INSERT INTO two_factor_recovery_codes (user_id, code_hash)
       SELECT :user, unnest(CAST(:hashes AS bytea[]))"""
)


@dataclass(frozen=True, slots=True)
class NewApp:
    """What an authenticator app is told, once: the secret to type, and the address behind the QR code."""

    secret: str
    uri: str


class FactorService:
    """Keeps people's factors. Every change asks for the password, and ends the account's other sessions."""

    def __init__(
        self,
        db: Session,
        identities: IdentityService,
        sessions: SessionService,
        proving: ProvingService,
        step_up: StepUpService,
        seal: Seal,
        emit: Callable[[Any], None],
        *,
        issuer: str,
    ) -> None:
        self._db = db
        self._identities = identities
        self._sessions = sessions
        self._proving = proving
        self._step_up = step_up
        self._seal = seal
        self._emit = emit
        self._issuer = issuer

    def of_user(self, user_id: int) -> list[Any]:
        """Return rows of method and confirmed_at of what somebody has set up."""
        return list(self._db.execute(_OF_USER, {"user": user_id}))

    def recovery_codes_left(self, user_id: int) -> int:
        """Return how many recovery codes somebody has not used."""
        left: int = self._db.execute(_UNUSED, {"user": user_id}).scalar_one()
        return left

    def begin_app(self, user_id: int, password: str) -> NewApp:
        """Return a new authenticator's secret, to be confirmed by a code within a quarter of an hour.

        ``Invalid`` for a wrong password, ``Conflict`` where one is set up already.
        """
        account = self._identities.check_password(user_id, password)
        self._proving.lock(user_id)
        secret = totp.new_secret()
        row = {"user": user_id, "secret": self._seal.seal(secret, user_id)}
        if self._db.execute(_BEGIN, row).first() is None:
            raise Conflict("an authenticator app is set up already: remove it first")
        return NewApp(secret, totp.provisioning_uri(secret, account.email, self._issuer))

    def confirm_app(self, user_id: int, session_id: UUID, code: str) -> list[str]:
        """Set the authenticator up that was begun, and return new recovery codes if there were none.

        ``Conflict`` where none was begun lately; else refusals are those of ``ProvingService.prove``.
        """
        self._proving.lock(user_id)
        if self._db.execute(_BEGUN, {"user": user_id}).first() is None:
            raise Conflict("no authenticator app is being set up: begin again")
        self._proving.prove_new_app(user_id, code)
        self._db.execute(_CONFIRM, {"user": user_id})
        return self._enabled(user_id, session_id, rules.TOTP)

    def add_email(self, user_id: int, session_id: UUID, password: str, code: str) -> list[str]:
        """Take codes by e-mail from now on, and return new recovery codes if there were none.

        ``code`` was sent to the address and so proves it; refusals are those of ``ProvingService.prove``, ``Invalid``
        for a wrong password and ``Conflict`` where this is set up already.
        """
        self._identities.check_password(user_id, password)
        self._proving.prove(user_id, [rules.EMAIL], rules.EMAIL, code)
        if self._db.execute(_ADD_EMAIL, {"user": user_id}).first() is None:
            raise Conflict("codes by e-mail are set up already")
        self._identities.confirm_email(user_id)
        return self._enabled(user_id, session_id, rules.EMAIL)

    def remove(self, user_id: int, session_id: UUID, method: str, password: str) -> None:
        """Remove a factor; with the last one its recovery codes go too. ``NotFound`` if it is not set up."""
        self._identities.check_password(user_id, password)
        self._proving.lock(user_id)
        self._take_away(user_id, method)
        self._sessions.end(user_id, "second factor changed", sparing=session_id)

    def renew_recovery_codes(self, user_id: int, password: str) -> list[str]:
        """Return ten new recovery codes; the old ones are worthless. ``Conflict`` without a factor."""
        self._identities.check_password(user_id, password)
        self._proving.lock(user_id)
        if not self.of_user(user_id):
            raise Conflict("recovery codes go with a second factor: set one up first")
        return self._new_codes(user_id)

    def reset(self, user_id: int) -> None:
        """Remove everything and end every session: for somebody who has lost all of it and has convinced an admin."""
        self._proving.lock(self._identities.read(user_id).id)
        factors = self.of_user(user_id)
        if not factors:
            raise NotFound("this account has no second factor")
        for factor in factors:
            self._take_away(user_id, factor.method)
        self._sessions.end(user_id, "second factor reset")

    def _enabled(self, user_id: int, session_id: UUID, method: str) -> list[str]:
        self._emit(SecondFactorChanged(user_id, method, True))
        self._step_up.note(session_id)
        self._sessions.end(user_id, "second factor changed", sparing=session_id)
        return [] if self.recovery_codes_left(user_id) else self._new_codes(user_id)

    def _take_away(self, user_id: int, method: str) -> None:
        row = self._db.execute(_REMOVE, {"user": user_id, "method": method}).one_or_none()
        if row is None or row.confirmed_at is None:
            raise NotFound(f"no second factor by {method} is set up")
        if not self.of_user(user_id):
            self._db.execute(_FORGET_CODES, {"user": user_id})
        self._emit(SecondFactorChanged(user_id, method, False))

    def _new_codes(self, user_id: int) -> list[str]:
        codes = [totp.new_recovery_code(rules.RECOVERY_ALPHABET) for _ in range(rules.RECOVERY_CODES)]
        self._db.execute(_FORGET_CODES, {"user": user_id})
        hashes = [self._seal.hash(code, user_id) for code in codes]
        self._db.execute(_ADD_CODES, {"user": user_id, "hashes": hashes})
        return [rules.shown_recovery_code(code) for code in codes]


def factor_service(_context: Any, request: Any) -> FactorService:
    """Return the request's ``FactorService``."""
    keys = request.registry["secrets"]
    issuer = section(request.registry, "two_factor")["issuer"]
    return FactorService(
        request.db,
        request.find_service(IdentityService),
        request.find_service(SessionService),
        request.find_service(ProvingService),
        request.find_service(StepUpService),
        Seal(keys.derive("two-factor secret"), keys.derive("two-factor recovery")),
        request.emit,
        issuer=issuer or section(request.registry, "notifications")["site_name"],
    )
