"""Endpoints: made, changed, given new secrets, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from marketcore.db import clock
from marketcore.exceptions import Conflict, NotFound
from marketcore.settings import section
from marketcore_webhooks.models import Endpoint
from marketcore_webhooks.signing import SecretBox, new_secret

ROTATION = timedelta(hours=24)
_OWNER = text("SELECT id FROM users WHERE id = :user_id FOR NO KEY UPDATE")


class EndpointService:
    """Endpoints of one user at a time: somebody else's are ``NotFound``."""

    def __init__(self, session: Session, box: SecretBox, most: int) -> None:
        self._session = session
        self._box = box
        self._most = most

    def add(self, user_id: int, given: Mapping[str, Any]) -> tuple[Endpoint, bytes]:
        """Return a new endpoint and its secret, which cannot be read again; ``Conflict`` if there are too many."""
        self._session.execute(_OWNER, {"user_id": user_id})
        have = self._session.scalar(select(func.count()).select_from(Endpoint).where(Endpoint.user_id == user_id))
        if have is not None and have >= self._most:
            raise Conflict(f"you have {have} endpoints, and {self._most} is the most: delete one")
        secret = new_secret()
        endpoint = Endpoint(user_id=user_id, secret=self._box.seal(secret, user_id), **_once_each(given))
        self._session.add(endpoint)
        self._session.flush()
        return endpoint, secret

    def all_of(self, user_id: int) -> Sequence[Endpoint]:
        """Return the user's endpoints, the oldest first."""
        return self._session.scalars(select(Endpoint).where(Endpoint.user_id == user_id).order_by(Endpoint.id)).all()

    def read(self, user_id: int, endpoint_id: int) -> Endpoint:
        """Return one endpoint of the user's."""
        return self._find(user_id, endpoint_id)

    def change(self, user_id: int, endpoint_id: int, given: Mapping[str, Any]) -> Endpoint:
        """Change what is ``given``; enabling begins anew, without past failures and pauses."""
        endpoint = self._find(user_id, endpoint_id, lock=True)
        for name, value in _once_each(given).items():
            if name != "enabled":
                setattr(endpoint, name, value)
        if given.get("enabled") is False:
            self._disable(endpoint)
        elif given.get("enabled"):
            endpoint.enabled, endpoint.disabled_reason = True, ""
            endpoint.failing_since = endpoint.paused_until = None
        self._session.flush()
        return endpoint

    def rotate(self, user_id: int, endpoint_id: int) -> tuple[Endpoint, bytes]:
        """Return the endpoint and its new secret; for 24 hours messages are signed with the old one too."""
        endpoint = self._find(user_id, endpoint_id, lock=True)
        secret = new_secret()
        endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, clock.now(self._session) + ROTATION
        endpoint.secret = self._box.seal(secret, user_id)
        self._session.flush()
        return endpoint, secret

    def delete(self, user_id: int, endpoint_id: int) -> None:
        """Delete an endpoint with its deliveries."""
        self._session.delete(self._find(user_id, endpoint_id, lock=True))
        self._session.flush()

    def _disable(self, endpoint: Endpoint) -> None:
        if endpoint.enabled:
            endpoint.enabled, endpoint.disabled_reason = False, "owner"

    def _find(self, user_id: int, endpoint_id: int, *, lock: bool = False) -> Endpoint:
        wanted = select(Endpoint).where(Endpoint.id == endpoint_id, Endpoint.user_id == user_id)
        if lock:
            wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
        endpoint = self._session.scalars(wanted).one_or_none()
        if endpoint is None:
            raise NotFound("you have no such endpoint")
        return endpoint


def _once_each(given: Mapping[str, Any]) -> dict[str, Any]:
    types = {"event_types": list(dict.fromkeys(given["event_types"]))} if "event_types" in given else {}
    return {**given, **types}


def endpoint_service(_context: Any, request: Any) -> EndpointService:
    """Return the request's service."""
    settings = section(request.registry, "webhooks")
    return EndpointService(request.db, request.registry["webhooks_box"], settings["max_endpoints"])
