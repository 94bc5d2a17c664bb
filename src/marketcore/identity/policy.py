"""The security policy: bearer tokens, and rights that are declared and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.security import Allowed, Denied
from sqlalchemy import text

from marketcore.directives import table
from marketcore.exceptions import Blocked, EmailUnverified, Forbidden, MarketError, NotAuthenticated
from marketcore.identity.rules import Identity, Verdict, decide

# Views with this permission do not look at the Authorization header: logging in again must be possible with an
# expired token, and the callbacks of other systems bring credentials that are not ours.
UNIDENTIFIED = "unidentified"
INFRASTRUCTURE = frozenset(
    {"healthz", "readyz", "metrics", "openapi.document", "openapi.docs", "asyncapi.document", "asyncapi.docs"}
)
ENVIRON_KEY = "marketcore.identity"
_IDENTITY = "marketcore identity"

_REASON = text("SELECT blocked_reason FROM users WHERE id = :user_id")


class BearerPolicy:
    """Pyramid's security policy over the bearer tokens of RFC 6750."""

    def identity(self, request: Any) -> Identity | None:
        """Return who asks, or ``None`` for nobody known; looked up once in a request."""
        found = request.__dict__
        if _IDENTITY not in found:
            found[_IDENTITY] = _identify(request)
        identity: Identity | None = found[_IDENTITY]
        return identity

    def authenticated_userid(self, request: Any) -> int | None:
        """Return the user id of who asks."""
        identity = self.identity(request)
        return identity.user_id if identity else None

    def permits(self, request: Any, context: Any, permission: str) -> Allowed | Denied:
        """Return whether who asks has ``permission``; an undeclared one nobody has."""
        declared = table(request.registry, "permissions declared").get(permission)
        if declared is None:
            return Denied(Verdict.FORBIDDEN.value)
        if _indifferent(request, permission):
            return Allowed(Verdict.ALLOWED.value)
        identity = self.identity(request)
        # Whoever shows a token is told when it is worthless, even where none is needed.
        if identity is None and "HTTP_AUTHORIZATION" in request.environ and ENVIRON_KEY not in request.environ:
            return Denied(Verdict.NOT_AUTHENTICATED.value)
        verdict = decide(declared.to, declared.trade, identity)
        return (Allowed if verdict is Verdict.ALLOWED else Denied)(verdict.value)

    def remember(self, request: Any, userid: Any, **kw: Any) -> list[Any]:
        """Return no headers: clients keep their tokens themselves."""
        return []

    def forget(self, request: Any, **kw: Any) -> list[Any]:
        """Return no headers: clients keep their tokens themselves."""
        return []


def authenticate_bearer(registry: Any, token: str) -> Identity | None:
    """Return who the access ``token`` stands for (``registry["authenticate_bearer"]``)."""
    identity: Identity | None = registry["identities"].authenticate(token)
    return identity


def load_identity(registry: Any, user_id: int, session_id: UUID) -> Identity | None:
    """Return the identity of a session that has not ended (``registry["load_identity"]``)."""
    identity: Identity | None = registry["identities"].load(user_id, session_id)
    return identity


def denied(request: Any) -> MarketError:
    """Return the refusal to answer instead of Pyramid's 403 (``registry["denied"]``)."""
    result = getattr(getattr(request, "exception", None), "result", None)
    return refusal(request.registry, request.identity, getattr(result, "s", ""))


def refusal(registry: Any, identity: Identity | None, verdict: str) -> MarketError:
    """Return why ``identity`` may not do something that ``verdict``, the value of a ``Verdict``, refuses."""
    if identity is None:
        return NotAuthenticated("the access token is missing, not valid any more or not ours: log in or refresh")
    if verdict == Verdict.UNVERIFIED:
        return EmailUnverified(
            "confirm your e-mail address first: POST /api/v1/users/me/email-verification sends a letter"
        )
    if verdict == Verdict.BLOCKED:
        reason = _blocked_reason(registry, identity.user_id)
        return Blocked(f"this account is blocked: {reason}", reason=reason)
    return Forbidden("none of your roles allows this")


def _identify(request: Any) -> Identity | None:
    if ENVIRON_KEY in request.environ:
        given: Identity | None = request.environ[ENVIRON_KEY]
        return given
    scheme, _space, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return authenticate_bearer(request.registry, token) if scheme.lower() == "bearer" else None


def _indifferent(request: Any, permission: str) -> bool:
    route = getattr(request, "matched_route", None)
    return permission == UNIDENTIFIED or (route is not None and route.name in INFRASTRUCTURE)


def _blocked_reason(registry: Any, user_id: int) -> str:
    with registry["engine"].connect() as connection:
        reason: str = connection.execute(_REASON, {"user_id": user_id}).scalar_one()
    return reason


def includeme(config: Any) -> None:
    """Set the policy and what other processes authenticate with."""
    config.set_security_policy(BearerPolicy())
    config.registry["denied"] = denied
    config.registry["authenticate_bearer"] = authenticate_bearer
    config.registry["load_identity"] = load_identity
    # pyramid_tm would ask who is calling before the route is known, to write it where nobody reads it.
    config.add_settings({"tm.annotate_user": False})
