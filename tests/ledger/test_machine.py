"""Any sequence of the trade's effects leaves the ledger exactly where a model in plain Python says."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from marketcore.db import clock
from marketcore.exceptions import MarketError
from marketcore.ledger.accounts import AccountRef, commission, order_held, seller_debt, seller_payable, wallet
from marketcore.ledger.checks import LEDGER
from marketcore.ledger.refusals import TransferDiffers
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.ledger.verify import verify
from marketcore.money import commission as share_of

from .books import CASH, move
from .model import Model

LONG = bool(os.environ.get("MARKETCORE_LONG"))
SEQUENCES = settings(
    max_examples=10_000 if LONG else 200,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TRAVEL = text("SELECT set_config('marketcore.clock_shift', :shift, true)")
OPTIONAL_HOURS = st.none() | st.integers(1, 5)

wallets = st.sampled_from([wallet(1, "KES"), wallet(2, "KES")])
orders = st.sampled_from([order_held(1, "KES"), order_held(2, "KES")])
sellers = st.sampled_from([3, 4])
minors = st.integers(1, 60)


class Books(RuleBasedStateMachine):
    """One sequence in one transaction that is rolled back, so that sequences cannot meet."""

    holds: Bundle[UUID] = Bundle("holds")

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.session = Session(engine)
        self.ledger = LedgerService(self.session)
        self.model = Model()
        self.began: datetime = clock.now(self.session)
        self.made: list[Transfer] = []

    def carry_out(self, refusal: type[MarketError] | None, call: Callable[[], Any]) -> Any:
        """Make the call; it must be refused exactly as the model was."""
        if refusal is None:
            return call()
        with pytest.raises(refusal) as refused, self.session.begin_nested():
            call()
        assert type(refused.value) is refusal
        return None

    def make(self, *transfers: Transfer, hours: float | None = None) -> bool:
        refusal = self.model.transfer(transfers, hours)
        written = self.carry_out(refusal, lambda: self.ledger.transfer(transfers, event_id=uuid4()))
        if refusal is None:
            assert written == ["created"] * len(transfers)
            self.made.extend(transfers)
        return refusal is None

    def reserve(self, debit: AccountRef, credit: AccountRef, minor: int, hours: int | None) -> Any:
        # Half an hour in: whole hours of travelling stay clear of the seconds that the test itself takes.
        lasting = None if hours is None else hours - 0.5
        expires = None if lasting is None else self.began + timedelta(hours=self.model.hour + lasting)
        made = move(debit, credit, minor, kind="pending", expires_at=expires)
        return made.id if self.make(made, hours=lasting) else multiple()

    @rule(account=wallets, minor=minors)
    def charge(self, account: AccountRef, minor: int) -> None:
        assert self.make(move(CASH, account, minor))

    @rule(account=wallets, order=orders, minor=minors)
    def pay_for_an_order(self, account: AccountRef, order: AccountRef, minor: int) -> None:
        self.make(move(account, order, minor))

    @rule(order=orders, seller=sellers, basis_points=st.integers(0, 10_000))
    def complete_an_order(self, order: AccountRef, seller: int, basis_points: int) -> None:
        held = self.model.spendable(order)
        fee = share_of(held, basis_points)
        parts = [(seller_payable(seller, "KES"), held - fee), (commission("KES"), fee)]
        self.make(*(move(order, credit, minor) for credit, minor in parts if minor))

    @rule(account=wallets, order=orders, minor=minors)
    def refund(self, account: AccountRef, order: AccountRef, minor: int) -> None:
        self.make(move(order, account, minor))

    @rule(seller=sellers, minor=minors)
    def charge_back(self, seller: int, minor: int) -> None:
        """A dispute is lost: first what the seller is owed, the rest as debt."""
        payable = seller_payable(seller, "KES")
        owed = min(minor, max(self.model.spendable(payable), 0))
        parts = [(payable, owed), (seller_debt(seller, "KES"), minor - owed)]
        assert self.make(*(move(debit, CASH, part) for debit, part in parts if part))

    @rule(seller=sellers, minor=minors)
    def pay_out(self, seller: int, minor: int) -> None:
        self.make(move(seller_payable(seller, "KES"), CASH, minor))

    @rule(target=holds, account=wallets, seller=sellers, minor=minors, hours=OPTIONAL_HOURS)
    def hold(self, account: AccountRef, seller: int, minor: int, hours: int | None) -> UUID | MultipleResults[UUID]:
        return self.reserve(account, seller_payable(seller, "KES"), minor, hours)

    @rule(target=holds, seller=sellers, minor=minors, hours=OPTIONAL_HOURS)
    def begin_a_payout(self, seller: int, minor: int, hours: int | None) -> UUID | MultipleResults[UUID]:
        return self.reserve(seller_payable(seller, "KES"), CASH, minor, hours)

    @rule(target=holds, minor=minors, hours=OPTIONAL_HOURS)
    def announce_income(self, minor: int, hours: int | None) -> UUID | MultipleResults[UUID]:
        return self.reserve(CASH, commission("KES"), minor, hours)

    @rule(id=holds, minor=minors)
    def post_part(self, id: UUID, minor: int) -> None:
        refusal = self.model.post(id, minor)
        self.carry_out(refusal, lambda: self.ledger.post(id, minor, id=uuid4(), event_id=uuid4()))

    @rule(id=holds)
    def post_all(self, id: UUID) -> None:
        refusal = self.model.post(id, self.model.holds[id].transfer.minor)
        self.carry_out(refusal, lambda: self.ledger.post(id, id=uuid4(), event_id=uuid4()))

    @rule(id=holds)
    def void(self, id: UUID) -> None:
        refusal = self.model.void(id)
        self.carry_out(refusal, lambda: self.ledger.void(id, id=uuid4(), event_id=uuid4()))

    @rule(hours=st.integers(1, 3))
    def let_time_pass(self, hours: int) -> None:
        self.model.hour += hours
        self.session.execute(TRAVEL, {"shift": f"{self.model.hour} hours"})

    @rule(limit=st.integers(1, 5))
    def expire(self, limit: int) -> None:
        assert self.ledger.void_expired(limit) == self.model.sweep(limit)

    @rule(limit=st.integers(1, 20))
    def roll(self, limit: int) -> None:
        assert self.ledger.roll_deltas(limit=limit) <= limit

    @rule(index=st.integers(0, 1_000), more=st.integers(0, 1))
    def repeat(self, index: int, more: int) -> None:
        """Send an earlier transfer again, as it was or with another amount."""
        if self.made:
            old = self.made[index % len(self.made)]
            again = move(old.debit, old.credit, old.minor + more, old.id, kind=old.kind)
            refusal = TransferDiffers if more else None
            written = self.carry_out(refusal, lambda: self.ledger.transfer([again], event_id=uuid4()))
            assert written == (None if more else ["exists"])

    @invariant()
    def every_balance_is_the_models(self) -> None:
        found = self.ledger.balances(self.model.totals)
        totals = {
            account: (b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending)
            for account, b in found.items()
        }
        assert totals == dict(self.model.totals)

    def teardown(self) -> None:
        try:
            assert verify(self.session.connection(), LEDGER) == []
        finally:
            self.session.close()


@pytest.mark.timeout(7200 if LONG else 240)
def test_the_ledger_agrees_with_the_model_after_every_step(engine: Engine) -> None:
    run_state_machine_as_test(lambda: Books(engine), settings=SEQUENCES)
