from __future__ import annotations

import json
import runpy
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from marketcore.db.session import perform, work
from marketcore.live.tickets import TicketService
from marketcore.testing.databases import database_from
from marketcore.testing.live import LiveServer
from marketcore.testing.live_process import LiveProcess, free_port

from .deafness import deaf_client

SMALL_MARKET = Path(__file__).with_name("small_market.py")
build_registry = runpy.run_path(str(SMALL_MARKET))["build_registry"]


class Room:
    """The small marketplace and its people."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.registry = build_registry(settings)
        self._users = 0
        self.query("CREATE TABLE order_members (order_id bigint, user_id bigint)")

    def query(self, sql: str, **parameters: Any) -> list[Any]:
        with self.registry["engine"].begin() as connection:
            result = connection.execute(text(sql), parameters)
            return list(result) if result.returns_rows else []

    def person(self, *orders: int) -> tuple[int, UUID, str]:
        """Return a new user's id, session and bearer token; the user is a party to ``orders``."""
        self._users += 1
        name = f"user{self._users}"
        ((user_id,),) = self.query(
            """INSERT INTO users (email, username, password_hash, roles)
               VALUES (:email, :name, 'x', ARRAY['buyer']) RETURNING id""",
            email=f"{name}@example.com",
            name=name,
        )
        for order_id in orders:
            self.query("INSERT INTO order_members VALUES (:order_id, :user_id)", order_id=order_id, user_id=user_id)
        session_id = self.session(user_id)
        return user_id, session_id, f"{user_id}:{session_id}"

    def session(self, user_id: int) -> UUID:
        ((session_id,),) = self.query(
            "INSERT INTO auth_sessions (user_id, expires_at) VALUES (:id, market_clock() + '1 day') RETURNING id",
            id=user_id,
        )
        return session_id

    def publish(self, channel: str, *numbers: int) -> None:
        """Publish one event per number, in one transaction."""
        with work(self.registry) as request:
            for number in numbers:
                request.publish(channel, "test.happened", {"number": number})

    def ticket(self, user_id: int, session_id: UUID) -> str:
        with work(self.registry) as request:
            return request.find_service(TicketService).issue(user_id, session_id)

    def stream(self, channel: str) -> list[tuple[int, Any]]:
        rows = self.query('SELECT "offset", data FROM live_events WHERE channel = :c ORDER BY "offset"', c=channel)
        return [(offset, data["number"]) for offset, data in rows]

    def perform(self, function: Callable[..., Any]) -> Any:
        return perform(self.registry, function)

    def process(self) -> LiveProcess:
        """Return this room's live process, not started, on a port that stays the same."""
        port = free_port()
        settings = {**self.settings, "live.port": str(port)}
        return LiveProcess([str(SMALL_MARKET), json.dumps(settings)], port)

    def close(self) -> None:
        self.registry["live sender"].close()
        self.registry["engine"].dispose()


@pytest.fixture
def make_room(make_settings: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., Room]]:
    with ExitStack() as stack:

        def room(**overrides: Any) -> Room:
            settings = make_settings(**{"live__port": "0", "live__poll_seconds": "0.5", **overrides})
            built = Room(settings)
            stack.callback(built.close)
            return built

        yield room


@pytest.fixture(scope="module")
def lasting_settings(
    servers: tuple[str, str], templates: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Settings over a database that all tests of a file share."""
    with database_from(servers[0], templates()) as url:
        yield {
            "marketcore.database_url": url,
            "marketcore.redis_url": servers[1],
            "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
            "marketcore.environment": "development",
        }


@pytest.fixture(scope="module")
def open_room() -> Callable[..., Iterator[Room]]:
    """Return ``open_room(settings)``: yields a room over these settings, for fixtures that last longer than a test."""

    def opened(settings: dict[str, Any]) -> Iterator[Room]:
        room = Room(settings)
        yield room
        room.close()

    return opened


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    return make_room()


@pytest.fixture
def live(room: Room) -> Iterator[LiveServer]:
    with LiveServer(room.registry) as server:
        yield server


@pytest.fixture
def process(room: Room) -> Iterator[LiveProcess]:
    with room.process() as running:
        yield running


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Return ``eventually(condition)``: wait until it holds, at most 10 seconds."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    return wait


@pytest.fixture
def deaf() -> Callable[[int], Any]:
    """Return ``deaf(port)``: a client that subscribes to ``public:1`` and reads nothing."""
    return deaf_client
