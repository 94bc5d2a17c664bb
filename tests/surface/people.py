"""Everyone who may knock: one person per role, and the credentials that must not work."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from marketcore.identity.services import create_user
from marketcore.testing.market import Market

PASSWORD = "correct horse battery staple"
ROLES = {"buyer": ["buyer"], "seller": ["seller"], "both": ["buyer", "seller"], "admin": ["admin"]}
CALLERS = ("anonymous", "buyer", "seller", "both", "admin", "blocked", "expired", "revoked", "refresh")


@dataclass
class Person:
    """Somebody with an account and a session."""

    id: int
    email: str
    access: str
    refresh: str


class People:
    """Makes accounts of one marketplace, logs them in and sends their requests through one connection."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.http: httpx.Client = market.client()
        self._known: dict[str, Person] = {}

    def new(self, *roles: str) -> Person:
        """Return somebody new who has ``roles``."""
        email = f"{'-'.join(roles)}-{uuid.uuid4().hex[:12]}@example.test"
        return self.log_in(self.market.perform(create_user, email, PASSWORD, list(roles)), email)

    def log_in(self, user_id: int, email: str) -> Person:
        """Return a new session of the account."""
        answer = self.http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return Person(user_id, email, answer.json()["access"], answer.json()["refresh"])

    def known(self, role: str) -> Person:
        """Return the one person of ``role``."""
        if role not in self._known:
            self._known[role] = self.blocked() if role == "blocked" else self.new(*ROLES[role])
        return self._known[role]

    def again(self, role: str) -> None:
        """Log the one person of ``role`` in again: what was asked may have ended the session."""
        person = self.known(role)
        self._known[role] = self.log_in(person.id, person.email)

    def blocked(self) -> Person:
        """Return a buyer and seller who was blocked and has logged in again."""
        person = self.new("buyer", "seller")
        told = self.ask("POST", f"/api/v1/users/{person.id}/block", self.known("admin").access, {"reason": "surface"})
        assert told.status_code == 200, told.text
        return self.log_in(person.id, person.email)

    def token(self, caller: str) -> str | None:
        """Return what ``caller`` shows as a bearer token."""
        if caller == "anonymous":
            return None
        if caller == "expired":
            return self.expired(self.known("both"))
        if caller == "revoked":
            return self.revoked()
        return self.known("both").refresh if caller == "refresh" else self.known(caller).access

    def expired(self, person: Person) -> str:
        """Return an access token of the person's own session that was valid until a minute ago."""
        tokens = self.market.registry["identities"]._tokens
        claims = tokens.read(person.access)
        issued = datetime.now(UTC) - timedelta(seconds=tokens.lifetime + 60)
        return tokens.issue(claims.user_id, claims.session_id, issued)

    def revoked(self) -> str:
        """Return an access token whose session was logged out, not yet expired itself."""
        person = self.known("both")
        gone = self.log_in(person.id, person.email)
        assert self.ask("POST", "/api/v1/auth/logout", gone.access).status_code == 204
        return gone.access

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, **options: Any) -> httpx.Response:
        """Send one request; ``body`` as JSON."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        json = {} if body is None else {"json": body}
        return self.http.request(method, path, headers={**headers, **options.pop("headers", {})}, **json, **options)
