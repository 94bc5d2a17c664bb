"""A live process of its own, whose memory is looked at while clients do their worst."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from marketcore.db.session import work
from marketcore.testing.live import LiveClient
from marketcore.testing.live_process import LiveProcess

LONG = bool(os.environ.get("MARKETCORE_LONG"))
LISTENERS, DEAF = (200, 5) if LONG else (50, 5)
WARM, BIG = 20, 60  # transactions of ten big events and a small one; far more than kernels buffer
GROWTH_PER_DEAF_KIB = 2048
ROUNDS = 40 if LONG else 2
GROWTH_OF_ATTACKS_KIB = 3072


@pytest.fixture
def crowded(make_room: Callable[..., Any]) -> Any:
    return make_room(live__sockets_per_ip="1000")


@pytest.fixture
def served(crowded: Any) -> Iterator[LiveProcess]:
    with crowded.process() as process:
        yield process


class Crowd(threading.Thread):
    """Listeners of ``public:2`` who read all the time, in a thread; ``heard`` counts the events of each, in order."""

    def __init__(self, url: str, total: int) -> None:
        super().__init__(daemon=True)
        self.heard = [0] * LISTENERS
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self._url = url
        self._total = total
        self._joined = 0

    def run(self) -> None:
        try:
            asyncio.run(self._listen())
        except BaseException as error:
            self.failure = error
            self.ready.set()

    async def _listen(self) -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number in range(LISTENERS):
                group.create_task(self._hear(number))

    async def _hear(self, number: int) -> None:
        async with connect(f"{self._url}/ws/public/2", compression=None, proxy=None, close_timeout=1) as connection:
            await connection.recv()
            self._joined += 1
            if self._joined == LISTENERS:
                self.ready.set()
            while self.heard[number] < self._total:
                frame = json.loads(await connection.recv())
                if frame["op"] == "event":
                    assert frame["offset"] == self.heard[number] + 1
                    self.heard[number] += 1


def publish_and_weigh(room: Any, served: LiveProcess, crowd: Crowd, heard: range, eventually: Any) -> int:
    """Publish in so many transactions; return the most memory, in KiB, that the process had meanwhile.

    The next waits until the crowd has heard the last: a backlog before the process is not what the deaf cost.
    """
    most = 0
    for number in heard:
        with work(room.registry) as request:
            for _ in range(10):
                request.publish("public:1", "test.big", {"text": "x" * 15_000})
            request.publish("public:2", "test.happened", {"number": 1})
        eventually(lambda number=number: crowd.failure is not None or min(crowd.heard) > number)
        most = max(most, served.memory())
    return most


def test_clients_that_never_read_cost_little_memory_and_the_others_nothing(crowded, served, eventually, deaf) -> None:
    crowd = Crowd(served.url, WARM + BIG)
    crowd.start()
    assert crowd.ready.wait(30)
    before = publish_and_weigh(crowded, served, crowd, range(WARM), eventually)
    with ExitStack() as stack:
        silent = [stack.enter_context(deaf(served.port)) for _ in range(DEAF)]
        peak = publish_and_weigh(crowded, served, crowd, range(WARM, WARM + BIG), eventually)
        crowd.join(60)
        assert crowd.failure is None
        assert crowd.heard == [WARM + BIG] * LISTENERS
        # Whoever still reads nothing when the closing frame has waited for five seconds is cut off without it.
        assert {one.close_code() for one in silent} <= {4008, None}
    assert peak - before <= DEAF * GROWTH_PER_DEAF_KIB


COMMAND = '{"op":"command","id":1,"name":"test.write","data":%s}'
# What a hostile client sends, and whether its socket survives: error frames do not end it, nonsense does.
FRAMES = (
    ('{"op":"command","id":1,"name":"no.such"}', None),
    (COMMAND % '{"number":9223372036854775808}', None),
    (COMMAND % '{"number":5,"price":{"amount":"1.23456","currency":"KES"}}', None),
    (COMMAND % '{"number":5,"price":{"amount":"%s","currency":"KES"}}' % ("9" * 4000), None),
    (COMMAND % ('{"number":%s}' % ("9" * 4000)), None),
    (COMMAND % ('"' + "x" * 9000), 4400),
    (COMMAND % '{"number":NaN}', 4400),
    (COMMAND % ("[" * 7000 + "]" * 7000), 4400),
    (COMMAND % ('{"a":' * 2000 + "1" + "}" * 2000), 4400),
    ("not json", 4400),
    ("x" * 65_536, 1009),
    (b"\x00" * 1000, 4400),
)


def attack(url: str, used_ticket: str, expired_token: str) -> None:
    """Try everything once; each ends as it is documented to."""
    for message, code in FRAMES:
        with LiveClient(url) as client:
            client.connection.send(message)
            if code is not None:
                assert client.close_code() == code, message[:80]
                continue
            assert client.receive()["op"] == "error"
            client.ping()
    with LiveClient(url) as client:
        with suppress(ConnectionClosed):
            for _ in range(100):
                client.connection.send(COMMAND % '{"number":"x"}')
        assert client.close_code() == 4029
    for ticket in (used_ticket, "x" * 100):
        with LiveClient(url, ticket=ticket) as client:
            assert client.close_code() == 4401
    for refused, status in (({"origin": "https://evil.example"}, 403), ({"token": expired_token}, 401)):
        with pytest.raises(InvalidStatus) as caught:
            LiveClient(url, **refused)
        assert caught.value.response.status_code == status
    for junk in (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000, b"\x16\x03\x01" * 5000, b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10) as raw, suppress(OSError):
            raw.sendall(junk)
            while raw.recv(4096):
                pass


def test_attacks_end_as_documented_and_leave_no_memory_behind(crowded, served) -> None:
    user_id, session_id, _token = crowded.person()
    ticket = crowded.ticket(user_id, session_id)
    with LiveClient(served.url, ticket=ticket) as client:
        client.ping()
    _other, ended, expired_token = crowded.person()
    crowded.query("UPDATE auth_sessions SET revoked_at = market_clock() WHERE id = :id", id=ended)
    attack(served.url, ticket, expired_token)
    before = served.memory()
    for _ in range(ROUNDS):
        attack(served.url, ticket, expired_token)
    assert served.memory() - before <= GROWTH_OF_ATTACKS_KIB
    with LiveClient(served.url) as client:
        client.subscribe("public:2")
        crowded.publish("public:2", 1)
        assert client.next_event()["offset"] == 1
