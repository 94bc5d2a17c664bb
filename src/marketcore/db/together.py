"""Statements sent in libpq's pipeline mode: any number in one round trip, at a tenth of what a cursor takes.

The processor spends some 20 µs on a statement here and several hundred on the way through cursor, dialect and result.
What is sent is ``sqlalchemy.text``, as everywhere; ``db.session`` leads the sessions of requests this way too.
"""

from __future__ import annotations

import itertools
import select
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from psycopg import Error, OperationalError, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

_DIALECT: Any = PGDialect_psycopg(paramstyle="numeric_dollar")
_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)
_MINE = "pipeline"
# Prepared on a connection at most: the size of a number is part of its type, and there is no end of combinations.
MOST = 400
_numbers = itertools.count(1)
_BEGIN = text("BEGIN")
_COMMIT = text("COMMIT")
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one statement has answered: ``count`` rows were returned or changed."""

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    count: int


def execute_together(
    connection: Any, *statements: tuple[TextClause, Values], begin: bool = True, commit: bool = False
) -> list[list[Any]]:
    """Execute ``statements`` in order, sent at once, and return the rows of each as named tuples.

    ``connection`` is one of SQLAlchemy's, or an engine's raw one. Where no transaction is under way one is begun,
    unless ``begin`` is false: then the statements are committed as they succeed, together. With ``commit`` the
    transaction ends in the same round trip. A later statement sees what an earlier one has locked and written; none
    can use an earlier one's answer. What fails raises SQLAlchemy's error, as elsewhere, and leaves the transaction to
    be rolled back.
    """
    answers = answers_of(connection, statements, begin=begin, commit=commit)
    return [[*map(_row_class(answer.names), answer.rows)] for answer in answers]


def answers_of(
    connection: Any, statements: Iterable[tuple[TextClause, Values]], *, begin: bool = True, commit: bool = False
) -> list[Answer]:
    """Do as ``execute_together`` and return an ``Answer`` per statement."""
    wanted = list(statements)
    fairy = connection.connection if isinstance(connection, Connection) else connection
    pipeline = fairy.info.get(_MINE)
    if pipeline is None:
        pipeline = fairy.info[_MINE] = _Pipeline(fairy.driver_connection)
    idle = pipeline.idle
    if idle:
        pipeline.make_room()
    opened = begin and idle
    sent = [*([(_BEGIN, {})] if opened else ()), *wanted, *([(_COMMIT, {})] if commit else ())]
    try:
        answers = pipeline.run_again(sent) if idle else pipeline.run(sent)
    except BaseException as error:
        if lost := pipeline.lost:
            connection.invalidate()
        if not isinstance(error, Error):
            raise
        shown = "; ".join(str(statement.text) for statement, _values in wanted)
        raise DBAPIError.instance(
            shown, None, error, Error, hide_parameters=True, dialect=_DIALECT, connection_invalidated=lost
        ) from error
    return answers[opened : opened + len(wanted)]


def is_under_way(connection: Connection) -> bool:
    """Whether a transaction that was begun here is under way on one of SQLAlchemy's connections."""
    pipeline = connection.connection.info.get(_MINE)
    return pipeline is not None and pipeline.in_transaction


