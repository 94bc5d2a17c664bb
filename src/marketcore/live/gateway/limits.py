"""Counting: how fast somebody sends, and how many sockets somebody has."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable


class Rate:
    """At most ``per_second`` in a second, on average and in one burst."""

    __slots__ = ("_at", "_clock", "_left", "per_second")

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self._clock = clock
        self._left = float(per_second)
        self._at = clock()

    def take(self) -> bool:
        """Count one; return whether it was within the rate."""
        now = self._clock()
        self._left = min(self.per_second, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Places:
    """At most ``limit`` places per key."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken: Counter[Hashable] = Counter()

    def take(self, key: Hashable) -> bool:
        """Take a place for ``key``; return whether there was one."""
        if self._taken[key] >= self.limit:
            return False
        self._taken[key] += 1
        return True

    def give_back(self, key: Hashable) -> None:
        """Give a place back that was taken."""
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]

    def __len__(self) -> int:
        return len(self._taken)
