"""A database per test, copied from a migrated template."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from marketcore.db import migrate
from marketcore.db.session import psycopg_url
from marketcore.plugins import migration_locations

ROOM = 2 * 1024**3  # bytes: a cluster, its log at its longest, and the databases of the tests of one process


def with_database(url: str, name: str) -> str:
    """Return ``url`` pointing at the database ``name`` of the same server."""
    return make_url(psycopg_url(url)).set(database=name).render_as_string(hide_password=False)


def connected(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection for statements such as CREATE DATABASE, which allow no transaction around them."""
    plain = make_url(psycopg_url(url)).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def execute_outside(url: str, *statements: str) -> None:
    """Run ``statements`` in a connection of their own, without a transaction around them."""
    with connected(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def quick_folder(fallback: Path, memory: Path = Path("/dev/shm")) -> Iterator[Path]:  # noqa: S108 - emptied at the end
    """Yield a folder for servers that forget: in ``memory`` where there is room for them, else ``fallback``.

    A database is some five hundred files. On a disk, copying it can cost more than all the rest of a test.
    """
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < ROOM:
        yield fallback
        return
    with tempfile.TemporaryDirectory(prefix="marketcore-tests-", dir=memory, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def make_template(
    admin_url: str, plugins: Iterable[str], locations: dict[str, Path] | None = None, *, base: str | None = None
) -> str:
    """Create a database, migrate the core and ``plugins`` in it, and return its name.

    Where ``base`` is the name of one that is migrated in part, the migrations go on from there.
    """
    name = f"template_{uuid.uuid4().hex[:12]}"
    if base is None:
        execute_outside(admin_url, f"CREATE DATABASE {name}")
    else:
        execute_outside(admin_url, creation(name, base))
    migrate.upgrade(with_database(admin_url, name), plugins, migration_locations() if locations is None else locations)
    return name


def new_name() -> str:
    """Return a name that no database has."""
    return f"test_{os.getpid()}_{uuid.uuid4().hex[:12]}"


def creation(name: str, template: str) -> str:
    """Return the statement that creates the database ``name`` as a copy of ``template``."""
    return f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"


def removal(name: str) -> str:
    """Return the statement that drops the database ``name``, whoever is still connected."""
    return f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"


@contextmanager
def database_from(admin_url: str, template: str) -> Iterator[str]:
    """Yield the URL of a fresh copy of ``template`` and drop it afterwards."""
    name = new_name()
    execute_outside(admin_url, creation(name, template))
    try:
        yield with_database(admin_url, name)
    finally:
        execute_outside(admin_url, removal(name))