class _Pipeline:
    """The pipelines of one connection: what it has prepared so far, and how values travel."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._pg = driver.pgconn
        self._values = Transformer(driver)
        self._prepared: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._fresh: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._columns: dict[bytes, tuple[str, ...]] = {}
        self._socket = select.poll()

    @property
    def idle(self) -> bool:
        """Whether no transaction is under way."""
        return bool(self._pg.transaction_status == pq.TransactionStatus.IDLE)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is under way, and has not failed."""
        return bool(self._pg.transaction_status == pq.TransactionStatus.INTRANS)

    @property
    def lost(self) -> bool:
        """Whether the connection is of no more use."""
        return bool(self._pg.status == pq.ConnStatus.BAD)

    def make_room(self) -> None:
        """Prepare anew from here on where too much is prepared; nothing else prepares on this connection."""
        if len(self._prepared) >= MOST:
            self._forget()
            self._pg.exec_(b"DEALLOCATE ALL")

    def run_again(self, statements: list[tuple[TextClause, Values]]) -> list[Answer]:
        """Do as ``run`` where no transaction is under way: what is no longer prepared is prepared anew."""
        try:
            return self.run(statements)
        except InvalidSqlStatementName:
            if not self.idle:
                self._driver.rollback()
            self._forget()
            return self.run(statements)

    def _forget(self) -> None:
        self._prepared.clear()
        self._columns.clear()

    def run(self, statements: Iterable[tuple[TextClause, Values]]) -> list[Answer]:
        """Send ``statements`` and return the answer to each; raise psycopg's error of the first that fails."""
        self._fresh = {}
        self._pg.enter_pipeline_mode()
        try:
            answers = self._answers([receive for each in statements for receive in self._send(*each)])
            self._pg.exit_pipeline_mode()
        except BaseException:
            if self._pg.pipeline_status != pq.PipelineStatus.OFF:
                # Answers are still to come that nobody will read.
                self._driver.close()
            raise
        return answers

    def _send(self, statement: TextClause, values: Values) -> list[Callable[[Any], Answer | None]]:
        """Send one statement; return what is to be done with each of its results."""
        sql, names = _compiled(statement)
        given = self._values.dump_sequence([values[name] for name in names], [PyFormat.AUTO] * len(names))
        types, formats = self._values.types, self._values.formats
        key = (sql, tuple(types or ()))
        name = self._prepared.get(key) or self._fresh.get(key)
        if name is not None:
            self._pg.send_query_prepared(name, given, formats)
            return [partial(self._answer, name)]
        name = self._fresh[key] = f"marketcore_{next(_numbers)}".encode()
        self._pg.send_prepare(name, sql.encode(), types or None)
        self._pg.send_query_prepared(name, given, formats)
        return [lambda _result: self._prepared.__setitem__(key, name), partial(self._answer, name)]

    def _answers(self, receivers: list[Callable[[Any], Answer | None]]) -> list[Answer]:
        self._pg.pipeline_sync()
        answers = []
        for receive, result in zip(receivers, self._results(), strict=True):
            if result.status in _FAILED:
                self._pg.exit_pipeline_mode()
                raise error_from_result(result, encoding="utf-8")
            # In order: what was prepared before something failed stays prepared, whatever becomes of the transaction.
            if (answer := receive(result)) is not None:
                answers.append(answer)
        return answers

    def _results(self) -> list[Any]:
        """Return the results of everything that has been sent."""
        results: list[Any] = []
        unsent = self._pg.flush()
        while True:
            while not self._pg.is_busy():
                result = self._pg.get_result()
                if result is None:
                    if self.lost:
                        raise OperationalError("the connection to the database was lost")
                elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                    return results
                else:
                    results.append(result)
            self._socket.register(self._pg.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
            self._socket.poll()
            self._pg.consume_input()
            unsent = unsent and self._pg.flush()

    def _answer(self, name: bytes, result: Any) -> Answer:
        names = self._columns.get(name)
        if names is None:
            names = self._columns[name] = tuple(result.fname(column).decode() for column in range(result.nfields))
        self._values.set_pgresult(result)
        # A row may have no columns, as those of "SELECT FROM …".
        rows = self._values.load_rows(0, result.ntuples, tuple) if names else [()] * result.ntuples
        return Answer(names, rows, result.command_tuples or 0)


@lru_cache(maxsize=1024)
def _compiled(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    """Return the SQL of ``statement`` with $1, $2 … and the names that these stand for."""
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ())


@lru_cache(maxsize=256)
def _row_class(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    made = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    # As _make does, which is written in Python.
    return partial(tuple.__new__, made)
