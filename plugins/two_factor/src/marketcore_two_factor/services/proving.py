"""Whether a code is right: counted before it is believed, one at a time for each account."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.db import clock
from marketcore.exceptions import Invalid, TooManyRequests
from marketcore.notifications.services import NotificationService
from marketcore.settings import section
from marketcore_two_factor import rules, totp
from marketcore_two_factor.refusals import WrongCode
from marketcore_two_factor.sealing import Seal

# The account's row: codes of one account are tried one after another, and not while its password changes.
_LOCK = text("SELECT id FROM users WHERE id = :user FOR NO KEY UPDATE")
_STANDING = text(
    """SELECT u.roles,
              ARRAY(SELECT method FROM two_factor_factors WHERE user_id = u.id AND confirmed_at IS NOT NULL) AS factors,
              (SELECT count(*) FROM two_factor_recovery_codes WHERE user_id = u.id AND used_at IS NULL) AS unused
       FROM users u WHERE u.id = :user"""
)
_TRIES = text("SELECT wrong, since FROM two_factor_tries WHERE user_id = :user")
_COUNT = text(
    """INSERT INTO two_factor_tries AS t (user_id, wrong, since) VALUES (:user, 1, market_clock())
       ON CONFLICT (user_id) DO UPDATE
       SET wrong = CASE WHEN t.since + :wait > market_clock() THEN t.wrong + 1 ELSE 1 END,
           since = CASE WHEN t.since + :wait > market_clock() THEN t.since ELSE market_clock() END
       RETURNING wrong"""
)
_FORGIVE = text("DELETE FROM two_factor_tries WHERE user_id = :user")
_SECRET = text(
    """SELECT secret, last_step FROM two_factor_factors
       WHERE user_id = :user AND method = 'totp' AND (confirmed_at IS NOT NULL) = :confirmed
         AND (:confirmed OR begun_at > market_clock() - interval '15 minutes')"""
)
_STEP = text("UPDATE two_factor_factors SET last_step = :step WHERE user_id = :user AND method = 'totp'")
_SENT = text(
    """SELECT extract(epoch FROM max(o.created_at) + interval '1 hour' - market_clock()) AS seconds
       FROM (SELECT created_at FROM two_factor_email_codes
             WHERE user_id = :user AND created_at > market_clock() - interval '1 hour'
             ORDER BY created_at DESC OFFSET :before LIMIT 1) o"""
)
_SEND = text(
    """INSERT INTO two_factor_email_codes (id, user_id, expires_at)
       VALUES (:id, :user, market_clock() + make_interval(mins => :minutes))"""
)
_OPEN_CODES = text(
    "SELECT id FROM two_factor_email_codes WHERE user_id = :user AND used_at IS NULL AND expires_at > market_clock()"
)
_USE_CODES = text(
    "UPDATE two_factor_email_codes SET used_at = market_clock() WHERE user_id = :user AND used_at IS NULL"
)
_USE_RECOVERY = text(
    """UPDATE two_factor_recovery_codes SET used_at = market_clock()
       WHERE user_id = :user AND code_hash = :hash AND used_at IS NULL RETURNING user_id"""
)


@dataclass(frozen=True, slots=True)
class Terms:
    """How many codes an account gets and how many wrong ones it may try."""

    code_minutes: int
    codes_per_hour: int
    tries: int
    wait: timedelta
    required_roles: frozenset[str]


class ProvingService:
    """Sends codes and tries them."""

    def __init__(
        self,
        db: Session,
        seal: Seal,
        digits: Callable[[str], str],
        notify: Callable[[int, str, Mapping[str, Any]], None],
        terms: Terms,
    ) -> None:
        self._db = db
        self._seal = seal
        self._digits = digits
        self._notify = notify
        self._terms = terms

    def lock(self, user_id: int) -> None:
        """Let nobody else try a code of this account until the transaction ends."""
        self._db.execute(_LOCK, {"user": user_id}).one()

    def methods(self, user_id: int, *, wanted: bool = False) -> list[str]:
        """Return how somebody can prove themselves; nothing where they have no factor and none is ``wanted``."""
        row = self._db.execute(_STANDING, {"user": user_id}).one()
        required = wanted or bool(self._terms.required_roles & set(row.roles))
        return rules.methods_of(row.factors, row.unused, required=required)

    def send(self, user_id: int) -> None:
        """Send a code by e-mail; ``TooManyRequests`` after too many within an hour."""
        self.lock(user_id)
        values = {"user": user_id, "before": self._terms.codes_per_hour - 1}
        seconds = self._db.execute(_SENT, values).scalar_one()
        if seconds is not None:
            raise TooManyRequests(
                "too many codes within an hour: use the last one, or wait", retry_after=int(seconds) + 1
            )
        code_id = str(uuid.uuid4())
        self._db.execute(_SEND, {"id": code_id, "user": user_id, "minutes": self._terms.code_minutes})
        self._notify(user_id, "two_factor.code", {"code_id": code_id, "minutes": self._terms.code_minutes})

    def prove(self, user_id: int, methods: Sequence[str], method: str, code: str) -> None:
        """Return if ``code`` is right by one of somebody's ``methods``; it is used up then.

        ``WrongCode``, which is kept, ``TooManyRequests`` after too many wrong ones, ``Invalid`` for a method that is
        none of theirs. Recovery codes are too long to be guessed, and can be used while the others have to wait.
        """
        if method not in methods:
            raise Invalid(errors={"method": f"is none of yours: use {' or '.join(methods) or 'none'}"})
        typed = rules.plain_code(code)
        if method == rules.RECOVERY:
            self._use_recovery_code(user_id, typed)
        elif method == rules.TOTP:
            self._try(user_id, lambda: self._app_is_right(user_id, typed, confirmed=True))
        else:
            self._try(user_id, lambda: self._letter_is_right(user_id, typed))

    def prove_new_app(self, user_id: int, code: str) -> None:
        """Return if ``code`` is of the authenticator that is being set up; refusals are those of ``prove``."""
        self._try(user_id, lambda: self._app_is_right(user_id, rules.plain_code(code), confirmed=False))

    def _try(self, user_id: int, right: Callable[[], bool]) -> None:
        self.lock(user_id)
        self._refuse_after_too_many(user_id)
        if not right():
            wrong = self._db.execute(_COUNT, {"user": user_id, "wait": self._terms.wait}).scalar_one()
            raise WrongCode(errors={"code": "is not right, or not any more"}, tries_left=self._terms.tries - wrong)
        self._db.execute(_FORGIVE, {"user": user_id})

    def _refuse_after_too_many(self, user_id: int) -> None:
        row = self._db.execute(_TRIES, {"user": user_id}).one_or_none()
        if row is None:
            return
        now = clock.now(self._db)
        seconds = rules.seconds_to_wait(row.wrong, row.since, now, tries=self._terms.tries, wait=self._terms.wait)
        if seconds:
            raise TooManyRequests(
                f"too many wrong codes: wait {seconds} s, or use a recovery code", retry_after=seconds
            )

    def _app_is_right(self, user_id: int, code: str, *, confirmed: bool) -> bool:
        row = self._db.execute(_SECRET, {"user": user_id, "confirmed": confirmed}).one_or_none()
        if row is None:
            return False
        secret = self._seal.open(bytes(row.secret), user_id)
        step = totp.matching_step(secret, code, clock.now(self._db), after=row.last_step)
        if step is not None:
            self._db.execute(_STEP, {"user": user_id, "step": step})
        return step is not None

    def _letter_is_right(self, user_id: int, code: str) -> bool:
        made = [self._digits(str(row.id)) for row in self._db.execute(_OPEN_CODES, {"user": user_id})]
        right = any(compare_digest(digits.encode(), code.encode()) for digits in made)
        if right:
            self._db.execute(_USE_CODES, {"user": user_id})
        return right

    def _use_recovery_code(self, user_id: int, code: str) -> None:
        self.lock(user_id)
        values = {"user": user_id, "hash": self._seal.hash(code, user_id)}
        if self._db.execute(_USE_RECOVERY, values).first() is None:
            raise WrongCode(errors={"code": "is not right, or not any more"})
        left = self._db.execute(_STANDING, {"user": user_id}).one().unused
        self._notify(user_id, "two_factor.recovery_code_used", {"left": left})


def proving_service(_context: Any, request: Any) -> ProvingService:
    """Return the request's ``ProvingService``."""
    settings, keys = section(request.registry, "two_factor"), request.registry["secrets"]
    return ProvingService(
        request.db,
        Seal(keys.derive("two-factor secret"), keys.derive("two-factor recovery")),
        keys.digits,
        request.find_service(NotificationService).notify,
        Terms(
            settings["code_minutes"],
            settings["codes_per_hour"],
            settings["tries"],
            timedelta(minutes=settings["wait_minutes"]),
            frozenset(settings["required_roles"]),
        ),
    )
