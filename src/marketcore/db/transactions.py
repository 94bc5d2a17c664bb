"""The transaction of a request, begun when something first takes part in it: many requests need none."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from transaction import TransactionManager
from transaction.interfaces import AlreadyInTransaction
from transaction.weakset import WeakSet


class OnDemand(TransactionManager):  # type: ignore[misc]
    """An explicit transaction manager for which ``begin`` costs nothing until somebody asks for the transaction.

    ``pyramid_tm`` begins and ends one around every request. One that nobody has asked for ends without a trace.
    """

    explicit = True

    def __init__(self) -> None:
        self._txn = None
        self._promised = False

    @cached_property
    def _synchs(self) -> Any:
        return WeakSet()

    def begin(self) -> OnDemand:
        """Promise a transaction; ``AlreadyInTransaction`` if the last one has not ended."""
        if self._promised:
            raise AlreadyInTransaction
        self._promised = True
        return self

    def note(self, text: str) -> None:
        """Take no note; nobody reads what a transaction was for."""

    def get(self) -> Any:
        """Return the transaction, which begins here at the latest; ``NoTransaction`` outside of one."""
        if self._txn is None and self._promised:
            super().begin()
        return super().get()

    def isDoomed(self) -> bool:  # noqa: N802 - the library's name
        """Whether somebody has asked for the transaction to be rolled back."""
        return self._txn is not None and bool(super().isDoomed())

    def commit(self) -> None:
        """Commit what takes part."""
        if not self._end_unasked():
            super().commit()

    def abort(self) -> None:
        """Roll back what takes part."""
        if not self._end_unasked():
            super().abort()

    def free(self, txn: Any) -> None:
        """Forget a transaction that has ended."""
        super().free(txn)
        self._promised = False

    def _end_unasked(self) -> bool:
        unasked = self._promised and self._txn is None
        if unasked:
            self._promised = False
        return unasked


def on_demand(_request: Any) -> OnDemand:
    """Return the manager of a request (``tm.manager_hook``)."""
    return OnDemand()
