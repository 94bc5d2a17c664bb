"""The worker process: Huey's consumer over our table. The only module that imports Huey.

Huey brings the worker threads, their supervision, signals and shutdown. Its own queue deletes a task before it
runs, and so loses it with a killed worker; here a job is leased and its row deleted with its effect.
"""

from __future__ import annotations

import signal
from typing import Any

import structlog
from huey.api import Huey, Task
from huey.consumer import BaseProcess, Consumer
from huey.exceptions import CancelExecution
from huey.storage import BaseStorage

from marketcore.db.session import make_engine
from marketcore.jobs.leases import LeaseKeeper
from marketcore.jobs.periodic import enqueue_due
from marketcore.jobs.queue import Lease, LeaseLost
from marketcore.jobs.running import autocommit, claim_next, run
from marketcore.jobs.wakeup import WakeUp
from marketcore.settings import section
from marketcore.starting import keep_what_stays

log = structlog.get_logger(__name__)
# Where in a second the scheduler looks: late enough that the second has surely begun by the database's clock.
_PAST_THE_SECOND = 0.01


class LeasedTask(Task):
    """A claimed job in the shape Huey's worker expects."""

    def __init__(self, registry: Any, keeper: LeaseKeeper, lease: Lease) -> None:
        super().__init__(id=f"{lease.name}/{lease.id}")
        self._registry, self._keeper, self._lease = registry, keeper, lease

    def __repr__(self) -> str:
        return f"{self.id} attempt {self._lease.attempts}"

    def execute(self) -> None:
        """Run the job while its lease is kept; a lost lease is no failure."""
        try:
            with self._keeper.holding(self._lease):
                run(self._registry, self._lease)
        except LeaseLost as lost:
            raise CancelExecution(str(lost), retry=False) from lost


class LeaseStorage(BaseStorage):
    """Huey's view of the table ``jobs``: it can only lease; jobs are written by ``marketcore.jobs.enqueueing``."""

    blocking = True

    def __init__(self, name: str, *, registry: Any, wakeup: WakeUp) -> None:
        super().__init__(name)
        self._registry, self._wakeup = registry, wakeup
        self._poll_seconds = section(registry, "jobs")["poll_seconds"]

    def dequeue(self) -> Lease | None:
        """Return a leased job, or ``None`` after waiting for one for a while."""
        seen = self._wakeup.calls
        if self._wakeup.stopped:
            return None
        lease = claim_next(self._registry)
        if lease is None:
            self._wakeup.wait(seen, self._poll_seconds)
        return lease

    def peek_many(self, keys: Any) -> dict[str, Any]:
        """Return nothing: Huey asks here for revoked tasks, and we revoke none."""
        return {}

    def delete_data(self, key: str) -> bool:
        """Return false: Huey clears the mark of a revoked task, and there is none."""
        return False


class JobHuey(Huey):
    """Huey over leased rows: no pickle, no results, no revocation."""

    storage_class = LeaseStorage

    def __init__(self, registry: Any, wakeup: WakeUp, keeper: LeaseKeeper, engine: Any) -> None:
        super().__init__("marketcore", results=False, registry=registry, wakeup=wakeup)
        self.registry, self.wakeup, self.keeper, self.engine = registry, wakeup, keeper, engine

    def deserialize_task(self, data: Lease) -> LeasedTask:
        """Return the task for what ``LeaseStorage.dequeue`` returned."""
        return LeasedTask(self.registry, self.keeper, data)


class TickScheduler(BaseProcess):
    """Enqueues periodic jobs, every second; takes the place of Huey's scheduler, which knows whole minutes only."""

    process_name = "TickScheduler"

    def __init__(self, huey: JobHuey, stop_flag: Any, interval: float, periodic: bool) -> None:
        super().__init__(huey, stop_flag)

    def loop(self, now: Any = None) -> None:
        """Claim what is due and wait for the next second of the database's clock."""
        seconds = 0.0
        try:
            _enqueued, seconds = enqueue_due(self.huey.registry, self.huey.engine)
        except Exception:
            log.exception("periodic_jobs_not_enqueued")
        self.stop_flag.wait(1 - seconds % 1 + _PAST_THE_SECOND)


class JobConsumer(Consumer):
    """Huey's consumer, for which SIGTERM is as orderly as SIGINT; a second signal ends the wait."""

    scheduler_class = TickScheduler

    def __init__(self, huey: JobHuey, **options: Any) -> None:
        super().__init__(huey, **options)
        self._signal_actions = {signal.SIGTERM: (False, True), signal.SIGINT: (False, True)}

    def stop(self, graceful: bool = False) -> None:
        """Begin no more jobs and let the running ones finish within the time they have."""
        self.stop_flag.set()
        self.huey.wakeup.stop()
        super().stop(graceful)


def serve(registry: Any) -> None:
    """Run jobs until SIGTERM or SIGINT, then finish the running ones within ``jobs.shutdown_seconds``.

    What has not finished by then is given back and another worker begins it anew.
    """
    settings = section(registry, "jobs")
    engine = make_engine(section(registry, "marketcore")["database_url"], pool_size=3)
    keeper, wakeup = LeaseKeeper(autocommit(engine), settings["lease_seconds"]), WakeUp(autocommit(engine))
    huey = JobHuey(registry, wakeup, keeper, engine)
    consumer = JobConsumer(
        huey, workers=settings["threads"], shutdown_timeout=settings["shutdown_seconds"], max_delay=1.0
    )
    keeper.start()
    wakeup.start()
    keep_what_stays()
    log.info("worker_started", threads=settings["threads"])
    try:
        consumer.run()
    finally:
        wakeup.stop()
        keeper.stop()
        engine.dispose()
        log.info("worker_stopped")
