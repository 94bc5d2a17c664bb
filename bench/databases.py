"""The databases of a run, all on one server with the same settings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import make_url

from marketcore.db.session import psycopg_url
from marketcore.testing.databases import execute_outside

_FULL = "full"


def plain(url: str) -> str:
    """Return ``url`` as psycopg and other programs read it: ``postgresql://…``."""
    return make_url(psycopg_url(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def connect(url: str) -> psycopg.Connection[Any]:
    """Return an autocommitting connection."""
    return psycopg.connect(plain(url), autocommit=True)


def create(admin_url: str, name: str) -> bool:
    """Create the database ``name``; return false if it is there and full (in a folder that was kept)."""
    with connect(admin_url) as connection:
        known = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
    if known == (_FULL,):
        return False
    execute_outside(admin_url, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    return True


def run(url: str, *statements: str) -> None:
    """Run what fills a database."""
    with connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def run_together(url: str, *statements: str) -> None:
    """Run statements that need not wait for one another, two at a time."""
    with ThreadPoolExecutor(2) as both:
        list(both.map(partial(run, url), statements))


@contextmanager
def indexes_later(url: str, *tables: str) -> Iterator[None]:
    """Build the indexes of ``tables``, but for those of constraints, after the block has filled them."""
    with connect(url) as connection:
        found = connection.execute(
            """SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND NOT EXISTS (
                 SELECT FROM pg_constraint c WHERE c.conindid = (quote_ident(indexname))::regclass)""",
            [list(tables)],
        ).fetchall()
    run(url, *(f"DROP INDEX {name}" for name, _definition in found))
    yield
    # The costliest first, so that both connections end together.
    ordered = sorted(found, key=lambda row: "USING gin" not in row[1])
    run_together(url, *(f"SET maintenance_work_mem = '512MB'; {definition}" for _name, definition in ordered))


def finish(url: str) -> None:
    """Tidy a database up as time would have done, and mark it as full."""
    name = make_url(psycopg_url(url)).database
    run(url, "VACUUM ANALYZE", f"COMMENT ON DATABASE {name} IS '{_FULL}'")


def one(connection: psycopg.Connection[Any], sql: str, *parameters: Any) -> Any:
    """Return the only value of a statement's only row."""
    row = connection.execute(sql.encode(), parameters or None).fetchone()
    if row is None:
        raise LookupError(f"nothing came of {sql!r}")
    return row[0]
