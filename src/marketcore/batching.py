"""Group commit: whatever waits is carried out together, one flight at a time.

While a flight is under way the next one gathers, so a quiet place gets batches of one and no delay, and a busy one
pays for one transaction where it would have paid for hundreds.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import structlog

from marketcore.exceptions import Unavailable

T = TypeVar("T")
R = TypeVar("R")
log = structlog.get_logger(__name__)

LARGEST = 500
WAITING = 10_000
IDLE_SECONDS = 5.0  # a thread without work ends; the next submission starts another
CLOSING_SECONDS = 10.0


class Batcher(Generic[T, R]):
    """Hands what is submitted, in order, to ``carry_out``, many at a time, one flight after another.

    ``carry_out(items)`` returns one result per item, in order; a result that is an exception is raised to whoever
    waits for it. What it raises itself is raised to all of them.
    """

    def __init__(
        self, carry_out: Callable[[list[T]], Sequence[R | BaseException]], *, name: str, largest: int = LARGEST
    ) -> None:
        self._carry_out = carry_out
        self._name = name
        self._largest = largest
        self._begin_anew()
        _batchers.add(self)

    def _begin_anew(self) -> None:
        self._waiting: deque[tuple[T, Future[R]]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._flying = False
        self._closing = False

    def submit(self, item: T, *, by_myself: bool = False) -> Future[R]:
        """Queue ``item`` and return the future of its result; ``Unavailable`` where too many wait, or it is closed.

        A future that is cancelled before its flight begins takes no part in it. Who would only wait for the result
        says ``by_myself``: where no flight is under way, the calling thread carries the item out, which spares two
        changes of threads.
        """
        future: Future[R] = Future()
        with self._changed:
            if self._closing:
                raise Unavailable(f"{self._name} are not taken any more: the process ends")
            if len(self._waiting) >= WAITING:
                raise Unavailable(f"{WAITING} requests wait for {self._name} already: try again")
            self._waiting.append((item, future))
            alone = by_myself and not self._flying and len(self._waiting) == 1
            if alone:
                self._waiting.clear()
                self._flying = True
            elif not self._flying:
                self._call_thread()
        if alone:
            self._fly([(item, future)])
        return future

    def close(self) -> None:
        """Carry out what waits, end the thread, and take nothing more; whoever flies by themselves is waited for."""
        with self._changed:
            thread = self._thread
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._flying and not self._waiting, CLOSING_SECONDS)
        if thread is not None:
            thread.join(CLOSING_SECONDS)

    def _call_thread(self) -> None:
        """Let the thread see to what waits, making it where there is none; the lock is held."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            thread.start()
            self._thread = thread
        self._changed.notify_all()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._fly(batch)

    def _next_batch(self) -> list[tuple[T, Future[R]]]:
        with self._changed:
            while self._flying or not self._waiting:
                if self._closing and not self._flying:
                    return []
                if not self._changed.wait(IDLE_SECONDS) and not self._waiting and not self._flying:
                    self._thread = None
                    return []
            self._flying = True
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]

    def _fly(self, batch: list[tuple[T, Future[R]]]) -> None:
        try:
            self._carry(batch)
        finally:
            with self._changed:
                self._flying = False
                if self._waiting:
                    self._call_thread()
                elif self._closing:
                    self._changed.notify_all()

    def _carry(self, batch: list[tuple[T, Future[R]]]) -> None:
        # From here on nobody can cancel: a future that refuses its result would end the thread, and all would wait.
        aboard = [(item, future) for item, future in batch if future.set_running_or_notify_cancel()]
        if not aboard:
            return
        for (_item, future), result in zip(aboard, self._results([item for item, _future in aboard]), strict=True):
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _results(self, items: list[T]) -> Sequence[R | BaseException]:
        try:
            results = self._carry_out(items)
            if len(results) != len(items):
                raise RuntimeError(f"{self._name}: {len(items)} items were answered with {len(results)} results")
        except BaseException as error:
            log.exception("batch_failed", batcher=self._name, items=len(items))
            return [error] * len(items)
        return results


_batchers: weakref.WeakSet[Batcher[Any, Any]] = weakref.WeakSet()


def _begin_anew_in_child() -> None:
    """Let a forked child start empty: what waited is its parent's to carry out, and the thread stayed there."""
    for batcher in list(_batchers):
        batcher._begin_anew()


os.register_at_fork(after_in_child=_begin_anew_in_child)
