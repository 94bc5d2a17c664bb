"""Several statements in one round trip, where the waiting for each would cost more than the statements."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from psycopg import Error
from psycopg.rows import namedtuple_row
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError

_DIALECT: Any = PGDialect_psycopg()


def execute_together(connection: Any, *statements: tuple[TextClause, Mapping[str, Any]]) -> list[list[Any]]:
    """Execute ``statements`` in order, sent at once (libpq's pipeline mode), and return the rows of each.

    ``connection`` is one of SQLAlchemy's, with its transaction begun. A later statement sees what an earlier one has
    locked and written; none can use an earlier one's answer. What fails raises SQLAlchemy's error, as elsewhere.
    """
    driver = connection.connection.driver_connection
    try:
        with driver.pipeline():
            cursors = [_send(driver, statement, values) for statement, values in statements]
    except Error as error:
        raise DBAPIError.instance(None, None, error, Error, hide_parameters=True, dialect=_DIALECT) from error
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def _send(driver: Any, statement: TextClause, values: Mapping[str, Any]) -> Any:
    cursor = driver.cursor(row_factory=namedtuple_row)
    cursor.execute(_compiled(statement), values)
    return cursor


@lru_cache(maxsize=256)
def _compiled(statement: TextClause) -> str:
    return str(statement.compile(dialect=_DIALECT))
