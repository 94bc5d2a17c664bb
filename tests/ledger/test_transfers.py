"""Transfers: all or nothing, once per id, never beyond what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from marketcore.exceptions import InsufficientFunds
from marketcore.ledger.accounts import AccountRef, commission, order_held, seller_payable, wallet
from marketcore.ledger.refusals import TransferDiffers
from marketcore.ledger.services import LedgerService

from .books import CASH, fund, hold, move, totals, transfer


def test_a_transfer_opens_both_accounts_and_moves_the_money(session: Session) -> None:
    account = wallet(1, "KES")
    assert transfer(session, move(CASH, account, 500)) == ["created"]
    assert totals(session, account) == (0, 500, 0, 0)
    assert totals(session, CASH) == (500, 0, 0, 0)
    balances = LedgerService(session).balances([account, CASH])
    assert {balances[account].available_minor, balances[CASH].available_minor} == {500}


def test_an_account_nobody_has_used_is_empty(session: Session) -> None:
    assert LedgerService(session).balance(wallet(404, "KES")).available_minor == 0
    assert LedgerService(session).balances([]) == {}


def test_one_owners_accounts_are_found_with_their_balances(session: Session) -> None:
    payable, own_kind = seller_payable(1, "KES"), AccountRef("user", "1", "stake", "KES", guard="credit", mode="inline")
    account = fund(session, 1, 100)
    transfer(session, move(account, payable, 30), move(account, own_kind, 20), move(CASH, wallet(2, "KES"), 1))
    found = LedgerService(session).balances_of("user", 1)
    assert {ref: balance.available_minor for ref, balance in found.items()} == {account: 50, payable: 30, own_kind: 20}


def test_no_transfers_are_no_work(session: Session) -> None:
    assert transfer(session) == []
    assert not session.in_transaction()


def test_a_sale_with_commission_nets_within_one_call(session: Session, differences: Callable[..., Any]) -> None:
    held, seller, platform = order_held(1, "KES"), seller_payable(2, "KES"), commission("KES")
    made = transfer(session, move(held, seller, 90), move(held, platform, 10), move(CASH, held, 100))
    session.commit()
    assert made == ["created"] * 3
    assert totals(session, held) == (100, 100, 0, 0)
    assert [LedgerService(session).balance(ref).available_minor for ref in (held, seller, platform)] == [0, 90, 10]
    assert differences() == []


def test_the_same_transfer_again_changes_nothing(session: Session) -> None:
    first = move(CASH, wallet(1, "KES"), 500)
    assert transfer(session, first) == ["created"]
    session.commit()
    assert transfer(session, first, move(CASH, wallet(1, "KES"), 7)) == ["exists", "created"]
    assert totals(session, wallet(1, "KES")) == (0, 507, 0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"minor": 501},
        {"credit": wallet(2, "KES")},
        {"debit": commission("KES")},
        {"code": "other"},
        {"ref_type": "other"},
        {"ref_id": "other"},
        {"kind": "pending"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_known_id_with_another_field_is_a_conflict(session: Session, changes: dict[str, Any]) -> None:
    id, fields = uuid4(), {"debit": CASH, "credit": wallet(1, "KES"), "minor": 500}
    transfer(session, move(id=id, **fields))
    session.commit()
    with pytest.raises(TransferDiffers) as refused:
        transfer(session, move(id=id, **fields | changes))
    session.rollback()
    assert refused.value.status == 409
    assert totals(session, wallet(1, "KES")) == (0, 500, 0, 0)


def test_two_transfers_of_one_call_may_not_share_an_id(session: Session) -> None:
    one = move(CASH, wallet(1, "KES"), 500)
    with pytest.raises(ValueError, match="same id"):
        transfer(session, one, one)


@pytest.mark.parametrize("make", [move, hold], ids=["a payment", "a hold"])
def test_spending_more_than_is_there_is_refused_with_what_was_needed(session: Session, make: Any) -> None:
    account = fund(session, 1, 100)
    session.commit()
    with pytest.raises(InsufficientFunds, match=r"wallet balance does not cover 1\.01 KES") as refused:
        transfer(session, make(account, commission("KES"), 60), make(account, seller_payable(2, "KES"), 41))
    session.rollback()
    assert refused.value.extra == {"account": "wallet", "needed": "1.01", "currency": "KES"}
    assert totals(session, account) == (0, 100, 0, 0)


def test_the_last_unit_can_be_spent(session: Session) -> None:
    account = fund(session, 1, 100)
    assert transfer(session, move(account, commission("KES"), 100)) == ["created"]
    assert LedgerService(session).balance(account).available_minor == 0


def test_a_debit_guarded_account_protects_its_debit_side(session: Session) -> None:
    stock = AccountRef("job", "1", "credits", "KES", guard="debit", mode="inline")
    transfer(session, move(stock, commission("KES"), 10))
    session.commit()
    with pytest.raises(InsufficientFunds) as refused:
        transfer(session, move(commission("KES"), stock, 11))
    session.rollback()
    assert refused.value.extra["needed"] == "0.11"
    assert LedgerService(session).balance(stock).available_minor == 10


def test_a_caller_that_swallows_a_refusal_cannot_commit_half_of_it(session: Session, query: Any) -> None:
    account = fund(session, 1, 100)
    session.commit()
    with pytest.raises(InsufficientFunds):
        transfer(session, move(account, commission("KES"), 101))
    with pytest.raises(DBAPIError, match="aborted"):
        transfer(session, move(CASH, account, 1))
    session.commit()
    assert query("SELECT count(*) FROM ledger_transfers")[0][0] == 1


def test_a_refusal_within_a_savepoint_leaves_the_rest_of_the_transaction(
    session: Session, differences: Callable[..., Any]
) -> None:
    account = fund(session, 1, 100)
    with pytest.raises(InsufficientFunds), session.begin_nested():
        transfer(session, move(account, commission("KES"), 101))
    transfer(session, move(account, commission("KES"), 99))
    session.commit()
    assert LedgerService(session).balance(account).available_minor == 1
    assert differences() == []


def test_an_account_kept_in_another_way_than_the_program_says_stops_the_transfer(session: Session, query: Any) -> None:
    account = fund(session, 1, 100)
    session.commit()
    query("UPDATE ledger_accounts SET guard = 'none' WHERE id = :id", id=account.id)
    with pytest.raises(ValueError, match="is kept as"):
        transfer(session, move(CASH, account, 1))


def test_locked_balances_stay_true_until_the_end_of_the_transaction(engine: Engine, session: Session) -> None:
    account = fund(session, 1, 100)
    session.commit()
    locked = LedgerService(session).lock([account, CASH])
    assert (locked[account].available_minor, locked[CASH].available_minor) == (100, 100)
    with Session(engine) as other:
        other.connection().exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(DBAPIError, match="lock timeout"):
            transfer(other, move(account, commission("KES"), 1))
    assert transfer(session, move(account, commission("KES"), 100)) == ["created"]


def test_a_transfer_takes_at_most_three_statements(engine: Engine, session: Session) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    transfer(session, move(CASH, wallet(1, "KES"), 1))
    assert len(statements) <= 3


def test_a_statement_lists_one_things_transfers_in_order_with_what_the_accounts_are_for(session: Session) -> None:
    held = order_held(42, "KES")
    order = {"ref_type": "order", "ref_id": "42"}
    sale = move(CASH, held, 10_000, code="sale", **order)
    transfer(session, sale, move(CASH, wallet(9, "KES"), 1))
    transfer(session, move(held, seller_payable(7, "KES"), 9_000, code="release", **order))
    lines = LedgerService(session).statement("order", "42")
    assert [(line.code, line.debit_purpose, line.credit_purpose, str(line.amount)) for line in lines] == [
        ("sale", "clearing", "held", "100.00 KES"),
        ("release", "held", "seller_payable", "90.00 KES"),
    ]
    assert (lines[0].id, lines[0].debit_owner, lines[1].credit_owner) == (sale.id, "provider:mpesa", "user:7")


def test_an_accounts_history_comes_newest_first_and_in_pages(session: Session) -> None:
    account = wallet(1, "KES")
    transfer(session, *(move(CASH, account, minor) for minor in (1, 2, 3)))
    ledger = LedgerService(session)
    page = ledger.history(account, limit=2)
    assert [line.amount.minor for line in page] == [3, 2]
    assert [line.amount.minor for line in ledger.history(account, before=page[-1].seq)] == [1]


def test_the_largest_amount_is_exact_and_a_total_beyond_64_bits_is_refused(session: Session) -> None:
    most = 2**63 - 1
    account = fund(session, 1, most)
    session.commit()
    assert LedgerService(session).balance(account).available_minor == most
    with pytest.raises(DBAPIError, match="out of range"):
        fund(session, 1, 1)
