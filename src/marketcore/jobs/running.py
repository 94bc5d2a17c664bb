"""Run a claimed job: its effect and its acknowledgement are one transaction."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from marketcore.db.session import ATTEMPTS, collided, wait_before_retry, work
from marketcore.directives import Job, table
from marketcore.jobs import failures, queue
from marketcore.jobs.binding import is_outside_transaction
from marketcore.jobs.queue import Lease, LeaseLost
from marketcore.settings import section
from marketcore.testing.crash import crash_point

log = structlog.get_logger(__name__)


class WorkersDied(Exception):
    """A job's runs ended with their workers so often that it is not given to another."""


def autocommit(engine: Any) -> Any:
    """Return ``engine`` in a mode where each statement is a transaction: the queue's own needs no more."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def claim_next(registry: Any) -> Lease | None:
    """Lease the next due job this configuration can run; ``None`` if there is none."""
    with autocommit(registry["engine"]).connect() as connection:
        return queue.claim(connection, list(table(registry, "jobs")), section(registry, "jobs")["lease_seconds"])


def run(registry: Any, lease: Lease) -> None:
    """Run a claimed job to its end and raise what it raised, after its failure has been written down.

    ``LeaseLost`` means that another worker took the job over and that this run has left no effect.
    """
    job = table(registry, "jobs")[lease.name]
    with bound_contextvars(job=lease.name, job_id=lease.id):
        try:
            _carry_out(registry, job, lease)
        except LeaseLost as error:
            log.warning("job_lease_lost", reason=str(error))
            raise
        except Exception as error:
            _write_down(registry, job, lease, error)
            raise
        except BaseException:
            _give_back(registry, lease)
            raise


def run_waiting(registry: Any, *, limit: int = 1000) -> int:
    """Run the jobs that are due, and those they enqueue, in this thread; return how many ran.

    For tests and for emptying a queue by hand; the first job that fails raises its error, after it was written down.
    """
    for count in range(limit):
        lease = claim_next(registry)
        if lease is None:
            return count
        run(registry, lease)
    return limit


def _carry_out(registry: Any, job: Job, lease: Lease) -> None:
    crash_point("jobs.claimed")
    if lease.attempts > job.attempts + failures.DEATHS:
        raise WorkersDied(f"{lease.attempts - 1} runs have begun and their workers ended during them")
    if is_outside_transaction(job):
        _run_outside(registry, job, lease)
    else:
        _run_inside(registry, job, lease)
    crash_point("jobs.committed")


def _run_inside(registry: Any, job: Job, lease: Lease) -> None:
    for remaining in reversed(range(ATTEMPTS)):
        try:
            with work(registry) as request:
                job.run(request, **deepcopy(lease.arguments))
                crash_point("jobs.before_ack")
                queue.acknowledge(request.db, lease)
                crash_point("jobs.before_commit")
            return
        except Exception as error:
            if not remaining or not collided(error):
                raise
            wait_before_retry()


def _run_outside(registry: Any, job: Job, lease: Lease) -> None:
    job.run(registry, **lease.arguments)
    crash_point("jobs.before_ack")
    with autocommit(registry["engine"]).connect() as connection:
        queue.acknowledge(connection, lease)


def _write_down(registry: Any, job: Job, lease: Lease, error: Exception) -> None:
    reason, dead = failures.describe(error), lease.attempts >= job.attempts
    delay = failures.delay_after(lease.attempts)
    with registry["engine"].begin() as connection:
        kept = queue.fail(connection, lease, reason, delay_seconds=delay, dead=dead)
        if kept and dead and job.every_seconds:
            queue.forget_older_dead(connection, lease)
    if not kept:
        log.warning("job_failed_after_lease_lost", error=reason)
    elif dead:
        log.error("job_dead", attempts=lease.attempts, error=reason, remedy=f"marketcore jobs retry {lease.id}")
    else:
        log.warning("job_failed", attempt=lease.attempts, error=reason, retry_in_seconds=round(delay))


def _give_back(registry: Any, lease: Lease) -> None:
    with autocommit(registry["engine"]).connect() as connection:
        queue.give_back(connection, [lease])
    log.warning("job_interrupted", attempt=lease.attempts)
