"""A marketplace with channels to test by; run as a program it is a live process over given settings."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.config import configure
from marketcore.directives import LiveChannel, table
from marketcore.exceptions import Forbidden
from marketcore.live.declared import compile_channels
from marketcore.live.gateway import serve

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


CHANNELS = (
    LiveChannel("order:{order_id}", members_only, "/track_order/{order_id}"),
    LiveChannel("public:{number}", anybody, "/ws/public/{number}"),
    LiveChannel("faulty:{number}", faulty, None),
)


def build_registry(settings: dict[str, Any]) -> Any:
    """Configure a marketplace whose only live channels are those above, with a simpler kind of token."""
    registry = configure(settings).registry
    declared = table(registry, "live channels")
    declared.clear()
    declared.update({channel.pattern: channel for channel in CHANNELS})
    compile_channels(registry)
    registry["authenticate_bearer"] = authenticate_bearer
    registry["load_identity"] = load_identity
    return registry


if __name__ == "__main__":
    serve(build_registry(json.loads(sys.argv[1])))
