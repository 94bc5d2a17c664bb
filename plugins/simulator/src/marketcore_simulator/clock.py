"""The simulator's clock and the timers that follow it."""

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SimulatedClock:
    """Real time plus a shift that only a control call changes."""

    def __init__(self) -> None:
        self._shift = timedelta(0)

    @property
    def shift_seconds(self) -> float:
        """How far ahead of real time this clock is."""
        return self._shift.total_seconds()

    def now(self) -> datetime:
        """Return the simulated time in UTC."""
        return datetime.now(UTC) + self._shift

    def shift(self, seconds: float) -> None:
        """Move the clock forward, or back for a negative number."""
        self._shift += timedelta(seconds=seconds)

    def reset(self) -> None:
        """Return to real time."""
        self._shift = timedelta(0)


class Timers:
    """Run actions when the simulated clock reaches their time, each in a thread of its own.

    An action may wait on the network without holding up the others.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._due: list[tuple[datetime, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._running = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin running what falls due."""
        self._running = True
        self._thread = threading.Thread(target=self._run, name="simulator-timers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; what has not fallen due never runs."""
        with self._changed:
            self._running = False
            self._due.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Run `action` once, `seconds` of simulated time from now."""
        due = self._clock.now() + timedelta(seconds=seconds)
        with self._changed:
            heapq.heappush(self._due, (due, next(self._order), action))
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything not yet due."""
        with self._changed:
            self._due.clear()

    def clock_changed(self) -> None:
        """Look at the clock again."""
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while self._running:
                wait = self._seconds_to_next()
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, action = heapq.heappop(self._due)
                threading.Thread(target=action, name="simulator-action", daemon=True).start()

    def _seconds_to_next(self) -> float | None:
        return (self._due[0][0] - self._clock.now()).total_seconds() if self._due else None
