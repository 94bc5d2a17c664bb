"""Keep the leases of running jobs alive, on a connection that no job can use up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from marketcore.jobs import queue
from marketcore.jobs.queue import Lease

log = structlog.get_logger(__name__)


class LeaseKeeper:
    """Renews the leases of this process's running jobs three times per lease, in a thread of its own."""

    def __init__(self, engine: Any, lease_seconds: float) -> None:
        self._engine = engine
        self._lease_seconds = lease_seconds
        self._held: dict[int, Lease] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="LeaseKeeper", daemon=True)

    @contextmanager
    def holding(self, lease: Lease) -> Iterator[None]:
        """Renew ``lease`` while the block runs."""
        with self._lock:
            self._held[lease.id] = lease
        try:
            yield
        finally:
            with self._lock:
                if self._held.get(lease.id) is lease:
                    del self._held[lease.id]

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more, and give back what is still held: its runs can no longer be acknowledged here."""
        self._stopped.set()
        self._thread.join(5)
        if leases := self._leases():
            try:
                self._give_back(leases)
            except Exception:
                log.exception("unfinished_jobs_not_given_back", remedy="their leases end by themselves")

    def _give_back(self, leases: list[Lease]) -> None:
        with self._engine.connect() as connection:
            given = queue.give_back(connection, leases)
        log.warning("unfinished_jobs_given_back", jobs=given)

    def _leases(self) -> list[Lease]:
        with self._lock:
            return list(self._held.values())

    def _keep(self) -> None:
        while not self._stopped.wait(self._lease_seconds / 3):
            try:
                self._renew()
            except Exception:
                log.exception("leases_not_renewed")

    def _renew(self) -> None:
        if leases := self._leases():
            with self._engine.connect() as connection:
                queue.renew(connection, leases, self._lease_seconds)
