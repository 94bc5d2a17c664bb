"""The queue's statements: claim, renew, acknowledge, give back, record a failure.

A job belongs to whoever knows its ``lease_token``. Every statement about a claimed job names the token, so a
worker that was taken for dead can do no more harm: it finds no row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from marketcore.db.together import Answer, answers_of
from marketcore.jobs.calling import CHANNEL

# market_clock() stands in sub-selects so that it is read once and run_at can be searched by index.
_CLAIM = text(
    """
    UPDATE jobs
    SET lease_until = market_clock() + make_interval(secs => :lease_seconds),
        lease_token = gen_random_uuid(),
        attempts = attempts + 1
    WHERE id = (
        SELECT id FROM jobs
        WHERE dead_at IS NULL
          AND run_at <= (SELECT market_clock())
          AND (lease_until IS NULL OR lease_until < (SELECT market_clock()))
          AND name = ANY(:names)
        ORDER BY priority DESC, run_at, id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id, name, arguments, attempts, lease_token
    """
)
_ACKNOWLEDGE = text("DELETE FROM jobs WHERE id = :id AND lease_token = :token")
# A row that is locked is being acknowledged by its own thread: it needs no renewal and must not be waited for.
_HELD = """
    SELECT id FROM jobs
    WHERE (id, lease_token) IN (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])))
    FOR UPDATE SKIP LOCKED
"""
_RENEW = text(
    f"UPDATE jobs SET lease_until = market_clock() + make_interval(secs => :lease_seconds) WHERE id IN ({_HELD})"
)
_GIVE_BACK = text(
    f"""
    WITH returned AS (
        UPDATE jobs SET lease_until = NULL, lease_token = NULL, attempts = attempts - 1
        WHERE id IN ({_HELD})
        RETURNING id
    )
    SELECT id, CAST(pg_notify('{CHANNEL}', '') AS text) FROM returned
    """
)
_FAIL = text(
    """
    UPDATE jobs
    SET last_error = :error, lease_until = NULL, lease_token = NULL,
        run_at = market_clock() + make_interval(secs => :delay),
        dead_at = CASE WHEN :dead THEN market_clock() END
    WHERE id = :id AND lease_token = :token
    """
)
_FORGET_DEAD = text("DELETE FROM jobs WHERE name = :name AND dead_at IS NOT NULL AND id <> :id")


@dataclass(frozen=True, slots=True)
class Lease:
    """One claimed run of a job: ``attempts`` counts it, ``token`` proves it."""

    id: int
    name: str
    arguments: dict[str, Any]
    attempts: int
    token: UUID


class LeaseLost(Exception):
    """Another worker has taken the job over; this run must leave no trace."""


def claim(executor: Any, names: Sequence[str], lease_seconds: float) -> Lease | None:
    """Lease the most urgent due job called one of ``names``; ``None`` if there is none.

    Rows with other names (of a plugin that is disabled here) are left as they are.
    """
    found = _answer(executor, _CLAIM, {"names": list(names), "lease_seconds": lease_seconds})
    return Lease(*found.rows[0]) if found.rows else None


def acknowledge(executor: Any, lease: Lease) -> None:
    """Delete the job that has been done; ``LeaseLost`` where it has become somebody else's."""
    if _answer(executor, _ACKNOWLEDGE, _key(lease)).count != 1:
        raise LeaseLost(
            f"job {lease.id} ({lease.name}) was taken over by another worker during attempt {lease.attempts}"
        )


def renew(executor: Any, leases: Collection[Lease], lease_seconds: float) -> int:
    """Extend ``leases`` to ``lease_seconds`` from now and return how many still were their holder's."""
    renewed: int = executor.execute(_RENEW, {**_keys(leases), "lease_seconds": lease_seconds}).rowcount
    return renewed


def give_back(executor: Any, leases: Collection[Lease]) -> int:
    """Let others run ``leases`` at once, without counting the attempt; return how many could be given back."""
    return len(executor.execute(_GIVE_BACK, _keys(leases)).all())


def fail(executor: Any, lease: Lease, error: str, *, delay_seconds: float, dead: bool) -> bool:
    """Write why a run failed and when the next may begin (never, if ``dead``); ``False``: the lease was lost."""
    values = {**_key(lease), "error": error, "delay": float(delay_seconds), "dead": dead}
    return bool(executor.execute(_FAIL, values).rowcount)


def forget_older_dead(executor: Any, lease: Lease) -> None:
    """Keep only the newest dead run of a periodic job, so that a failing one cannot fill the table."""
    executor.execute(_FORGET_DEAD, {"name": lease.name, "id": lease.id})


def _answer(executor: Any, statement: TextClause, values: dict[str, Any]) -> Answer:
    """Execute ``statement`` in a session's transaction, or on a connection as a transaction of its own."""
    of_session = isinstance(executor, Session)
    connection = executor.connection() if of_session else executor
    return answers_of(connection, [(statement, values)], begin=of_session)[0]


def _key(lease: Lease) -> dict[str, Any]:
    return {"id": lease.id, "token": lease.token}


def _keys(leases: Collection[Lease]) -> dict[str, Any]:
    return {"ids": [lease.id for lease in leases], "tokens": [lease.token for lease in leases]}
