"""Group commit: whatever waits is carried out together, one flight at a time.

While a flight is under way the next one gathers, so a quiet place gets batches of one and no delay, and a busy one
pays for one transaction where it would have paid for hundreds.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

import structlog

from marketcore.exceptions import Unavailable

T = TypeVar("T")
R = TypeVar("R")
log = structlog.get_logger(__name__)

LARGEST = 500
WAITING = 10_000
IDLE_SECONDS = 5.0  # a thread without work ends; the next submission starts another


class Batcher(Generic[T, R]):
    """Hands what is submitted, in order, to ``carry_out`` in a thread of its own, many at a time.

    ``carry_out(items)`` returns one result per item, in order; a result that is an exception is raised to whoever
    waits for it. What it raises itself is raised to all of them.
    """

    def __init__(
        self, carry_out: Callable[[list[T]], Sequence[R | BaseException]], *, name: str, largest: int = LARGEST
    ) -> None:
        self._carry_out = carry_out
        self._name = name
        self._largest = largest
        self._waiting: deque[tuple[T, Future[R]]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._closing = False

    def submit(self, item: T) -> Future[R]:
        """Queue ``item`` and return the future of its result; ``Unavailable`` where too many wait already."""
        future: Future[R] = Future()
        with self._changed:
            if len(self._waiting) >= WAITING:
                raise Unavailable(f"{WAITING} requests wait for {self._name} already: try again")
            self._ensure_thread()
            self._waiting.append((item, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Carry out what waits and end the thread."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._closing = True
            self._changed.notify()
        if thread is not None and self._process == os.getpid():
            thread.join(10)

    def _ensure_thread(self) -> None:
        # A forked child has the queue's memory, but not the thread.
        if self._thread is None or self._process != os.getpid():
            self._process = os.getpid()
            self._closing = False
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._fly(batch)

    def _next_batch(self) -> list[tuple[T, Future[R]]]:
        with self._changed:
            while not self._waiting and not self._closing:
                if not self._changed.wait(IDLE_SECONDS) and not self._waiting:
                    self._thread = None
                    return []
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]

    def _fly(self, batch: list[tuple[T, Future[R]]]) -> None:
        try:
            results: Sequence[R | BaseException] = self._carry_out([item for item, _future in batch])
        except BaseException as error:
            log.exception("batch_failed", batcher=self._name, items=len(batch))
            results = [error] * len(batch)
        for (_item, future), result in zip(batch, results, strict=True):
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
