"""The engine, ``request.db``, and units of work outside HTTP."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from pyramid.scripting import prepare
from sqlalchemy import Engine, TextClause, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from transaction._transaction import Status
from zope.sqlalchemy.datamanager import STATUS_CHANGED, join_transaction

from marketcore.db.pool import ConnectionPool, look_after
from marketcore.db.quick import QuickSession, forget_last, send_last
from marketcore.db.together import execute_together
from marketcore.settings import section

T = TypeVar("T")
ATTEMPTS = 3
_COLLISIONS = frozenset({"40001", "40P01"})


def psycopg_url(url: str) -> str:
    """Return ``url`` with the driver this platform uses: ``postgresql+psycopg://…``."""
    scheme, _sep, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def make_engine(url: str, *, pool_size: int = 10) -> Engine:
    """Return an engine whose sessions think in UTC and whose statements cannot wait for a lock for ever."""
    engine = create_engine(
        psycopg_url(url),
        poolclass=ConnectionPool,
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,
        pool_reset_on_return=None,
        connect_args={
            "options": "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=60s",
            # The pipeline prepares (see ``together``); psycopg would deallocate that too, with every rollback.
            "prepare_threshold": None,
        },
    )
    look_after(engine)
    event.listen(engine, "commit", send_last)
    event.listen(engine, "rollback", forget_last)
    return engine


def at_once(engine: Engine, *statements: tuple[TextClause, Mapping[str, Any]]) -> list[list[Any]]:
    """Execute ``statements`` and commit them, all or none, in one round trip; return the rows of each."""
    pool = cast("ConnectionPool", engine.pool)
    connection = pool.borrow()
    try:
        answers = execute_together(connection, *statements, begin=False)
    except BaseException:
        connection.close()
        raise
    pool.give_back(connection)
    return answers


class Reader:
    """Runs statements that only read, each in one round trip: no transaction is begun or ended around it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def execute(self, statement: TextClause, values: Mapping[str, Any]) -> list[Any]:
        """Return the rows of ``statement`` as named tuples."""
        return at_once(self._engine, (statement, values))[0]


def session_for(request: Any) -> Session:
    """Return the request's session, joined to the request's transaction."""
    session: Session = request.registry["session_factory"](info={"request": request})
    request.add_finished_callback(lambda _request: session.close())
    return session


def _join(session: Session, *_what: Any) -> None:
    """Let the transaction of a session's request end that of the session.

    Statements written as SQL count as changes without anybody saying so: nothing is silently rolled back.
    """
    if request := session.info.get("request"):
        join_transaction(session, STATUS_CHANGED, request.tm)


def _refuse_own_commit(session: Session) -> None:
    request = session.info.get("request")
    if request and not session.in_nested_transaction() and request.tm.get().status != Status.COMMITTING:
        raise AssertionError("a request's session is committed by the request's transaction and by nobody else")


def make_session_factory(engine: Engine) -> sessionmaker[QuickSession]:
    """Return the maker of the sessions of requests. It listens for all of them: listeners of each would cost more."""
    factory = sessionmaker(engine, class_=QuickSession)
    event.listen(factory, "after_begin", _join)
    event.listen(factory, "after_attach", _join)
    event.listen(factory, "before_commit", _refuse_own_commit)
    return factory


@contextmanager
def work(registry: Any) -> Iterator[Any]:
    """Yield a request with a transaction of its own: committed at the end, aborted by an exception.

    Jobs, live commands, command-line programs and the phases of a payment all run in one.
    """
    with prepare(registry=registry) as environment:
        request = environment["request"]
        try:
            with request.tm:
                yield request
        finally:
            request.db.close()


def perform(registry: Any, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Run ``function(request, …)`` in a unit of work, again after a serialization failure or deadlock."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with work(registry) as request:
                return function(request, *arguments, **named)
        except Exception as error:
            if attempt == ATTEMPTS or not collided(error):
                raise
            wait_before_retry()
    raise AssertionError("unreachable: the last attempt returns or raises")


def collided(error: BaseException) -> bool:
    """Whether ``error`` is a serialization failure or a deadlock: the same work may succeed at once."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) in _COLLISIONS


def wait_before_retry() -> None:
    """Sleep 10 to 100 ms, so that two transactions that collided do not collide again."""
    time.sleep(random.uniform(0.010, 0.100))  # noqa: S311 - jitter, not a secret


def includeme(config: Any) -> None:
    """Create the engine lazily connected, and ``request.db``."""
    core = section(config.registry, "marketcore")
    engine = make_engine(core["database_url"], pool_size=core["database_pool_size"])
    config.registry["engine"] = engine
    config.registry["reader"] = Reader(engine)
    config.registry["session_factory"] = make_session_factory(engine)
    config.add_request_method(session_for, "db", reify=True)
