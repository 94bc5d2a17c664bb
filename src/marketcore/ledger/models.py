"""The double-entry ledger: one row is one transfer, one debit and one credit of the same amount.

The shape (pending transfers that are posted or voided exactly once, ids made by the caller) follows TigerBeetle's.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Minor, Moment


class LedgerAccount(Base):
    """A balance in one currency.

    ``guard`` says which side may never be overdrawn: ``credit`` (credits >= debits, money we owe) or ``debit``.
    ``deferred`` accounts are hot and unguarded: transfers leave a delta row instead of touching this one.
    """

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        UniqueConstraint("owner_type", "owner_id", "purpose", "currency"),
        UniqueConstraint("id", "currency"),
        CheckConstraint("guard IN ('none','credit','debit')", name="guard_known"),
        CheckConstraint("mode IN ('inline','deferred')", name="mode_known"),
        CheckConstraint("guard = 'none' OR mode = 'inline'", name="guarded_is_inline"),
        CheckConstraint(
            "debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0",
            name="not_negative",
        ),
        CheckConstraint("guard <> 'credit' OR credits_posted >= debits_posted + debits_pending", name="credit_guard"),
        CheckConstraint("guard <> 'debit' OR debits_posted >= credits_posted + credits_pending", name="debit_guard"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_type: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[str] = mapped_column(String(60))
    purpose: Mapped[str] = mapped_column(String(40))
    currency: Mapped[Currency]
    guard: Mapped[str] = mapped_column(String(6))
    mode: Mapped[str] = mapped_column(String(8))
    debits_posted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    credits_posted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    debits_pending: Mapped[int] = mapped_column(BigInteger, server_default="0")
    credits_pending: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[CreatedAt]


class LedgerTransfer(Base):
    """One immutable movement. ``post`` and ``void`` resolve the ``pending`` transfer they name, exactly once."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        CheckConstraint("kind IN ('single','pending','post','void')", name="kind_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        CheckConstraint("(kind IN ('post','void')) = (pending_id IS NOT NULL)", name="resolution_names_pending"),
        ForeignKeyConstraint(["debit_id", "currency"], ["ledger_accounts.id", "ledger_accounts.currency"]),
        ForeignKeyConstraint(["credit_id", "currency"], ["ledger_accounts.id", "ledger_accounts.currency"]),
        Index(
            "uq_ledger_transfers_one_resolution",
            "pending_id",
            unique=True,
            postgresql_where=text("kind IN ('post','void')"),
        ),
        Index("ix_ledger_transfers_ref", "ref_type", "ref_id"),
        Index("ix_ledger_transfers_debit_id", "debit_id"),
        Index("ix_ledger_transfers_credit_id", "credit_id"),
        Index("ix_ledger_transfers_expires_at", "expires_at", postgresql_where=text("kind = 'pending'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    event_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(8))
    pending_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_transfers.id"))
    debit_id: Mapped[UUID]
    credit_id: Mapped[UUID]
    currency: Mapped[Currency]
    amount: Mapped[Minor]
    code: Mapped[str] = mapped_column(String(40))
    ref_type: Mapped[str] = mapped_column(String(20))
    ref_id: Mapped[str] = mapped_column(String(60))
    expires_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class LedgerDelta(Base):
    """What a transfer changes on a ``deferred`` account, until the roller folds it into the account's row."""

    __tablename__ = "ledger_deltas"

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_transfers.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_accounts.id"), primary_key=True, index=True)
    debits_posted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    credits_posted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    debits_pending: Mapped[int] = mapped_column(BigInteger, server_default="0")
    credits_pending: Mapped[int] = mapped_column(BigInteger, server_default="0")
