"""History cannot be rewritten, nor amounts smuggled in, by anybody who only has SQL."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from marketcore.db import clock, migrate
from marketcore.db.session import make_engine
from marketcore.ledger.accounts import commission, provider_clearing, seller_payable, wallet
from marketcore.testing.databases import database_from

from .books import CASH, fund, hold, move, totals, transfer

COLUMNS = "id, event_id, kind, debit_id, credit_id, currency, amount, code, ref_type, ref_id"
NOBODYS = UUID("00000000-0000-4000-8000-000000000001")
INSERT = """
INSERT INTO ledger_transfers
    (id, event_id, kind, pending_id, debit_id, credit_id, currency, amount, code, ref_type, ref_id)
VALUES (:id, :id, :kind, :pending_id, :debit_id, :credit_id, :currency, :amount, 'x', 'x', 'x')
"""

ROOT = Path(__file__).parents[2]
EVERY_COLUMN = "SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public'"


@pytest.fixture
def buyer(session: Session) -> Any:
    account = fund(session, 1, 100)
    session.commit()
    return account


@pytest.fixture
def held(session: Session, buyer: Any) -> UUID:
    pending = hold(buyer, seller_payable(2, "KES"), 50)
    transfer(session, pending)
    session.commit()
    return pending.id


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfers SET amount = amount + 1",
        "UPDATE ledger_transfers SET code = code WHERE false",
        "DELETE FROM ledger_transfers",
        "DELETE FROM ledger_transfers WHERE false",
        "TRUNCATE ledger_transfers CASCADE",
        "TRUNCATE ledger_accounts CASCADE",
        "TRUNCATE ledger_transfers, users CASCADE",
        f"INSERT INTO ledger_transfers ({COLUMNS}) SELECT {COLUMNS}"
        " FROM ledger_transfers ON CONFLICT (id) DO UPDATE SET amount = 1",
        "MERGE INTO ledger_transfers t USING ledger_transfers s ON t.id = s.id WHEN MATCHED THEN DELETE",
        "UPDATE ledger_deltas SET debits_posted = 0",
        "TRUNCATE ledger_deltas",
    ],
)
def test_every_way_to_change_the_past_is_refused(engine: Engine, buyer: Any, query: Any, statement: str) -> None:
    with (
        pytest.raises(DBAPIError, match="write a transfer that corrects it") as refused,
        engine.begin() as connection,
    ):
        connection.execute(text(statement))
    assert refused.value.orig.sqlstate == "ML004"  # type: ignore[union-attr]
    assert query("SELECT count(*), sum(amount) FROM ledger_transfers") == [(1, 100)]


def test_an_account_that_has_seen_money_cannot_be_deleted(engine: Engine, buyer: Any) -> None:
    with pytest.raises(DBAPIError, match="foreign key"), engine.begin() as connection:
        connection.execute(text("DELETE FROM ledger_accounts WHERE id = :id"), {"id": buyer.id})


def test_deleting_deltas_by_hand_folds_them_so_nothing_is_lost(session: Session, buyer: Any, query: Any) -> None:
    query("DELETE FROM ledger_deltas")
    assert totals(session, CASH) == (100, 0, 0, 0)
    assert query("SELECT debits_posted FROM ledger_accounts WHERE id = :id", id=CASH.id) == [(100,)]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 2**63},
        {"amount": "NaN"},
        {"amount": None},
        {"kind": "gift"},
        {"kind": "single", "pending_id": "hold"},
        {"kind": "post"},
        {"kind": "void"},
        {"credit_id": wallet(1, "KES").id},
        {"credit_id": NOBODYS},
        {"currency": "INR"},
    ],
    ids=str,
)
def test_the_database_refuses_a_malformed_transfer(query: Any, held: UUID, changes: dict[str, Any]) -> None:
    row = {
        "id": uuid4(),
        "kind": "single",
        "pending_id": None,
        "debit_id": wallet(1, "KES").id,
        "credit_id": seller_payable(2, "KES").id,
        "currency": "KES",
        "amount": 1,
    }
    with pytest.raises(DBAPIError):
        query(INSERT, **row | changes | ({"pending_id": held} if "pending_id" in changes else {}))
    query(INSERT, **row)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 51},
        {"kind": "void", "amount": 49},
        {"debit_id": CASH.id},
        {"credit_id": commission("KES").id},
        {"debit_id": seller_payable(2, "KES").id, "credit_id": wallet(1, "KES").id},
        {"pending_id": NOBODYS},
    ],
    ids=str,
)
def test_the_database_refuses_an_end_that_does_not_fit_its_hold(
    session: Session, query: Any, held: UUID, changes: dict[str, Any]
) -> None:
    transfer(session, hold(CASH, commission("KES"), 1))
    session.commit()
    row = {
        "id": uuid4(),
        "kind": "post",
        "pending_id": held,
        "debit_id": wallet(1, "KES").id,
        "credit_id": seller_payable(2, "KES").id,
        "currency": "KES",
        "amount": 50,
    }
    with pytest.raises(DBAPIError):
        query(INSERT, **row | changes)
    query(INSERT, **row)


def test_the_database_refuses_to_end_an_end_a_second_time_or_too_late(session: Session, query: Any, buyer: Any) -> None:
    expired = hold(buyer, seller_payable(2, "KES"), 5, clock.now(session) - timedelta(seconds=1))
    open_hold = hold(buyer, seller_payable(2, "KES"), 5)
    transfer(session, expired, open_hold)
    session.commit()
    row = {"debit_id": buyer.id, "credit_id": seller_payable(2, "KES").id, "currency": "KES", "amount": 5}
    with pytest.raises(DBAPIError, match="expired at"):
        query(INSERT, id=uuid4(), kind="post", pending_id=expired.id, **row)
    posted = uuid4()
    query(INSERT, id=posted, kind="post", pending_id=open_hold.id, **row)
    with pytest.raises(DBAPIError, match="one_resolution"):
        query(INSERT, id=uuid4(), kind="void", pending_id=open_hold.id, **row)
    with pytest.raises(DBAPIError, match="does not match a hold"):
        query(INSERT, id=uuid4(), kind="void", pending_id=posted, **row)


@pytest.mark.parametrize(
    "change",
    [
        "debits_posted = credits_posted + 1",
        "debits_pending = credits_posted + 1",
        "credits_posted = -1",
        "guard = 'debit'",
        "mode = 'deferred'",
    ],
)
def test_the_database_refuses_an_overdrawn_account(query: Any, buyer: Any, change: str) -> None:
    with pytest.raises(DBAPIError):
        query(f"UPDATE ledger_accounts SET {change} WHERE id = :id", id=buyer.id)


def test_no_column_of_any_table_is_a_floating_point_number(servers: Any, templates: Any) -> None:
    every = tuple(sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml")))
    with database_from(servers[0], templates(*every)) as url:
        engine = make_engine(url, pool_size=1)
        try:
            with engine.begin() as connection:
                columns = connection.execute(text(EVERY_COLUMN)).all()
        finally:
            engine.dispose()
    assert len(columns) > 200
    assert [tuple(column) for column in columns if column.udt_name.lstrip("_") in ("float4", "float8", "money")] == []


@pytest.mark.parametrize("currency", ["KES", "INR"])
@pytest.mark.parametrize("pair", [("KES", "INR"), ("INR", "KES")], ids=" to ".join)
def test_no_transfer_joins_accounts_of_two_currencies(
    session: Session, query: Any, pair: tuple[str, str], currency: str
) -> None:
    for each in ("KES", "INR"):
        transfer(session, move(provider_clearing("mpesa", each), wallet(1, each), 100))
        transfer(session, move(provider_clearing("mpesa", each), seller_payable(2, each), 100))
    session.commit()
    row = {"id": uuid4(), "kind": "single", "pending_id": None, "amount": 1, "currency": currency}
    row |= {"debit_id": wallet(1, pair[0]).id, "credit_id": seller_payable(2, pair[1]).id}
    with pytest.raises(DBAPIError, match="currency"):
        query(INSERT, **row)
    with pytest.raises(DBAPIError, match="currency"):
        query("UPDATE ledger_accounts SET currency = 'USD' WHERE id = :id", id=wallet(1, "KES").id)


def test_the_guards_can_be_taken_away_and_put_back_by_migration(
    database_url: str, session: Session, buyer: Any, query: Any
) -> None:
    session.close()
    migrate.downgrade(database_url, "core_0002", {})
    query("UPDATE ledger_transfers SET code = 'changed'")
    migrate.upgrade(database_url, [], {})
    with pytest.raises(DBAPIError, match="write a transfer that corrects it"):
        query("UPDATE ledger_transfers SET code = 'changed again'")
