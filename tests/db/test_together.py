"""Statements sent at once: what they answer, what fails, and what a connection knows afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from marketcore.db import together
from marketcore.db.session import make_engine
from marketcore.db.together import execute_together

ONE = text("SELECT CAST(:number AS bigint) AS number")
PUT = text("INSERT INTO kept VALUES (:number)")
BROKEN = text("SELECT 1 / CAST(:number AS int)")
COUNT = text("SELECT count(*) AS n FROM kept")


@pytest.fixture
def engine(make_settings: Any) -> Iterator[Any]:
    engine = make_engine(make_settings()["marketcore.database_url"], pool_size=1)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    yield engine
    engine.dispose()


def kept(engine: Any) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(COUNT))


def test_each_statement_has_its_rows_in_order_and_a_commit_travels_with_them(engine: Any) -> None:
    with engine.connect() as connection:
        first, second = execute_together(connection, (PUT, {"number": 1}), (COUNT, {}), commit=True)
        assert (first, second[0].n) == ([], 1)
    assert kept(engine) == 1


def test_rows_without_columns_are_rows(engine: Any) -> None:
    with engine.connect() as connection:
        assert execute_together(connection, (text("SELECT FROM generate_series(1, 3)"), {})) == [[(), (), ()]]


def test_without_a_commit_nothing_stays(engine: Any) -> None:
    with engine.connect() as connection:
        execute_together(connection, (PUT, {"number": 1}))
        assert execute_together(connection, (COUNT, {}))[0][0].n == 1
    assert kept(engine) == 0


def test_it_takes_part_in_a_transaction_that_sqlalchemy_has_begun_and_ends(engine: Any) -> None:
    with engine.begin() as connection:
        connection.execute(PUT, {"number": 1})
        assert execute_together(connection, (PUT, {"number": 2}), (COUNT, {}))[1][0].n == 2
    assert kept(engine) == 2


def test_values_of_every_kind_travel_both_ways(engine: Any) -> None:
    given = {
        "a": 2**62,
        "b": None,
        "c": "naïve 'quotes' \\ {}",
        "d": uuid.uuid4(),
        "e": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "f": Decimal("12.30"),
        "g": [1, 2**40],
        "h": b"\x00\xff",
        "i": True,
    }
    kinds = ("bigint", "text", "text", "uuid", "timestamptz", "numeric", "bigint[]", "bytea", "boolean")
    casts = ", ".join(f"CAST(:{name} AS {kind}) AS {name}" for name, kind in zip(given, kinds, strict=True))
    with engine.connect() as connection:
        for _again in range(2):
            assert execute_together(connection, (text(f"SELECT {casts}"), given))[0][0]._asdict() == given


def test_what_fails_raises_undoes_all_of_it_and_leaves_a_usable_connection(engine: Any) -> None:
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        execute_together(connection, (PUT, {"number": 1}), (BROKEN, {"number": 0}), (COUNT, {}), commit=True)
    assert caught.value.orig.sqlstate == "22012"
    assert kept(engine) == 0
    with engine.connect() as connection:
        assert execute_together(connection, (BROKEN, {"number": 1}))


def test_what_fails_only_at_the_commit_raises_too(engine: Any) -> None:
    with engine.connect() as connection, pytest.raises(IntegrityError):
        execute_together(connection, (PUT, {"number": 1}), (PUT, {"number": 1}), commit=True)
    assert kept(engine) == 0


def prepared(connection: Any) -> int:
    return int(
        connection.connection.driver_connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()[0]
    )


def test_what_is_prepared_outlives_rollbacks_and_failures_and_is_prepared_once(engine: Any) -> None:
    def collide() -> None:
        execute_together(connection, (PUT, {"number": 1}), (ONE, {"number": 1}), (BROKEN, {"number": 0}), commit=True)

    with engine.connect() as connection:
        for _again in range(20):
            with pytest.raises(DBAPIError):
                collide()
            connection.connection.driver_connection.rollback()
        assert prepared(connection) == 4, "BEGIN and the three that were told apart"


def test_a_statement_twice_in_one_pipeline_is_prepared_once(engine: Any) -> None:
    with engine.connect() as connection:
        execute_together(connection, (PUT, {"number": 1}), (PUT, {"number": 2}), begin=False)
        assert prepared(connection) == 1
    assert kept(engine) == 2


def test_no_connection_prepares_without_end(engine: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(together, "MOST", 5)
    with engine.connect() as connection:
        for number in range(40):
            asked = text(f"SELECT CAST(:number AS bigint) AS number_{number}")
            assert execute_together(connection, (asked, {"number": number}), commit=True)[0][0][0] == number
            assert prepared(connection) <= 8
            connection.connection.driver_connection.rollback()


def test_statements_are_right_after_any_kind_of_rollback(engine: Any) -> None:
    with engine.connect() as connection:
        for number in range(20):
            connection.execute(ONE, {"number": number})
            savepoint = connection.begin_nested()
            connection.execute(PUT, {"number": number})
            savepoint.rollback()
            assert execute_together(connection, (ONE, {"number": number}))[0][0].number == number
            connection.rollback()
            connection.execute(PUT, {"number": number})
            assert execute_together(connection, (ONE, {"number": number}))[0][0].number == number
            connection.rollback()


def test_what_somebody_else_has_deallocated_is_prepared_anew(engine: Any) -> None:
    with engine.connect() as connection:
        execute_together(connection, (ONE, {"number": 1}), commit=True)
        execute_together(connection, (text("DEALLOCATE ALL"), {}), commit=True)
        assert execute_together(connection, (PUT, {"number": 1}), (ONE, {"number": 2}), commit=True)[1][0].number == 2
    assert kept(engine) == 1


def test_a_connection_that_is_cut_raises_and_is_replaced(engine: Any) -> None:
    with engine.connect() as connection:
        cut = text("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(OperationalError) as caught:
            execute_together(connection, (PUT, {"number": 1}), (cut, {}), commit=True)
        assert caught.value.connection_invalidated
    assert kept(engine) == 0


def test_more_than_a_socket_holds_travels_in_both_directions_at_once(engine: Any) -> None:
    long = "x" * 3_000_000
    echo = text("SELECT CAST(:long AS text) AS long")
    with engine.connect() as connection:
        answers = execute_together(connection, *((echo, {"long": long}) for _ in range(4)))
    assert [rows[0].long == long for rows in answers] == [True] * 4
