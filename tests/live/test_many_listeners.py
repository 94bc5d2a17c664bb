"""A hundred listeners, two live processes over one Redis, and everything goes wrong: each hears exactly the stream.

``MARKETCORE_LONG=1`` keeps it up for a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from marketcore.testing.live import Recording
from marketcore.testing.live_process import free_port

from .redis_server import valkey

SECONDS = 60 if os.environ.get("MARKETCORE_LONG") else 10
LISTENERS = 100
CHANNELS = ("public:1", "public:2", "public:3")
LOST = (OSError, ConnectionClosed, InvalidHandshake, TimeoutError)


class Listener:
    """Loses its connection again and again, to either process, and resumes where it was."""

    def __init__(self, urls: list[str], seed: int) -> None:
        self.channel = CHANNELS[seed % len(CHANNELS)]
        self.recording = Recording()
        self.connections = 0
        self.target: int | None = None
        self._urls = urls
        self._random = random.Random(seed)

    @property
    def finished(self) -> bool:
        return self.target is not None and self.recording.offset >= self.target

    async def run(self) -> None:
        while not self.finished:
            try:
                await self._stay_for_a_while()
            except LOST:
                await asyncio.sleep(0.05)

    async def _stay_for_a_while(self) -> None:
        until = time.monotonic() + self._random.uniform(0.05, SECONDS / 3)
        url = self._random.choice(self._urls)
        async with connect(url, compression=None, proxy=None, open_timeout=5, close_timeout=1) as connection:
            self.connections += 1
            wish = {"op": "subscribe", "channel": self.channel, "since": self.recording.since}
            await connection.send(json.dumps(wish))
            while time.monotonic() < until and not self.finished:
                try:
                    async with asyncio.timeout(0.3):
                        frame = await connection.recv()
                except TimeoutError:
                    continue
                self.recording.take(json.loads(frame))
            if self._random.random() < 0.5:
                connection.transport.abort()


class Trouble:
    """One Redis and two live processes, and what happens to them."""

    def __init__(self, room: Any, redis_port: int) -> None:
        self._redis_port = redis_port
        self._redis = ExitStack()
        self.processes = [room.process(), room.process()]

    def start(self) -> None:
        self._redis.enter_context(valkey(self._redis_port))
        for process in self.processes:
            process.start()

    def happen(self) -> None:
        """Kill a process, Redis, and the other process, each in its time."""
        first, second = self.processes
        for misfortune in (first.kill, self._redis.close, second.kill):
            time.sleep(SECONDS / 10)
            misfortune()
            time.sleep(SECONDS / 10)
            if misfortune == self._redis.close:
                self._redis.enter_context(valkey(self._redis_port))
            else:
                (first if misfortune == first.kill else second).start()

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        self._redis.close()


@pytest.fixture
def redis_port() -> int:
    return free_port()


@pytest.fixture
def crowded(make_room: Callable[..., Any], redis_port: int) -> Any:
    return make_room(marketcore__redis_url=f"redis://127.0.0.1:{redis_port}/0", live__sockets_per_ip="1000")


@pytest.fixture
def trouble(crowded: Any, redis_port: int) -> Iterator[Trouble]:
    trouble = Trouble(crowded, redis_port)
    try:
        trouble.start()
        yield trouble
    finally:
        trouble.end()


def publish_until(room: Any, over: Callable[[], bool]) -> dict[str, int]:
    """Publish now here, now there, one to three at a time; return how much was published where."""
    chance, told = random.Random(7), dict.fromkeys(CHANNELS, 0)
    while not over():
        channel, count = chance.choice(CHANNELS), chance.randint(1, 3)
        room.publish(channel, *range(told[channel], told[channel] + count))
        told[channel] += count
        time.sleep(0.04)
    return told


async def listen_through(room: Any, trouble: Trouble) -> list[Listener]:
    listeners = [Listener([process.url for process in trouble.processes], seed) for seed in range(LISTENERS)]
    begun = time.monotonic()
    async with asyncio.timeout(SECONDS + 60), asyncio.TaskGroup() as group:
        for listener in listeners:
            group.create_task(listener.run())
        happening = group.create_task(asyncio.to_thread(trouble.happen))
        over = lambda: happening.done() and time.monotonic() - begun > SECONDS  # noqa: E731
        told = await asyncio.to_thread(publish_until, room, over)
        for listener in listeners:
            listener.target = told[listener.channel]
    return listeners


def test_every_stream_is_heard_whole_in_order_and_once_through_kills_and_a_redis_that_comes_and_goes(
    crowded, trouble
) -> None:
    # In a thread: where a test has used a browser, this one has an event loop already.
    with ThreadPoolExecutor(1) as thread:
        listeners = thread.submit(lambda: asyncio.run(listen_through(crowded, trouble))).result()
    for channel in CHANNELS:
        truth = crowded.stream(channel)
        assert [offset for offset, _number in truth] == list(range(1, len(truth) + 1))
        assert [number for _offset, number in truth] == list(range(len(truth)))
        ((epoch,),) = crowded.query("SELECT epoch FROM live_channels WHERE name = :name", name=channel)
        for listener in [one for one in listeners if one.channel == channel]:
            heard = [(event["offset"], event["data"]["number"]) for event in listener.recording.events]
            assert (listener.recording.epoch, heard) == (str(epoch), truth)
    assert sum(listener.connections for listener in listeners) > 3 * LISTENERS
