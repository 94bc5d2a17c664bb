"""Connections that rest between transactions, looked at before they are used again."""

from __future__ import annotations

import os
import select
import time
from collections import defaultdict
from typing import Any

from psycopg import Error
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

TRUSTED_SECONDS = 30.0  # a connection that rested longer is asked whether it still works
AT_HAND = 4  # connections at most that are lent for single statements; half the pool where that is less
_RETURNED_AT = "returned at"


class ConnectionPool(QueuePool):
    """A pool that keeps nothing once it is disposed of: what another thread brings back later is closed.

    What is lent for one round trip (``borrow`` and ``give_back``) stays at hand: to check a connection out and in
    takes as long as many a statement.
    """

    _disposed = False

    def __init__(self, creator: Any, pool_size: int = 5, **options: Any) -> None:
        super().__init__(creator, pool_size, **options)
        self._keeps = min(AT_HAND, pool_size // 2)
        # By process: a child must not touch what it has inherited.
        self._at_hand: defaultdict[int, list[tuple[PoolProxiedConnection, float]]] = defaultdict(list)

    def borrow(self) -> PoolProxiedConnection:
        """Return a connection for one round trip without a transaction; ``DBAPIError`` where the server has none."""
        while kept := self._take():
            connection, since = kept
            if _is_trusted(connection, time.monotonic() - since):
                return connection
            connection.close()
        try:
            return self.connect()
        except Error as error:
            raise DBAPIError.instance(None, None, error, Error) from error

    def give_back(self, connection: PoolProxiedConnection) -> None:
        """Take a borrowed connection back, with no transaction under way."""
        at_hand = self._at_hand[os.getpid()]
        if self._disposed or len(at_hand) >= self._keeps:
            connection.close()
            return
        at_hand.append((connection, time.monotonic()))
        if self._disposed:
            self._let_go()

    def dispose(self) -> None:
        """Close what rests here, and from now on whatever comes back."""
        self._disposed = True
        self._let_go()
        super().dispose()

    def _let_go(self) -> None:
        while kept := self._take():
            kept[0].close()

    def _take(self) -> tuple[PoolProxiedConnection, float] | None:
        try:
            return self._at_hand[os.getpid()].pop()
        except IndexError:
            return None

    def _do_return_conn(self, record: Any) -> None:
        super()._do_return_conn(record)
        # In this order: either the disposal has found the connection, or it is found here.
        if self._disposed:
            super().dispose()


def look_after(engine: Engine) -> None:
    """Have connections of ``engine`` rolled back where that is needed, and replaced where their server has gone."""
    event.listen(engine, "reset", _reset)
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", lambda connection, record, _proxy: _check_alive(engine, connection, record))


def _reset(connection: Any, _record: Any, _state: Any) -> None:
    # Most come back with their transaction ended, and asking psycopg to end none takes a third of a statement.
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        connection.rollback()


def _note_return(_connection: Any, record: Any) -> None:
    record.info[_RETURNED_AT] = time.monotonic()


def _check_alive(engine: Engine, connection: Any, record: Any) -> None:
    """Have a connection replaced whose server has gone.

    A server that ends closes its sockets, which is seen here without asking it; a round trip before every
    transaction, as ``pool_pre_ping`` makes, would cost more than many a statement.
    """
    now = time.monotonic()
    if _is_trusted(connection, now - record.info.get(_RETURNED_AT, now)):
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _is_trusted(connection: Any, rested: float) -> bool:
    """Whether a connection has not rested long, and its server has said nothing unasked, such as farewell."""
    if rested >= TRUSTED_SECONDS:
        return False
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN)
    return not watch.poll(0)
