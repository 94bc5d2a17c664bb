"""One thread per process that hands messages to Redis, so that no request ever waits for it."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import redis
import structlog

from marketcore.live.hints import SEPARATOR

log = structlog.get_logger(__name__)

CAPACITY = 10_000  # transactions, each with all that it tells
BATCH = 512
PAUSE = 1.0  # seconds without an attempt after Redis has failed


class Sender:
    """Sends ``(topic, message)`` pairs in the order given; drops them while Redis is away.

    What has gathered meanwhile travels together: messages of one topic, one after another, are one publication. What
    is lost is found by the gateways, which poll the database.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._waiting: queue.SimpleQueue[list[tuple[str, bytes]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._failing = False
        self._quiet_until = 0.0

    def send(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Queue ``messages`` without ever waiting; a full queue drops them."""
        self._ensure_thread()
        if self._waiting.qsize() >= CAPACITY:
            self._fail("the queue is full")
        elif told := list(messages):
            self._waiting.put(told)

    def close(self) -> None:
        """Send what is queued and end the thread."""
        thread = self._thread
        if thread is not None and self._process == os.getpid():
            self._waiting.put(None)
            thread.join(10)
            self._thread = None

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._process == os.getpid():
            return
        with self._lock:
            if self._thread is None or self._process != os.getpid():
                self._process = os.getpid()
                self._thread = threading.Thread(target=self._run, name="live-hints", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        client = redis.Redis.from_url(self._redis_url, socket_connect_timeout=1, socket_timeout=2, retry=None)
        # The connection itself, made when it is first used: a client's way through its pool costs as much again.
        connection = client.connection_pool.make_connection()
        try:
            going_on = True
            while going_on:
                batch, going_on = self._next_batch()
                self._transmit(connection, batch)
        finally:
            connection.disconnect()
            client.close()

    def _next_batch(self) -> tuple[list[tuple[str, bytes]], bool]:
        """Wait for messages; return them, and whether there will be more."""
        batch: list[tuple[str, bytes]] = []
        told = self._waiting.get()
        while told is not None:
            batch += told
            if len(batch) >= BATCH or self._waiting.empty():
                return batch, True
            told = self._waiting.get()
        return batch, False

    def _transmit(self, connection: Any, batch: list[tuple[str, bytes]]) -> None:
        if not batch or time.monotonic() < self._quiet_until:
            return
        try:
            for topic, group in groupby(batch, key=lambda pair: pair[0]):
                connection.send_command("PUBLISH", topic, SEPARATOR.join(message for _topic, message in group))
                connection.read_response()
        except (redis.RedisError, OSError) as error:
            connection.disconnect()
            self._quiet_until = time.monotonic() + PAUSE
            self._fail(f"{type(error).__name__}: {error}")
        else:
            self._recovered()

    def _fail(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            log.warning("live_hints_dropped", reason=reason, remedy="check marketcore.redis_url; gateways poll")

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            log.info("live_hints_sent_again")
