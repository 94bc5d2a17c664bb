"""Logins on their way to a provider and back: each step once, by whoever took the one before."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.exceptions import Invalid
from marketcore.identity.email import normalise_email
from marketcore.settings import section
from marketcore_social_login.refusals import HandoverRefused, StateRefused
from marketcore_social_login.rules import Person

FLOW_MINUTES, HANDOVER_SECONDS = 10, 120
_BEGIN = text(
    """INSERT INTO social_login_flows (id, provider, state_hash, secret_hash, link_user_id, role, return_to, expires_at)
       VALUES (:id, :provider, :state, :secret, :user, :role, :return_to,
               market_clock() + make_interval(mins => :minutes))"""
)
_RETURN = text(
    """UPDATE social_login_flows SET returned_at = market_clock()
       WHERE state_hash = :state AND provider = :provider AND returned_at IS NULL AND expires_at > market_clock()
       RETURNING id, return_to"""
)
_HAND_OVER = text(
    """UPDATE social_login_flows
       SET handover_hash = :hash, handover_until = market_clock() + make_interval(secs => :seconds), subject = :subject,
           email = :email, email_verified = :email_verified, first_name = :first_name, last_name = :last_name
       WHERE id = :id"""
)
_REDEEM = text(
    """UPDATE social_login_flows SET redeemed_at = market_clock()
       WHERE handover_hash = :code AND secret_hash = :secret AND redeemed_at IS NULL
         AND handover_until > market_clock() AND link_user_id IS NOT DISTINCT FROM CAST(:user AS bigint)
       RETURNING provider, role, subject, email, email_verified, first_name, last_name"""
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that has begun: ``secret`` stays with the client, the rest travels with the browser."""

    state: str
    secret: str
    verifier: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A login whose browser has come back, once."""

    id: UUID
    return_to: str
    verifier: str
    nonce: str


class FlowService:
    """Keeps logins from their start to the tokens."""

    def __init__(self, db: Session, code: Callable[[str], str], return_urls: Collection[str]) -> None:
        self._db = db
        self._code = code
        self._return_urls = tuple(return_urls)

    def begin(self, provider: str, return_to: str, *, role: str = "", user_id: int | None = None) -> Begun:
        """Begin a login, or for ``user_id`` a link; ``Invalid`` for a return address that is not configured."""
        if return_to and return_to not in self._return_urls:
            raise Invalid(errors={"return_to": "is not among social_login.return_urls of this marketplace"})
        flow_id, state, secret = uuid.uuid4(), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        row = {"id": flow_id, "provider": provider, "state": _hash(state), "secret": _hash(secret), "user": user_id}
        back = return_to or next(iter(self._return_urls), "")
        self._db.execute(_BEGIN, {**row, "role": role, "return_to": back, "minutes": FLOW_MINUTES})
        return Begun(state, secret, *self._proofs(flow_id))

    def come_back(self, provider: str, state: str) -> Returned:
        """Return the login that ``state`` belongs to, which it does once and for ten minutes; else ``StateRefused``."""
        row = self._db.execute(_RETURN, {"provider": provider, "state": _hash(state)}).one_or_none()
        if row is None:
            raise StateRefused("the state is missing, unknown, used, too old or of another provider: begin again")
        return Returned(row.id, row.return_to, *self._proofs(row.id))

    def hand_over(self, flow_id: UUID, person: Person) -> str:
        """Note whom the provider has let in; return the code for which, with the secret, the client gets tokens."""
        code = secrets.token_urlsafe(32)
        values = {**asdict(person), "email": _stored(person.email)}
        self._db.execute(_HAND_OVER, {**values, "id": flow_id, "hash": _hash(code), "seconds": HANDOVER_SECONDS})
        return code

    def redeem(self, code: str, secret: str, user_id: int | None = None) -> Any:
        """Return whom the provider let in, once; ``HandoverRefused`` unless both are of one login (of ``user_id``)."""
        values = {"code": _hash(code), "secret": _hash(secret), "user": user_id}
        row = self._db.execute(_REDEEM, values).one_or_none()
        if row is None:
            raise HandoverRefused("the code is unknown, used or too old, or the secret is not the one of its start")
        return row

    def _proofs(self, flow_id: UUID) -> tuple[str, str]:
        """Return the PKCE verifier and the nonce: nothing that has to be stored."""
        return self._code(f"social verifier {flow_id}"), self._code(f"social nonce {flow_id}")


def _stored(email: str) -> str:
    try:
        return normalise_email(email)
    except ValueError:
        return ""


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def flow_service(_context: Any, request: Any) -> FlowService:
    """Return the request's ``FlowService``."""
    return FlowService(
        request.db, request.registry["secrets"].code, section(request.registry, "social_login")["return_urls"]
    )
