"""Wake idle worker threads as soon as a job has been committed, wherever that happened."""

from __future__ import annotations

import threading
from typing import Any

import structlog
from sqlalchemy import text

from marketcore.jobs.calling import CHANNEL

log = structlog.get_logger(__name__)


class WakeUp:
    """Listens to PostgreSQL's notifications for all threads of a process.

    A notification is a hint: threads that wait look for work at the latest after their own time limit.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._condition = threading.Condition()
        self._calls = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="WakeUp", daemon=True)

    @property
    def stopped(self) -> bool:
        """Whether the process is shutting down: no job may be begun."""
        return self._stopped

    @property
    def calls(self) -> int:
        """How often anybody has called; read it before looking for work and hand it to ``wait``."""
        return self._calls

    def wait(self, seen: int, seconds: float) -> None:
        """Return when somebody has called since ``seen``, at shutdown, or after ``seconds``."""
        with self._condition:
            self._condition.wait_for(lambda: self._stopped or self._calls != seen, seconds)

    def call(self) -> None:
        """Wake every thread that waits."""
        with self._condition:
            self._calls += 1
            self._condition.notify_all()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more and let nobody wait."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def _run(self) -> None:
        while not self._stopped:
            try:
                self._listen()
            except Exception as error:
                log.warning("job_notifications_lost", error=type(error).__name__, remedy="polling until reconnected")
                self.wait(self._calls, 1.0)

    def _listen(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(f"LISTEN {CHANNEL}"))
            driver = connection.connection.driver_connection
            try:
                self.call()  # for what was committed while nobody listened
                while not self._stopped:
                    for _notification in driver.notifies(timeout=0.5, stop_after=1):
                        self.call()
            finally:
                connection.invalidate()  # never back into the pool while it listens
