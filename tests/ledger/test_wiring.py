"""The ledger within a configured process: requests reach it, its work is committed, its jobs run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketcore.db import clock
from marketcore.db.session import perform
from marketcore.directives import table
from marketcore.exceptions import InsufficientFunds
from marketcore.ledger.accounts import commission, wallet
from marketcore.ledger.services import LedgerService
from marketcore.testing.market import Market

from .books import CASH, hold, move

ROOMS = ("marketcore.db", "marketcore.web", "marketcore.ledger")
JOBS = {"ledger.void_expired_holds", "ledger.void_overlooked_holds", "ledger.roll_deltas"}


@pytest.fixture
def registry(make_settings: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr("marketcore.config.CORE", ROOMS)
    # There is no identity here whose settings these could be.
    built = Market({key: value for key, value in make_settings().items() if not key.startswith("identity.")})
    yield built.registry
    built.close()


def send(request: Any, *transfers: Any) -> list[str]:
    return request.find_service(LedgerService).transfer(transfers, event_id=uuid4())


def balance(request: Any, account: Any) -> Any:
    return request.find_service(LedgerService).balance(account)


def test_what_a_request_transfers_is_committed_with_it(registry: Any) -> None:
    assert perform(registry, send, move(CASH, commission("KES"), 5)) == ["created"]
    assert perform(registry, balance, commission("KES")).posted_minor == 5


def test_a_refused_request_leaves_nothing(registry: Any) -> None:
    def overdraw(request: Any) -> None:
        send(request, move(CASH, commission("KES"), 5))
        send(request, move(commission("KES"), CASH, 5), move(wallet(1, "KES"), CASH, 1))

    with pytest.raises(InsufficientFunds):
        perform(registry, overdraw)
    assert perform(registry, balance, commission("KES")).posted_minor == 0


def test_each_way_of_writing_is_committed(registry: Any) -> None:
    first, second = hold(CASH, commission("KES"), 5), hold(CASH, commission("KES"), 7)
    perform(registry, send, first, second)
    perform(registry, lambda request: request.find_service(LedgerService).post(first.id, id=uuid4(), event_id=uuid4()))
    perform(registry, lambda request: request.find_service(LedgerService).void(second.id, id=uuid4(), event_id=uuid4()))
    found = perform(registry, balance, commission("KES"))
    assert (found.posted_minor, found.credits_pending) == (5, 0)


def test_the_periodic_jobs_are_registered_run_and_are_committed(registry: Any) -> None:
    jobs = {name: job for name, job in table(registry, "jobs").items() if name in JOBS}
    assert set(jobs) == JOBS
    assert all(job.every_seconds for job in jobs.values())

    past = perform(registry, lambda request: clock.now(request.db)) - timedelta(seconds=1)
    expired, overlooked = (hold(CASH, commission("KES"), 5, past - ago) for ago in (timedelta(), timedelta(days=9)))
    perform(registry, send, expired, overlooked)
    assert [perform(registry, jobs["ledger.void_expired_holds"].run) for _ in range(2)] == [1, 0]
    assert [perform(registry, jobs["ledger.void_overlooked_holds"].run) for _ in range(2)] == [1, 0]
    assert [perform(registry, jobs["ledger.roll_deltas"].run) for _ in range(2)] == [8, 0]
    assert perform(registry, balance, commission("KES")).credits_pending == 0
