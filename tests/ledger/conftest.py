"""A migrated database per test, sessions on it, and a way to read it as an auditor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from marketcore.db.session import make_engine
from marketcore.ledger.verify import verify
from marketcore.testing.databases import database_from


@pytest.fixture
def database_url(servers: tuple[str, str], templates: Callable[..., str]) -> Iterator[str]:
    with database_from(servers[0], templates()) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@pytest.fixture
def query(engine: Engine) -> Callable[..., list[Any]]:
    """Return ``query(sql, **parameters)``, which runs in a transaction of its own and commits."""

    def run(sql: str, **parameters: Any) -> list[Any]:
        with engine.begin() as connection:
            result = connection.execute(text(sql), parameters)
            return list(result) if result.returns_rows else []

    return run


@pytest.fixture
def differences(engine: Engine) -> Callable[[], list[Any]]:
    """Return ``differences()``: what ``verify`` finds in the whole database."""

    def run() -> list[Any]:
        with engine.connect() as connection:
            return verify(connection)

    return run
