"""A database per test, copied from a migrated template."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from marketcore.db import migrate
from marketcore.db.session import psycopg_url
from marketcore.plugins import migration_locations


def with_database(url: str, name: str) -> str:
    """Return ``url`` pointing at the database ``name`` of the same server."""
    return make_url(psycopg_url(url)).set(database=name).render_as_string(hide_password=False)


def execute_outside(url: str, *statements: str) -> None:
    """Run statements such as CREATE DATABASE, which allow no transaction around them."""
    engine = create_engine(psycopg_url(url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


def make_template(admin_url: str, plugins: Iterable[str], locations: dict[str, Path] | None = None) -> str:
    """Create a database, migrate the core and ``plugins`` in it, and return its name."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    execute_outside(admin_url, f"CREATE DATABASE {name}")
    migrate.upgrade(with_database(admin_url, name), plugins, migration_locations() if locations is None else locations)
    return name


@contextmanager
def database_from(admin_url: str, template: str) -> Iterator[str]:
    """Yield the URL of a fresh copy of ``template`` and drop it afterwards."""
    name = f"test_{os.getpid()}_{uuid.uuid4().hex[:12]}"
    execute_outside(admin_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield with_database(admin_url, name)
    finally:
        execute_outside(admin_url, f"DROP DATABASE {name} WITH (FORCE)")
