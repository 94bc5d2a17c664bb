"""Proof that somebody reads the e-mails of an account: for confirming its address, and for a forgotten password.

The letter holds a code that is made of the platform's secret and the row's id when it is written; the table holds the
code's hash, so that neither the rows nor the letters that wait let anybody in.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.exceptions import Conflict, Invalid, TooManyRequests
from marketcore.identity.email import normalise_email
from marketcore.identity.services import IdentityService
from marketcore.settings import section

log = structlog.get_logger(__name__)
VERIFY, RESET = "verify_email", "reset_password"

_ACCOUNT = text("SELECT id, email, email_verified_at FROM users WHERE id = :user FOR NO KEY UPDATE")
_BY_EMAIL = text("SELECT id, email FROM users WHERE email = :email FOR NO KEY UPDATE")
_ISSUED = text(
    """SELECT count(*) FROM email_tokens
       WHERE user_id = :user AND purpose = :purpose AND created_at > market_clock() - interval '1 hour'"""
)
_ISSUE = text(
    """INSERT INTO email_tokens (id, user_id, purpose, token_hash, email, expires_at)
       VALUES (:id, :user, :purpose, :hash, :email, market_clock() + make_interval(mins => :minutes))"""
)
# The account first and then its tokens: two that are redeemed together wait for each other.
_LOCK_OWNER = text(
    """SELECT u.id FROM users u WHERE u.id = (SELECT user_id FROM email_tokens WHERE token_hash = :hash)
       FOR NO KEY UPDATE"""
)
_REDEEM = text(
    """UPDATE email_tokens SET used_at = market_clock()
       WHERE token_hash = :hash AND purpose = :purpose AND used_at IS NULL AND expires_at > market_clock()
         AND email = (SELECT email FROM users WHERE id = user_id)
       RETURNING user_id"""
)
_USE_UP = text(
    "UPDATE email_tokens SET used_at = market_clock() WHERE user_id = :user AND purpose = :purpose AND used_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what was sent can be used, and how many letters of one kind an account gets in an hour."""

    verification_hours: int
    reset_minutes: int
    letters_per_hour: int


class RecoveryService:
    """Sends proofs by e-mail and redeems them."""

    def __init__(
        self,
        db: Session,
        identities: IdentityService,
        code: Callable[[str], str],
        notify: Callable[[int, str, Mapping[str, Any]], None],
        enqueue: Callable[..., Any],
        terms: Terms,
    ) -> None:
        self._db = db
        self._identities = identities
        self._code = code
        self._notify = notify
        self._enqueue = enqueue
        self._terms = terms

    def send_verification(self, user_id: int) -> None:
        """Write a letter that lets its reader confirm the account's address.

        ``Conflict`` where it is confirmed already, ``TooManyRequests`` after too many letters.
        """
        account = self._db.execute(_ACCOUNT, {"user": user_id}).one()
        if account.email_verified_at:
            raise Conflict("your e-mail address is confirmed already")
        hours = self._terms.verification_hours
        token_id = self._issue(account, VERIFY, hours * 60)
        self._notify(user_id, "account.verify_email", {"token_id": token_id, "hours": hours})

    def verify_email(self, token: str) -> None:
        """Confirm the address that ``token`` was sent to; ``Invalid`` for one that cannot be used (any more)."""
        self._identities.confirm_email(self._redeem(token, VERIFY))

    def ask_reset(self, email: str) -> None:
        """Have a letter written to ``email`` that lets its reader set a password, if there is such an account.

        Whether there is one is found out later, by a job: what is done here is the same for every address.
        """
        try:
            address = normalise_email(email)
        except ValueError as error:
            raise Invalid(errors={"email": str(error)}) from None
        self._enqueue("identity.send_password_reset", email=address)

    def send_reset(self, email: str) -> None:
        """Write the letter; to an address without an account, or with too many letters, none."""
        account = self._db.execute(_BY_EMAIL, {"email": email}).one_or_none()
        if account is None:
            return
        minutes = self._terms.reset_minutes
        try:
            token_id = self._issue(account, RESET, minutes)
        except TooManyRequests:
            log.warning("password_reset_not_sent", user_id=account.id, reason="too many within an hour")
            return
        self._notify(account.id, "account.reset_password", {"token_id": token_id, "minutes": minutes})

    def reset_password(self, token: str, password: str) -> None:
        """Set a new password, end every session and make every other such letter worthless.

        ``Invalid`` names what cannot be used; an unfit password leaves ``token`` as it was.
        """
        user_id = self._redeem(token, RESET)
        self._identities.set_password(user_id, password)
        self._db.execute(_USE_UP, {"user": user_id, "purpose": RESET})
        self._identities.confirm_email(user_id)

    def _issue(self, account: Any, purpose: str, minutes: int) -> str:
        values = {"user": account.id, "purpose": purpose}
        if self._db.execute(_ISSUED, values).scalar_one() >= self._terms.letters_per_hour:
            raise TooManyRequests("too many letters within an hour: use the last one, or wait", retry_after=3600)
        token_id = str(uuid.uuid4())
        row = {"id": token_id, "hash": _hash(self._code(token_id)), "email": account.email, "minutes": minutes}
        self._db.execute(_ISSUE, {**values, **row})
        return token_id

    def _redeem(self, token: str, purpose: str) -> int:
        values = {"hash": _hash(token), "purpose": purpose}
        self._db.execute(_LOCK_OWNER, values)
        user_id: int | None = self._db.execute(_REDEEM, values).scalar_one_or_none()
        if user_id is None:
            raise Invalid(errors={"token": "is unknown, used or too old: ask for another letter"})
        return user_id


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def recovery_service(_context: Any, request: Any) -> RecoveryService:
    """Return the request's ``RecoveryService``."""
    # Notifications know this noun; it is for letters alone that this one knows them.
    from marketcore.notifications.services import NotificationService

    settings = section(request.registry, "identity")
    return RecoveryService(
        request.db,
        request.find_service(IdentityService),
        request.registry["secrets"].code,
        request.find_service(NotificationService).notify,
        request.enqueue,
        Terms(settings["verification_hours"], settings["reset_minutes"], settings["letters_per_hour"]),
    )
