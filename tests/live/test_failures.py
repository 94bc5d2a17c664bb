"""Redis goes, the gateway is killed, the database hesitates: every listener still hears exactly the stream."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from marketcore.live.gateway.server import Gateway
from marketcore.testing.live import LiveClient, LiveServer, Recording
from marketcore.testing.live_process import free_port

from .redis_server import valkey

NO_REDIS = {"marketcore__redis_url": "redis://127.0.0.1:1/0"}


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
