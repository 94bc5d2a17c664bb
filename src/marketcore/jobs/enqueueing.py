"""``request.enqueue``: write a job into the transaction that needs it done."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from sqlalchemy import text

from marketcore.directives import Job, table
from marketcore.jobs.binding import check_arguments

# JSON's escape of NUL, which PostgreSQL's jsonb cannot hold; an escaped backslash before "u0000" is no escape.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_ENQUEUE = text(
    """
    INSERT INTO jobs (name, arguments, priority, run_at)
    VALUES (:name, CAST(:arguments AS jsonb), :priority, market_clock() + make_interval(secs => :delay))
    RETURNING id
    """
)


def enqueueing(source: str, arguments: str) -> str:
    """Return SQL that writes a job for each row of ``source``, to be run at once.

    ``arguments`` is an SQL expression of type jsonb; the job's name is bound as ``job``, its priority as ``priority``.
    Whoever executes it calls the workers once it is committed (``registry["job caller"].call()``).
    """
    return f"""INSERT INTO jobs (name, arguments, priority, run_at)
               SELECT :job, {arguments}, :priority, market_clock() FROM {source}"""


class UnknownJob(LookupError):
    """No enabled plugin registered a job of this name."""


def enqueue(
    session: Any,
    registry: Any,
    name: str,
    /,
    *,
    delay_seconds: float = 0,
    priority: int = 0,
    **arguments: Any,
) -> int:
    """Write a job into the transaction of ``session`` and return its id.

    It becomes visible with the commit and vanishes with a rollback. It runs not before ``delay_seconds`` from
    now by the database's clock; a higher ``priority`` runs first. ``arguments`` are what JSON can say, exactly:
    ``UnknownJob`` for a name nobody registered, ``TypeError`` for arguments that cannot be kept or that the job's
    function does not take. A job cannot have arguments called ``delay_seconds`` or ``priority``.
    """
    check_arguments(find_job(registry, name), arguments)
    row = {"name": name, "arguments": as_json(name, arguments), "priority": priority, "delay": float(delay_seconds)}
    job_id: int = session.execute(_ENQUEUE, row).scalar_one()
    return job_id


def find_job(registry: Any, name: str) -> Job:
    """Return the registered job called ``name``; ``UnknownJob`` names the nearest one there is."""
    jobs = table(registry, "jobs")
    if name in jobs:
        job: Job = jobs[name]
        return job
    near = difflib.get_close_matches(name, jobs, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "register it with config.add_job or enable its plugin"
    raise UnknownJob(f"there is no job {name!r}: {remedy}")


def as_json(name: str, arguments: dict[str, Any]) -> str:
    """Return ``arguments`` as JSON text that reads back as exactly what was given."""
    for key, value in arguments.items():
        if fault := _fault(value):
            raise TypeError(
                f"the job {name!r} cannot keep {key} = a {type(value).__name__}: {fault}; "
                "pass ids, texts, whole numbers, lists and dicts"
            )
    return json.dumps(arguments)


def _fault(value: Any) -> str | None:
    try:
        encoded = json.dumps(value, allow_nan=False, ensure_ascii=False)
        encoded.encode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    if _NUL.search(encoded):
        return "it contains a NUL character"
    return None if json.loads(encoded) == value else "JSON would change it"


def enqueue_for_request(
    request: Any, name: str, /, *, delay_seconds: float = 0, priority: int = 0, **arguments: Any
) -> int:
    """Write a job into the request's transaction (see ``enqueue``), and call the workers once it is committed."""
    job_id = enqueue(request.db, request.registry, name, delay_seconds=delay_seconds, priority=priority, **arguments)
    if delay_seconds <= 0:  # those that are due later are found by looking
        request.tm.get().addAfterCommitHook(_call, args=(request.registry,))
    return job_id


def _call(committed: bool, registry: Any) -> None:
    if committed:
        registry["job caller"].call()


def includeme(config: Any) -> None:
    """Add ``request.enqueue``."""
    config.add_request_method(enqueue_for_request, "enqueue")
