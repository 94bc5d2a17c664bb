"""The pool of connections: a disposal leaves nothing open, whoever is using a connection meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from marketcore.db import pool
from marketcore.db.session import at_once, make_engine


def test_a_connection_that_comes_back_after_the_disposal_is_closed(servers: tuple[str, str]) -> None:
    engine = make_engine(servers[0])
    in_use = engine.connect()
    driver: Any = in_use.connection.driver_connection
    engine.dispose()
    assert in_use.scalar(text("SELECT 1")) == 1, "whoever uses a connection may go on using it"
    in_use.close()
    assert driver.closed
    with engine.connect() as anew:
        assert anew.scalar(text("SELECT 1")) == 1
    engine.dispose()


ONE = (text("SELECT pg_backend_pid() AS process"), {})


@pytest.fixture
def engine(make_settings: Any) -> Iterator[Any]:
    engine = make_engine(make_settings()["marketcore.database_url"])
    yield engine
    engine.dispose()


def process(engine: Any) -> int:
    return int(at_once(engine, ONE)[0][0].process)


def test_statements_one_after_another_are_sent_over_one_connection_that_stays_at_hand(engine: Any) -> None:
    assert len({process(engine) for _again in range(5)}) == 1
    assert engine.pool.checkedout() == 1


def test_a_failing_statement_leaves_the_next_one_a_sound_connection(engine: Any) -> None:
    for _again in range(3):
        with pytest.raises(DataError):
            at_once(engine, ONE, (text("SELECT 1 / CAST(:zero AS int)"), {"zero": 0}))
        assert process(engine)


@pytest.mark.parametrize("rested", [False, True])
def test_a_connection_at_hand_whose_server_process_has_gone_is_replaced(
    engine: Any, rested: bool, monkeypatch: Any
) -> None:
    gone = process(engine)
    if rested:
        monkeypatch.setattr(pool, "TRUSTED_SECONDS", 0)
    with engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:gone, 5000)"), {"gone": gone})
    assert process(engine) != gone


def test_what_is_at_hand_is_closed_with_the_rest_whoever_brings_it_back(engine: Any) -> None:
    process(engine)
    borrowed_by_another, old = engine.pool.borrow(), engine.pool
    driver = borrowed_by_another.driver_connection
    engine.dispose()
    old.give_back(borrowed_by_another)
    assert driver.closed
    assert (old.checkedin(), old.checkedout()) == (0, 0)
    with engine.connect() as anew:
        mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        deadline = time.monotonic() + 10
        while anew.scalar(text(mine)):
            assert time.monotonic() < deadline, "a connection stays open"
            anew.rollback()


def test_a_small_pool_keeps_nothing_from_others(make_settings: Any) -> None:
    engine = make_engine(make_settings()["marketcore.database_url"], pool_size=1)
    process(engine)
    assert engine.pool.checkedout() == 0
    engine.dispose()


def test_a_forked_child_leaves_alone_what_its_parent_has_at_hand(engine: Any) -> None:
    here = process(engine)
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os._exit(0 if process(engine) != here else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert process(engine) == here


def test_a_database_that_is_away_is_an_error_of_sqlalchemys() -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(OperationalError):
        process(engine)
