"""Holds: money set aside, then used or given back, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.db import clock
from marketcore.exceptions import Conflict, InsufficientFunds, NotFound
from marketcore.ledger.accounts import AccountRef, commission, seller_payable
from marketcore.ledger.refusals import AlreadyPosted, AlreadyVoided, ExceedsHold, HoldExpired, TransferDiffers
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer

from .books import CASH, fund, hold, move, totals, transfer

SELLER = seller_payable(2, "KES")


@pytest.fixture
def ledger(session: Session) -> LedgerService:
    return LedgerService(session)


@pytest.fixture
def buyer(session: Session) -> AccountRef:
    return fund(session, 1, 100)


def reserve(session: Session, buyer: AccountRef, minor: int, expires_at: datetime | None = None) -> Transfer:
    made = hold(buyer, SELLER, minor, expires_at)
    transfer(session, made)
    session.commit()
    return made


def travel(session: Session, seconds: int) -> None:
    """Move this session's database clock."""
    session.execute(text("SELECT set_config('marketcore.clock_shift', :shift, false)"), {"shift": f"{seconds} seconds"})


def test_a_hold_takes_money_out_of_reach_without_moving_it(
    session: Session, ledger: LedgerService, buyer: AccountRef
) -> None:
    reserve(session, buyer, 70)
    assert totals(session, buyer) == (0, 100, 70, 0)
    assert totals(session, SELLER) == (0, 0, 0, 70)
    assert (ledger.balance(buyer).available_minor, ledger.balance(SELLER).available_minor) == (30, 0)
    with pytest.raises(InsufficientFunds):
        transfer(session, move(buyer, commission("KES"), 31))


def test_posting_part_of_a_hold_frees_the_rest(
    session: Session, ledger: LedgerService, buyer: AccountRef, differences: Callable[..., Any]
) -> None:
    held = reserve(session, buyer, 70)
    assert ledger.post(held.id, 50, id=uuid4(), event_id=uuid4()) == "created"
    session.commit()
    assert totals(session, buyer) == (50, 100, 0, 0)
    assert totals(session, SELLER) == (0, 50, 0, 0)
    assert differences() == []


def test_posting_without_an_amount_uses_the_whole_hold(
    session: Session, ledger: LedgerService, buyer: AccountRef
) -> None:
    held = reserve(session, buyer, 70)
    ledger.post(held.id, id=uuid4(), event_id=uuid4())
    assert totals(session, SELLER) == (0, 70, 0, 0)


def test_a_voided_hold_is_as_if_it_had_never_been(
    session: Session, ledger: LedgerService, buyer: AccountRef, differences: Callable[..., Any]
) -> None:
    held = reserve(session, buyer, 70)
    assert ledger.void(held.id, id=uuid4(), event_id=uuid4()) == "created"
    session.commit()
    assert (totals(session, buyer), totals(session, SELLER)) == ((0, 100, 0, 0), (0, 0, 0, 0))
    assert differences() == []


@pytest.mark.parametrize(("first", "refusal"), [("post", AlreadyPosted), ("void", AlreadyVoided)])
@pytest.mark.parametrize("second", ["post", "void"])
def test_a_hold_ends_once_and_the_second_end_says_how(
    session: Session, ledger: LedgerService, buyer: AccountRef, first: str, refusal: type[Conflict], second: str
) -> None:
    held = reserve(session, buyer, 70)
    getattr(ledger, first)(held.id, id=uuid4(), event_id=uuid4())
    session.commit()
    before = totals(session, buyer)
    with pytest.raises(refusal) as refused:
        getattr(ledger, second)(held.id, id=uuid4(), event_id=uuid4())
    assert refused.value.status == 409
    assert totals(session, buyer) == before


@pytest.mark.parametrize("end", ["post", "void"])
def test_the_same_end_again_exists(session: Session, ledger: LedgerService, buyer: AccountRef, end: str) -> None:
    held, id = reserve(session, buyer, 70), uuid4()
    written = [getattr(ledger, end)(held.id, id=id, event_id=uuid4()) for _ in range(2)]
    assert written == ["created", "exists"]


def test_the_same_end_again_exists_even_after_the_hold_would_have_expired(
    session: Session, ledger: LedgerService, buyer: AccountRef
) -> None:
    held, id = reserve(session, buyer, 70, clock.now(session) + timedelta(seconds=60)), uuid4()
    ledger.post(held.id, id=id, event_id=uuid4())
    session.commit()
    travel(session, 61)
    assert ledger.post(held.id, id=id, event_id=uuid4()) == "exists"


