"""A marketplace with channels to test by; run as a program it is a live process over given settings."""

from __future__ import annotations

import json
import sys
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.config import configure
from marketcore.directives import LiveChannel, LiveCommand, LiveEventType, Permission, table
from marketcore.exceptions import Conflict, Forbidden, NotFound
from marketcore.live.declared import compile_declarations
from marketcore.live.gateway import serve
from marketcore.live.history import stream_position
from marketcore.web.schema import MoneyNode, Schema, whole

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
    unverified: bool = False


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


class NumberedSchema(Schema):
    """What the events here carry."""

    number = whole(0, 10**9)


SIGNAL = "test.now"
TYPES = ("test.happened", "test.big", "order.paid", "order.packed", "a", "b")


class Deed(Schema):
    """What to do."""

    number = whole(0, 10**9)
    price = MoneyNode(missing=None)


class Kept:
    """The futures of the queued command; ``answer`` finishes each at once when it is set."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []
        self.identities: list[Any] = []
        self.answer: Any = None

    def put(self, _registry: Any, identity: Any, data: dict[str, Any]) -> Future[Any]:
        if data["number"] == 13:
            raise Conflict("the queue is full")
        future: Future[Any] = Future()
        self.identities.append(identity)
        self.futures.append(future)
        if data["number"] == 1:
            future.set_result({"number": 1})
        return future


KEPT = Kept()


def write_number(request: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Publish the number, and then fail or answer as it says."""
    request.publish("public:1", "test.happened", {"number": data["number"]})
    if data["number"] == 13:
        raise Conflict("thirteen brings bad luck")
    if data["number"] == 14:
        raise ZeroDivisionError("a fault in a plugin")
    return {"number": data["number"], "user_id": request.identity.user_id if request.identity else None}


RIGHTS = (
    Permission("test.anyone", frozenset({"anyone"}), False),
    Permission("test.trade", frozenset({"buyer"}), True),
    Permission("test.admin", frozenset({"admin"}), False),
)
COMMANDS = (
    LiveCommand("test.write", write_number, "test.anyone", Deed(), Deed(), False),
    LiveCommand("test.trade", write_number, "test.trade", Deed(), Deed(), False),
    LiveCommand("test.rule", write_number, "test.admin", Deed(), Deed(), False),
    LiveCommand("test.queue", KEPT.put, "test.trade", Deed(), Deed(), True),
)


def snapshot(request: Any, number: int) -> dict[str, Any]:
    """Return how many events there have been; channel 404 has nothing to show, and 500 is broken."""
    if number == 404:
        raise NotFound
    stream = stream_position(request.db, f"board:{number}")
    return {"number": 1 // (500 - number) or number, "events": stream["offset"], "stream": stream}


CHANNELS = (
    LiveChannel("board:{number}", anybody, "/ws/board/{number}", snapshot),
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
    table(registry, "live commands").update({command.name: command for command in COMMANDS})
    table(registry, "permissions declared").update({right.name: right for right in RIGHTS})
    events = table(registry, "live events")
    events.clear()
    events.update({f"{c.pattern} {t}": LiveEventType(c.pattern, t, NumberedSchema()) for c in CHANNELS for t in TYPES})
    for channel in CHANNELS:
        events[f"{channel.pattern} {SIGNAL}"] = LiveEventType(channel.pattern, SIGNAL, NumberedSchema(), stored=False)
    # The core's would publish on channels that are not here.
    table(registry, "event subscribers").clear()
    compile_declarations(registry)
    registry["authenticate_bearer"] = authenticate_bearer
    registry["load_identity"] = load_identity
    return registry


if __name__ == "__main__":
    serve(build_registry(json.loads(sys.argv[1])))
