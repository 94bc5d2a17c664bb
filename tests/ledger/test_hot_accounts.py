"""Accounts that every sale touches: no sale waits for another there, and no unit is lost in rolling."""

from __future__ import annotations

import os
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from marketcore.ledger.accounts import AccountRef, commission, seller_payable
from marketcore.ledger.services import LedgerService

from .books import CASH, move, totals, transfer
from .crowd import together

SELLERS = 16
SALES = 1_000 if os.environ.get("MARKETCORE_LONG") else 25
COMMISSION = commission("KES")
LONELY_SECONDS = 30


def sell(session: Session, seller_id: int, shared: AccountRef = COMMISSION) -> None:
    """Sell something for 100, of which 10 are the platform's; leave the transaction open."""
    transfer(session, move(CASH, seller_payable(seller_id, "KES"), 90), move(CASH, shared, 10))


@pytest.fixture
def row(query: Any) -> Any:
    """Return ``row()``: the version of the commission account's row and what it says."""

    def read() -> Any:
        [found] = query(
            "SELECT ctid::text, xmin::text, credits_posted FROM ledger_accounts WHERE id = :id", id=COMMISSION.id
        )
        return tuple(found)

    return read


@pytest.fixture
def _opened(session: Session) -> None:
    sell(session, 0)
    session.commit()


@pytest.mark.usefixtures("_opened")
def test_sixteen_sellers_sell_at_once_and_none_waits_for_another(
    engine: Engine, session: Session, row: Any, query: Any, differences: Any
) -> None:
    """All sixteen transactions are open at the barrier, so a wait of any for any other would break it."""
    before, everyone = row(), Barrier(SELLERS)

    def client(mine: Session, seller_id: int) -> None:
        sell(mine, seller_id)
        everyone.wait(LONELY_SECONDS)
        mine.commit()

    together(engine, *(lambda mine, n=n: client(mine, n) for n in range(1, SELLERS + 1)))
    assert row() == before
    assert query("SELECT count(*) FROM ledger_deltas WHERE account_id = :id", id=COMMISSION.id) == [(SELLERS + 1,)]
    assert totals(session, COMMISSION) == (0, 10 * (SELLERS + 1), 0, 0)
    assert differences() == []


# Waits for somebody else's row; that a table grows by a page is no wait of one sale for another.
_WAITING = text("""
    SELECT count(*) FROM pg_stat_activity a
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND (wait_event_type = 'Lock' AND wait_event IN ('transactionid', 'tuple')
           OR EXISTS (SELECT FROM pg_locks l
                      WHERE l.pid = a.pid AND NOT l.granted AND l.locktype IN ('transactionid', 'tuple')))
""")


def waits_while_sellers_sell(engine: Engine, shared: AccountRef) -> tuple[int, int]:
    """Let sixteen sellers sell one thing after another; return how often somebody was seen waiting, and the looks."""
    selling = Event()

    def client(mine: Session, seller_id: int) -> tuple[int, int]:
        for _sale in range(SALES):
            sell(mine, seller_id, shared)
            mine.commit()
        return 0, 0

    def sample(mine: Session) -> tuple[int, int]:
        waits = looks = 0
        while not selling.is_set():
            waits += mine.execute(_WAITING).scalar_one()
            mine.rollback()
            looks += 1
        return waits, looks

    def sellers(_mine: Session) -> tuple[int, int]:
        try:
            together(engine, *(lambda own, n=n: client(own, n) for n in range(1, SELLERS + 1)))
        finally:
            selling.set()
        return 0, 0

    return together(engine, sample, sellers)[0]


@pytest.mark.parametrize("mode", ["deferred", "inline"])
def test_nobody_is_ever_seen_waiting_for_a_deferred_account_as_they_are_for_an_inline_one(
    engine: Engine, session: Session, mode: str, differences: Any
) -> None:
    """The inline account is the proof that waiting would have been seen."""
    slow = AccountRef("platform", "market", "slow_commission", "KES", guard="none", mode="inline")
    shared = COMMISSION if mode == "deferred" else slow
    for seller_id in range(1, SELLERS + 1):
        sell(session, seller_id, shared)
    session.commit()
    waits, looks = waits_while_sellers_sell(engine, shared)
    assert looks >= 20
    assert (waits == 0) == (mode == "deferred"), f"{waits} waits in {looks} looks"
    assert totals(session, shared)[1] == 10 * SELLERS * (SALES + 1)
    assert differences() == []


@pytest.mark.usefixtures("_opened")
def test_a_sale_completes_while_another_sellers_sale_is_open(engine: Engine, session: Session) -> None:
    sell(session, 1)
    with Session(engine) as other:
        sell(other, 2)
        other.commit()
        assert totals(other, COMMISSION) == (0, 20, 0, 0)
    session.commit()
    assert totals(session, COMMISSION) == (0, 30, 0, 0)


def test_on_an_inline_account_the_second_sale_would_have_had_to_wait(engine: Engine, session: Session) -> None:
    shared = AccountRef("platform", "market", "slow_commission", "KES", guard="none", mode="inline")
    sell(session, 0, shared)
    session.commit()
    sell(session, 1, shared)
    with Session(engine) as other:
        other.connection().exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(DBAPIError, match="lock timeout"):
            sell(other, 2, shared)


@pytest.mark.usefixtures("_opened")
def test_rolling_moves_the_deltas_into_the_row_and_changes_no_balance(
    session: Session, row: Any, query: Any, differences: Any
) -> None:
    sell(session, 1)
    session.commit()
    assert row()[2] == 0
    assert LedgerService(session).roll_deltas() == 6
    session.commit()
    assert row()[2] == 20
    assert query("SELECT count(*) FROM ledger_deltas") == [(0,)]
    assert totals(session, COMMISSION) == (0, 20, 0, 0)
    assert LedgerService(session).roll_deltas() == 0
    assert differences() == []


@pytest.mark.usefixtures("_opened")
def test_one_account_can_be_rolled_alone_and_in_parts(session: Session, query: Any) -> None:
    for seller_id in (1, 2):
        sell(session, seller_id)
    assert LedgerService(session).roll_deltas(COMMISSION.id, limit=2) == 2
    session.commit()
    assert query("SELECT count(*) FROM ledger_deltas WHERE account_id = :id", id=COMMISSION.id) == [(1,)]
    assert query("SELECT count(*) FROM ledger_deltas WHERE account_id = :id", id=CASH.id) == [(6,)]


@pytest.mark.usefixtures("_opened")
def test_a_second_roller_leaves_the_accounts_of_the_first_alone_and_sales_go_on(
    engine: Engine, session: Session, differences: Any
) -> None:
    assert LedgerService(session).roll_deltas() == 3
    with Session(engine) as other:
        assert LedgerService(other).roll_deltas() == 0
        sell(other, 1)
        other.commit()
        assert totals(other, COMMISSION) == (0, 20, 0, 0)
    session.commit()
    assert totals(session, COMMISSION) == (0, 20, 0, 0)
    assert differences() == []


@pytest.mark.usefixtures("_opened")
def test_a_rolled_back_roller_leaves_everything_as_it_was(session: Session, query: Any) -> None:
    LedgerService(session).roll_deltas()
    session.rollback()
    assert query("SELECT count(*) FROM ledger_deltas") == [(3,)]
    assert totals(session, COMMISSION) == (0, 10, 0, 0)
