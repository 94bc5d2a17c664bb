"""Sessions whose plain SQL goes through the pipeline, with results as SQLAlchemy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from psycopg import IsolationLevel
from sqlalchemy import TextClause
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from marketcore.db.together import answers_of, execute_together, is_under_way

# What SQLAlchemy leaves behind after another level is the database's own.
_ORDINARY = (None, IsolationLevel.READ_COMMITTED)
_LAST = "sent with the commit"


class PlainResult(IteratorResult[Any]):
    """The rows of a statement; ``rowcount`` of them were returned or changed."""

    rowcount: int


class QuickSession(Session):
    """A session that executes ``text`` without types or options in one round trip, and all else as ever.

    Where somebody listens to cursors or errors, text takes the ordinary way too: they see every statement.
    """

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Execute ``statement`` as ``Session.execute`` does."""
        if not options and isinstance(params, Mapping | None) and _is_plain(statement):
            connection = self.connection()
            if not _is_special(connection):
                return _result(connection, statement, params or {})
        return super().execute(statement, params, **options)

    def execute_all(self, *statements: tuple[TextClause, Mapping[str, Any]]) -> list[list[Any]]:
        """Execute statements that need nothing of each other's answers in one round trip; return the rows of each."""
        connection = self.connection()
        if _is_special(connection):
            return [list(self.execute(statement, params)) for statement, params in statements]
        return execute_together(connection, *statements)

    def execute_last(
        self, statement: TextClause, params: Mapping[str, Any], hear: Callable[[list[Any]], None] | None = None
    ) -> None:
        """Execute ``statement`` in the round trip that commits, after everything else; ``hear`` gets its rows.

        For what nobody needs to know before the transaction ends. What fails fails the commit.
        """
        connection = self.connection()
        if _is_special(connection):
            result = self.execute(statement, params)
            if hear is not None:
                hear(result.all())
        else:
            connection.info.setdefault(_LAST, []).append((statement, params, hear))


def send_last(connection: Any) -> None:
    """Send what waits for the commit of ``connection``, and the commit with it, the way its statements went."""
    last = connection.info.pop(_LAST, ())
    if not last and not is_under_way(connection):
        return
    answers = execute_together(connection, *((statement, values) for statement, values, _hear in last), commit=True)
    for (_statement, _values, hear), rows in zip(last, answers, strict=True):
        if hear is not None:
            hear(rows)


def forget_last(connection: Any) -> None:
    """Forget what waited for a commit that does not come."""
    connection.info.pop(_LAST, None)


def _result(connection: Any, statement: TextClause, values: Mapping[str, Any]) -> PlainResult:
    (answer,) = answers_of(connection, [(statement, values)])
    result = PlainResult(_metadata(answer.names), iter(answer.rows))
    result.rowcount = answer.count
    return result


def _is_plain(statement: Any) -> bool:
    return type(statement) is TextClause and _has_no_types(statement)


@lru_cache(maxsize=1024)
def _has_no_types(statement: TextClause) -> bool:
    """Whether its parameters travel as they are given, and all of them are given."""
    return all(isinstance(bind.type, NullType) and bind.required for bind in statement._bindparams.values())


def _is_special(connection: Any) -> bool:
    """Whether the connection is in a mode of its own, or watched."""
    driver = connection.connection.driver_connection
    heard, faults = connection.dispatch, connection.dialect.dispatch
    return bool(
        driver.autocommit
        or driver.isolation_level not in _ORDINARY
        or heard.before_cursor_execute
        or faults.handle_error
        or connection.get_execution_options()
    )


@lru_cache(maxsize=512)
def _metadata(names: tuple[str, ...]) -> SimpleResultMetaData:
    return SimpleResultMetaData(names)
