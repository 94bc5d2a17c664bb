"""Transactions that nobody needs cost nothing; those that somebody asks for are the library's own."""

from __future__ import annotations

from contextlib import suppress

import pytest
from transaction.interfaces import AlreadyInTransaction, NoTransaction

from marketcore.db.transactions import OnDemand


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_a_transaction_that_nobody_asked_for_ends_and_the_next_one_begins(end):
    manager = OnDemand()
    for _again in range(2):
        manager.begin().note("an address")
        assert not manager.isDoomed()
        getattr(manager, end)()
    with pytest.raises(NoTransaction):
        manager.get()


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_outside_of_a_transaction_there_is_none_to_get_or_to_end(end):
    manager = OnDemand()
    with pytest.raises(NoTransaction):
        manager.get()
    with pytest.raises(NoTransaction):
        getattr(manager, end)()


@pytest.mark.parametrize("asked", [True, False])
def test_a_transaction_is_not_begun_twice(asked):
    manager = OnDemand()
    manager.begin()
    if asked:
        manager.get()
    with pytest.raises(AlreadyInTransaction):
        manager.begin()


def test_what_waits_for_the_commit_hears_of_it_and_of_an_abort():
    manager, heard = OnDemand(), []
    with manager:
        manager.get().addAfterCommitHook(heard.append)
    assert heard == [True]
    manager.begin()
    manager.get().addAfterAbortHook(lambda: heard.append("aborted"))
    manager.doom()
    assert manager.isDoomed()
    manager.abort()
    assert heard == [True, "aborted"]
    manager.begin()


def test_an_exception_inside_aborts():
    manager, heard = OnDemand(), []
    with suppress(ZeroDivisionError), manager:
        manager.get().addAfterCommitHook(heard.append)
        raise ZeroDivisionError
    assert heard == []
    with pytest.raises(NoTransaction):
        manager.get()
