"""What the ledger is told and what it answers: transfers, balances, lines of a statement. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from marketcore.ledger.accounts import AccountRef
from marketcore.money import Money

Written = Literal["created", "exists"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move ``minor`` units from the credit of ``debit`` to the credit of ``credit``: one debit, one credit.

    ``id`` comes from the business effect (``business_id``). A ``pending`` transfer only reserves, until it is
    posted, voided or ``expires_at`` (an aware time, by the database's clock) has passed. ``ref_type`` and
    ``ref_id`` say what it belongs to (``"order"``, ``"42"``). ``TypeError`` or ``ValueError`` says what is wrong.
    """

    id: UUID
    debit: AccountRef
    credit: AccountRef
    minor: int
    code: str
    ref_type: str
    ref_id: str
    kind: Literal["single", "pending"] = "single"
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.amount.minor < 1:
            raise ValueError(f"transfer {self.code!r} of {self.minor} minor units: the amount must be at least 1")
        if self.debit.currency != self.credit.currency:
            raise ValueError(f"transfer {self.code!r} links {self.debit.currency} with {self.credit.currency}")
        if self.debit.id == self.credit.id:
            raise ValueError(f"transfer {self.code!r} would move money from {self.debit} to itself")
        if self.kind not in ("single", "pending"):
            raise ValueError(f"transfer {self.code!r} is {self.kind!r}: use 'single' or 'pending'")
        _check_expiry(self)

    @property
    def amount(self) -> Money:
        """The amount as money."""
        return Money(self.minor, self.debit.currency)


def _check_expiry(transfer: Transfer) -> None:
    if transfer.expires_at is None:
        return
    if transfer.kind != "pending":
        raise ValueError(f"transfer {transfer.code!r} is final and cannot expire: leave expires_at out")
    if transfer.expires_at.tzinfo is None:
        raise ValueError(f"transfer {transfer.code!r} expires at {transfer.expires_at}, which has no time zone")


@dataclass(frozen=True, slots=True)
class Leg:
    """What one transfer adds to the four totals of one account, in minor units."""

    transfer_id: UUID
    account_id: UUID
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0


def legs_of(id: UUID, debit_id: UUID, credit_id: UUID, posted: int, pending: int) -> tuple[Leg, Leg]:
    """Return both legs of a transfer that adds ``posted`` and ``pending`` (which may be negative) to each side."""
    return (
        Leg(id, debit_id, debits_posted=posted, debits_pending=pending),
        Leg(id, credit_id, credits_posted=posted, credits_pending=pending),
    )


def legs(transfer: Transfer) -> tuple[Leg, Leg]:
    """Return what a new transfer does to its two accounts."""
    posted, pending = (transfer.minor, 0) if transfer.kind == "single" else (0, transfer.minor)
    return legs_of(transfer.id, transfer.debit.id, transfer.credit.id, posted, pending)


def demand(account: AccountRef, legs: Iterable[Leg]) -> int:
    """Return how many minor units ``legs`` together want to take from the guarded side of ``account``."""
    mine = [leg for leg in legs if leg.account_id == account.id]
    debits = sum(leg.debits_posted + leg.debits_pending for leg in mine) - sum(leg.credits_posted for leg in mine)
    credits = sum(leg.credits_posted + leg.credits_pending for leg in mine) - sum(leg.debits_posted for leg in mine)
    return credits if account.guard == "debit" else debits


@dataclass(frozen=True, slots=True)
class Balance:
    """The four totals of an account in minor units; ``normal`` is the side on which it usually stands."""

    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0
    normal: str = "credit"

    @property
    def posted_minor(self) -> int:
        """What stands on the normal side, reservations not considered."""
        net = self.credits_posted - self.debits_posted
        return net if self.normal == "credit" else -net

    @property
    def reserved_minor(self) -> int:
        """How much of it open holds have reserved."""
        return self.debits_pending if self.normal == "credit" else self.credits_pending

    @property
    def available_minor(self) -> int:
        """What can still be spent or reserved."""
        return self.posted_minor - self.reserved_minor


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer as a person reads it. ``seq`` grows with time and is the key of pages."""

    seq: int
    id: UUID
    event_id: UUID
    kind: str
    pending_id: UUID | None
    amount: Money
    code: str
    ref_type: str
    ref_id: str
    debit_purpose: str
    debit_owner: str
    credit_purpose: str
    credit_owner: str
    expires_at: datetime | None
    created_at: datetime


def entry(row: Any) -> Entry:
    """Return the line for a row of ``sql.STATEMENT`` or ``sql.HISTORY``."""
    values = dict(row)
    money = Money(values.pop("minor"), values.pop("currency"))
    return Entry(amount=money, **values)