def test_the_same_id_for_another_end_is_a_conflict(session: Session, ledger: LedgerService, buyer: AccountRef) -> None:
    held, other, id = reserve(session, buyer, 70), reserve(session, buyer, 30), uuid4()
    ledger.post(held.id, 50, id=id, event_id=uuid4())
    for attempt in (
        lambda: ledger.post(held.id, 51, id=id, event_id=uuid4()),
        lambda: ledger.void(held.id, id=id, event_id=uuid4()),
        lambda: ledger.post(other.id, 30, id=id, event_id=uuid4()),
    ):
        with pytest.raises(TransferDiffers):
            attempt()


def test_posting_more_than_was_held_is_refused(session: Session, ledger: LedgerService, buyer: AccountRef) -> None:
    held = reserve(session, buyer, 70)
    with pytest.raises(ExceedsHold, match="71"):
        ledger.post(held.id, 71, id=uuid4(), event_id=uuid4())
    session.rollback()
    assert totals(session, buyer) == (0, 100, 70, 0)


@pytest.mark.parametrize("minor", [0, -1, 1.0, True, "5"])
def test_posting_anything_but_whole_units_is_refused(
    session: Session, ledger: LedgerService, buyer: AccountRef, minor: Any
) -> None:
    held = reserve(session, buyer, 70)
    with pytest.raises(ValueError, match="whole minor units"):
        ledger.post(held.id, minor, id=uuid4(), event_id=uuid4())


def test_what_is_not_a_hold_cannot_be_resolved(session: Session, ledger: LedgerService) -> None:
    payment = move(CASH, SELLER, 5)
    transfer(session, payment)
    for id in (payment.id, uuid4()):
        with pytest.raises(NotFound, match=str(id)):
            ledger.post(id, id=uuid4(), event_id=uuid4())


def test_an_expired_hold_cannot_be_posted_but_can_be_voided(
    session: Session, ledger: LedgerService, buyer: AccountRef
) -> None:
    held = reserve(session, buyer, 70, clock.now(session) + timedelta(seconds=60))
    travel(session, 61)
    session.commit()
    with pytest.raises(HoldExpired) as refused:
        ledger.post(held.id, id=uuid4(), event_id=uuid4())
    session.rollback()
    assert refused.value.status == 409
    assert ledger.void(held.id, id=uuid4(), event_id=uuid4()) == "created"


def test_the_sweeper_gives_back_expired_holds_only_and_each_once(
    session: Session, ledger: LedgerService, buyer: AccountRef, differences: Callable[..., Any]
) -> None:
    soon, later = clock.now(session) + timedelta(seconds=60), clock.now(session) + timedelta(hours=2)
    expired = [reserve(session, buyer, minor, soon) for minor in (1, 2, 4)]
    reserve(session, buyer, 8, later)
    reserve(session, buyer, 16)
    ledger.post(expired[2].id, id=uuid4(), event_id=uuid4())
    assert ledger.void_expired() == 0
    travel(session, 61)
    assert [ledger.void_expired(1), ledger.void_expired(1), ledger.void_expired(1)] == [1, 1, 0]
    session.commit()
    assert ledger.balance(buyer).reserved_minor == 24
    with pytest.raises(AlreadyVoided):
        ledger.post(expired[0].id, id=uuid4(), event_id=uuid4())
    session.rollback()
    assert differences() == []


def test_the_frequent_sweep_looks_back_a_little_and_the_rare_one_all_the_way(
    session: Session, ledger: LedgerService, buyer: AccountRef
) -> None:
    reserve(session, buyer, 5, clock.now(session) + timedelta(seconds=60))
    travel(session, 3 * 3600)
    assert ledger.void_expired(since=timedelta(hours=1)) == 0
    assert ledger.void_expired() == 1


def test_holds_between_deferred_accounts_are_exact_before_and_after_rolling(
    session: Session, ledger: LedgerService, differences: Callable[..., Any]
) -> None:
    holds = [hold(CASH, commission("KES"), 10) for _ in range(6)]
    transfer(session, *holds)
    for held in holds[:4]:
        ledger.post(held.id, 7, id=uuid4(), event_id=uuid4())
    ledger.void(holds[4].id, id=uuid4(), event_id=uuid4())
    session.commit()
    while ledger.roll_deltas(limit=1):
        assert totals(session, CASH) == (28, 0, 10, 0)
        assert totals(session, commission("KES")) == (0, 28, 0, 10)
    session.commit()
    assert differences() == []
