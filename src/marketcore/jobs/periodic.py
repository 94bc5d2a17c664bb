"""Periodic jobs: whoever claims a tick first enqueues its run, so several workers run it once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text

from marketcore.directives import Job, table
from marketcore.jobs.calling import CHANNEL
from marketcore.testing.crash import crash_point

_SECONDS = text("SELECT extract(epoch FROM market_clock())")
# The anti-join keeps workers that come second from locking rows; the WHERE decides between those that race.
_CLAIM = text(
    """
    INSERT INTO job_ticks (name, tick)
    SELECT due.name, due.tick
    FROM unnest(CAST(:names AS text[]), CAST(:ticks AS bigint[])) AS due (name, tick)
    WHERE NOT EXISTS (SELECT FROM job_ticks AS known WHERE known.name = due.name AND known.tick >= due.tick)
    ORDER BY due.name
    ON CONFLICT (name) DO UPDATE SET tick = excluded.tick, claimed_at = excluded.claimed_at
    WHERE job_ticks.tick < excluded.tick
    RETURNING name
    """
)
# A statement of its own: it must see the runs that were committed while the claim waited for a row.
_ENQUEUE = text(
    f"""
    WITH added AS (
        INSERT INTO jobs (name)
        SELECT due.name FROM unnest(CAST(:names AS text[])) AS due (name)
        WHERE NOT EXISTS (SELECT FROM jobs WHERE jobs.name = due.name AND jobs.dead_at IS NULL)
        RETURNING name
    )
    SELECT name, CAST(pg_notify('{CHANNEL}', '') AS text) FROM added
    """
)


def ticks_at(jobs: Iterable[Job], seconds: Any) -> dict[str, int]:
    """Return the number of each periodic job's tick at ``seconds`` since the epoch."""
    return {job.name: int(seconds // job.every_seconds) for job in jobs if job.every_seconds}


def enqueue_due(registry: Any, engine: Any = None) -> tuple[list[str], float]:
    """Claim the ticks that have come and enqueue one run for each; return the runs' names and the database's time.

    Claim and run are one transaction: a scheduler that dies in between leaves the tick to the others.
    A tick whose previous run still waits or runs is passed over. The time is in seconds since the epoch. The
    first tick of all comes as soon as a worker knows the job.
    """
    with (engine or registry["engine"]).begin() as connection:
        seconds = connection.execute(_SECONDS).scalar_one()
        enqueued = _enqueue_claimed(connection, ticks_at(table(registry, "jobs").values(), seconds))
        crash_point("jobs.ticks_claimed")
    return enqueued, float(seconds)


def _enqueue_claimed(connection: Any, ticks: Mapping[str, int]) -> list[str]:
    values = {"names": list(ticks), "ticks": list(ticks.values())}
    claimed = connection.execute(_CLAIM, values).scalars().all() if ticks else []
    return list(connection.execute(_ENQUEUE, {"names": claimed}).scalars()) if claimed else []
