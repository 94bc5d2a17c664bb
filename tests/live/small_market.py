"""A marketplace of nothing but live channels; run as a program it is a live process over given settings."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.security import Denied
from sqlalchemy import text

from marketcore.exceptions import Forbidden
from marketcore.live.gateway import serve
from marketcore.settings import CoreSettings

LIVE = text(
    """SELECT u.id, u.roles, s.id AS session_id, u.blocked_at IS NOT NULL AS blocked
       FROM auth_sessions s JOIN users u ON u.id = s.user_id
       WHERE s.id = :session AND u.id = :user AND s.revoked_at IS NULL AND s.expires_at > market_clock()"""
)


@dataclass(frozen=True)
class Identity:
    user_id: int
    roles: frozenset[str]
    session_id: UUID
    blocked: bool


class EnvironPolicy:
    """The part of the real security policy that live channels rely on."""

    def identity(self, request: Any) -> Any:
        return request.environ.get("marketcore.identity")

    def authenticated_userid(self, request: Any) -> Any:
        return request.identity.user_id if request.identity else None

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        return Denied("nothing is permitted here")


def load_identity(registry: Any, user_id: int, session_id: UUID) -> Identity | None:
    with registry["engine"].connect() as connection:
        row = connection.execute(LIVE, {"user": user_id, "session": session_id}).first()
    return Identity(row.id, frozenset(row.roles), row.session_id, row.blocked) if row else None


def authenticate_bearer(registry: Any, token: str) -> Identity | None:
    user, _colon, session = token.partition(":")
    return load_identity(registry, int(user), UUID(session)) if user.isdigit() and session else None


def anybody(request: Any, **_params: int) -> bool:
    return True


def members_only(request: Any, order_id: int) -> bool:
    """Orders belong to the users named in the database; nobody else learns whether one exists."""
    if request.identity is None:
        raise Forbidden("log in")
    statement = text("SELECT 1 FROM order_members WHERE order_id = :order_id AND user_id = :user_id")
    values = {"order_id": order_id, "user_id": request.identity.user_id}
    return request.db.execute(statement, values).first() is not None


def faulty(request: Any, **_params: int) -> bool:
    raise ZeroDivisionError("a fault in a plugin")


def build_registry(settings: dict[str, Any]) -> Any:
    config = Configurator(package="marketcore", settings={"tm.manager_hook": "pyramid_tm.explicit_manager", **settings})
    config.include("marketcore.directives")
    config.add_settings_schema("marketcore", CoreSettings())
    for name in ("pyramid_tm", "pyramid_services", "marketcore.db", "marketcore.live"):
        config.include(name)
    config.set_security_policy(EnvironPolicy())
    config.add_live_channel("order:{order_id}", members_only, path="/track_order/{order_id}")
    config.add_live_channel("public:{number}", anybody, path="/ws/public/{number}")
    config.add_live_channel("faulty:{number}", faulty)
    config.registry["authenticate_bearer"] = authenticate_bearer
    config.registry["load_identity"] = load_identity
    config.commit()
    return config.registry


if __name__ == "__main__":
    serve(build_registry(json.loads(sys.argv[1])))
