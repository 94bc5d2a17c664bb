"""Calling the workers once a job has been committed.

A notification within the business transaction would be simpler, but PostgreSQL commits all transactions that notify
one after another, each waiting for the disk. So one thread per process notifies afterwards, once for all that has been
committed since; a worker that is not called looks by itself within ``jobs.poll_seconds``.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from marketcore.batching import Batcher
from marketcore.db.session import at_once
from marketcore.exceptions import Unavailable

log = structlog.get_logger(__name__)

CHANNEL = "marketcore_jobs"
PAUSE = 0.005  # seconds between two calls, so that many commits share one
_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")


class Caller:
    """Calls the workers of all processes."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._calls: Batcher[None, None] = Batcher(self._notify, name="job-calls", largest=10_000)
        self._used = False

    def call(self) -> None:
        """Let workers look for jobs soon; nobody waits for it."""
        self._used = True
        with suppress(Unavailable):  # so many calls wait that one of them will do
            self._calls.submit(None)

    def settle(self) -> None:
        """Wait until all calls so far have been made and their connection is back in the pool."""
        if self._used:
            self._calls.submit(None).result(10)
            self._used = False

    def _notify(self, calls: list[None]) -> list[None]:
        try:
            at_once(self._engine, (_NOTIFY, {}))
        except SQLAlchemyError as error:
            log.warning("workers_not_called", reason=type(error).__name__, remedy="they look by themselves")
        time.sleep(PAUSE)
        return calls


def includeme(config: Any) -> None:
    """Make the process's caller."""
    config.registry["job caller"] = Caller(config.registry["engine"])
