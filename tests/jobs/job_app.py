"""A small marketplace of jobs and nothing else: in this process for a test, or as a worker process of its own.

Jobs leave their effect in the table ``effects``, inside their transaction; ``marks`` are written outside of it,
so that a test sees that a run has begun although nothing of it is committed.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from pyramid.config import Configurator
from sqlalchemy import text
from zope.sqlalchemy import mark_changed

from marketcore.jobs.binding import outside_transaction
from marketcore.settings import CoreSettings

TABLES = (
    "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, label text NOT NULL)",
    "CREATE TABLE marks (id bigint GENERATED ALWAYS AS IDENTITY, label text NOT NULL)",
)


def effect(request: Any, label: str) -> None:
    request.db.execute(text("INSERT INTO effects (label) VALUES (:label)"), {"label": label})
    mark_changed(request.db)


def aside(registry: Any, statement: str, **values: Any) -> Any:
    with registry["engine"].begin() as connection:
        result = connection.execute(text(statement), values)
        return result.scalars().all() if result.returns_rows else None


def mark(registry: Any, label: str) -> None:
    aside(registry, "INSERT INTO marks (label) VALUES (:label)", label=label)


def record(request: Any, label: str) -> None:
    effect(request, label)


def follow(request: Any, label: str) -> None:
    effect(request, label)
    request.enqueue("job_app.record", label=f"{label} followed")


def hold(request: Any, label: str, until: str) -> None:
    """Have an effect, then stay until somebody writes the mark ``until``."""
    effect(request, label)
    mark(request.registry, f"{label} began")
    deadline = time.monotonic() + 60
    while not aside(request.registry, "SELECT 1 FROM marks WHERE label = :label", label=until):
        assert time.monotonic() < deadline, f"nobody wrote {until!r}"
        time.sleep(0.02)


def be_robbed(request: Any, label: str) -> None:
    """Have an effect while another worker takes the job over."""
    effect(request, label)
    aside(request.registry, "UPDATE jobs SET lease_token = gen_random_uuid()")


def fail(request: Any, label: str) -> None:
    effect(request, label)
    raise ValueError("the printer is on fire\nsecond line")


def fail_in_database(request: Any, secret: str) -> None:
    request.db.execute(text("SELECT CAST(:secret AS integer)"), {"secret": secret})


def collide(request: Any, label: str, times: int) -> None:
    """Have an effect, and as often as ``times`` be the victim of a serialization failure."""
    effect(request, label)
    mark(request.registry, label)
    if len(aside(request.registry, "SELECT 1 FROM marks WHERE label = :label", label=label)) <= times:
        request.db.execute(text("DO $$ BEGIN RAISE EXCEPTION 'collision' USING ERRCODE = '40001'; END $$"))


def interrupt(request: Any, label: str) -> None:
    effect(request, label)
    raise KeyboardInterrupt


@outside_transaction
def call_out(registry: Any, label: str) -> None:
    """Note whether any transaction of this database is open while it runs."""
    rows = aside(
        registry,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND state LIKE 'idle in transaction%'",
    )
    mark(registry, f"{label}: {len(rows)} open")


def tick(request: Any) -> None:
    effect(request, "tick")


def failing_tick(request: Any) -> None:
    raise RuntimeError("no tick")


def build(settings: dict[str, Any], *, ticking: bool = False) -> Any:
    """Return the registry of a configuration with the database, the job room and this module's jobs."""
    config = Configurator(settings={"tm.manager_hook": "pyramid_tm.explicit_manager", **settings})
    config.include("marketcore.directives")
    config.add_settings_schema("marketcore", CoreSettings())
    for module in ("pyramid_tm", "marketcore.finding", "marketcore.db", "marketcore.jobs"):
        config.include(module)
    for job in (record, follow, hold, be_robbed, fail_in_database, collide, interrupt, call_out):
        config.add_job(job)
    config.add_job(fail, attempts=3)
    if ticking:
        config.add_periodic_job(tick, every_seconds=1)
        config.add_periodic_job(failing_tick, every_seconds=1)
    config.commit()
    return config.registry


def main() -> None:
    """Be a worker process: settings come as JSON in an environment variable."""
    from marketcore.jobs.consumer import serve

    given = json.loads(os.environ["JOB_APP"])
    serve(build(given["settings"], ticking=given["ticking"]))
