"""What waits, runs and is dead: for operators, and what they may do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import text

from marketcore.jobs.calling import CHANNEL

_STATUS = text(
    """
    SELECT name,
           count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE state = 'delayed') AS delayed,
           count(*) FILTER (WHERE state = 'running') AS running,
           count(*) FILTER (WHERE state = 'dead') AS dead,
           coalesce(max(extract(epoch FROM at - run_at)) FILTER (WHERE state = 'waiting'), 0) AS oldest_seconds
    FROM (
        SELECT name, run_at, at,
               CASE WHEN dead_at IS NOT NULL THEN 'dead'
                    WHEN lease_until >= at THEN 'running'
                    WHEN run_at > at THEN 'delayed'
                    ELSE 'waiting' END AS state
        FROM jobs CROSS JOIN (SELECT market_clock() AS at) AS clock
    ) AS job
    GROUP BY name ORDER BY name
    """
)
_DEAD = text(
    """
    SELECT id, name, attempts, last_error, dead_at FROM jobs
    WHERE dead_at IS NOT NULL ORDER BY dead_at, id LIMIT :limit
    """
)
_RETRY = text(
    f"""
    WITH revived AS (
        UPDATE jobs SET dead_at = NULL, attempts = 0, run_at = market_clock()
        WHERE dead_at IS NOT NULL AND (CAST(:id AS bigint) IS NULL OR id = :id)
        RETURNING id
    )
    SELECT id, CAST(pg_notify('{CHANNEL}', '') AS text) FROM revived
    """
)
_PURGE = text("DELETE FROM jobs WHERE dead_at < market_clock() - make_interval(days => :days)")


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many rows of one job there are; ``oldest_seconds`` is how long the oldest due one has waited."""

    name: str
    waiting: int
    delayed: int
    running: int
    dead: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that has used up its attempts, and why."""

    id: int
    name: str
    attempts: int
    last_error: str
    dead_at: Any


def status(session: Any) -> list[JobCounts]:
    """Return the counts of every job that has rows, by name."""
    return [
        JobCounts(row.name, row.waiting, row.delayed, row.running, row.dead, float(row.oldest_seconds))
        for row in session.execute(_STATUS)
    ]


def dead_jobs(session: Any, *, limit: int = 100) -> list[DeadJob]:
    """Return dead jobs, the longest dead first."""
    return [DeadJob(*row) for row in session.execute(_DEAD, {"limit": limit})]


def retry(session: Any, job_id: int | None = None) -> int:
    """Give the dead job ``job_id`` (``None``: every dead one) all its attempts again; return how many there were."""
    revived = session.execute(_RETRY, {"id": job_id}).all()
    return len(revived)


def purge(session: Any, *, older_than_days: int) -> int:
    """Delete jobs that have been dead for more than ``older_than_days``; return how many there were."""
    purged: int = session.execute(_PURGE, {"days": older_than_days}).rowcount
    return purged


class JobCollector:
    """Prometheus gauges of the queue, read from the table when asked: ``registry.register(JobCollector(engine))``."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def describe(self) -> list[Any]:
        """Return nothing, so that registering asks the database nothing."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield ``marketcore_jobs`` by name and state, and the age of the oldest due job by name."""
        jobs = GaugeMetricFamily("marketcore_jobs", "Jobs by state", labels=["name", "state"])
        ages = GaugeMetricFamily("marketcore_jobs_oldest_seconds", "Wait of the oldest due job", labels=["name"])
        with self._engine.connect() as connection:
            counts = status(connection)
        for count in counts:
            for state in ("waiting", "delayed", "running", "dead"):
                jobs.add_metric([count.name, state], getattr(count, state))
            ages.add_metric([count.name], count.oldest_seconds)
        yield jobs
        yield ages
