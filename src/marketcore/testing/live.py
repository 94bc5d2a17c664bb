"""Live channels in tests: the live process in a thread, a client, and a record of what a client has heard."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

from websockets.exceptions import ConnectionClosed

from marketcore.live.client import Connection, Refused
from marketcore.live.gateway.server import Gateway

__all__ = ["LiveClient", "LiveServer", "Recording", "Refused"]


class LiveServer:
    """The live process of ``registry`` in a thread; ``with LiveServer(registry) as live`` gives its ``url``."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-server", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.gateway: Gateway | None = None
        self.failure: BaseException | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(20)
        if self.failure is not None:
            raise self.failure
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every socket with 1001 and wait for the end."""
        if self._loop is not None and self._thread.is_alive() and self.gateway is not None:
            self._loop.call_soon_threadsafe(self.gateway.stop)
        self.join()

    def join(self, timeout: float = 20) -> None:
        """Wait until the server has ended by itself or by ``stop``."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError("the live server does not end")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self.failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.gateway = Gateway(self._registry)
        await self.gateway.serve(self._announce)

    def _announce(self) -> None:
        assert self.gateway is not None
        self.url = f"ws://127.0.0.1:{self.gateway.port}"
        self._ready.set()


class LiveClient(Connection):
    """One connection, frame by frame: for tests that look at what is said on a socket, and at its end.

    It stays with the one socket; ``marketcore.live.client.LiveClient`` is what programs use. Every wait has a
    deadline of ``timeout`` seconds.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._events: deque[dict[str, Any]] = deque()
        self._signals: deque[dict[str, Any]] = deque()

    def answer(self, *kinds: str) -> dict[str, Any]:
        """Return the next frame of these kinds; events and signals before it are kept for those who ask for them."""
        deadline = time.monotonic() + self.timeout
        while True:
            frame = self.receive(max(0, deadline - time.monotonic()))
            if frame["op"] in kinds:
                return frame
            if frame["op"] == "error":
                raise Refused(frame["problem"])
            self._keep(frame)

    def _keep(self, frame: dict[str, Any]) -> None:
        if frame["op"] == "event":
            self._events.append(frame)
        elif frame["op"] == "signal":
            self._signals.append(frame)

    def subscribe(self, channel: str, since: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Listen to ``channel`` and return the ``subscribed`` frame; ``Refused`` if that is not allowed."""
        self.send(op="subscribe", channel=channel, **({"since": dict(since)} if since is not None else {}))
        return self.answer("subscribed")

    def command(self, name: str, data: Mapping[str, Any], id: str | int = 0) -> dict[str, Any]:
        """Send a command and return the data of its reply; ``Refused`` if it is answered with an error."""
        self.send(op="command", id=id, name=name, data=dict(data))
        answer: dict[str, Any] = self.answer("reply")["data"]
        return answer

    def ping(self) -> None:
        """Wait until the gateway has read everything sent so far."""
        self.send(op="ping")
        self.answer("pong")

    def next_event(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next ``event`` frame."""
        if self._events:
            return self._events.popleft()
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            frame = self.receive(max(0, deadline - time.monotonic()))
            if frame["op"] == "event":
                return frame
            self._keep(frame)

    def next_signal(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next ``signal`` frame; events before it are kept for ``next_event``."""
        if self._signals:
            return self._signals.popleft()
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while (frame := self.receive(max(0, deadline - time.monotonic())))["op"] != "signal":
            self._keep(frame)
        return frame

    def events_until(self, offset: int) -> list[dict[str, Any]]:
        """Return the events up to the one at ``offset``."""
        events = [self.next_event()]
        while events[-1]["offset"] < offset:
            events.append(self.next_event())
        return events

    def close_code(self, timeout: float | None = None) -> int | None:
        """Read until the server closes the socket and return its code."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        try:
            while True:
                self.connection.recv(max(0, deadline - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


class Recording:
    """What one client has heard of one channel, over any number of connections.

    Repeated events are dropped by their offset; a gap is an ``AssertionError``. ``since`` is where to go on.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.offset = 0
        self.events: list[dict[str, Any]] = []
        self.repeated = 0

    @property
    def since(self) -> dict[str, Any]:
        """The position to subscribe with."""
        return {"epoch": self.epoch, "offset": self.offset}

    def take(self, frame: Mapping[str, Any]) -> None:
        """Take a ``subscribed`` or ``event`` frame; other frames are none of ours."""
        if frame["op"] == "event":
            self._take_event(dict(frame))
        elif frame["op"] == "subscribed":
            if not frame["recovered"]:
                raise AssertionError(f"the stream was broken off after {self.since}: {frame}")
            self.epoch = frame["epoch"]
            for event in frame["events"]:
                self._take_event(event)

    def _take_event(self, event: dict[str, Any]) -> None:
        if event["offset"] <= self.offset:
            self.repeated += 1
            return
        if event["offset"] != self.offset + 1:
            raise AssertionError(f"after offset {self.offset} came {event['offset']}")
        self.offset = event["offset"]
        self.events.append(event)
