"""Payouts and where they go."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Minor, Moment


class PayoutDestination(Base):
    """Where a person is paid: the validated details, the provider's own name of it, and whether it can be used."""

    __tablename__ = "payout_destinations"
    __table_args__ = (CheckConstraint("state IN ('pending','active','rejected','removed')", name="state_known"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    provider: Mapped[str] = mapped_column(String(30))
    label: Mapped[str] = mapped_column(String(100), server_default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    provider_reference: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(200), server_default="")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class Payout(Base):
    """One amount on its way to a person: reserved in the ledger (``hold``) from the request until it has left."""

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("source IN ('earnings','wallet')", name="source_known"),
        UniqueConstraint("provider", "provider_reference"),
        Index("ix_payouts_user_id_created_at", "user_id", "created_at"),
        Index("ix_payouts_next_check_at", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    destination_id: Mapped[UUID] = mapped_column(ForeignKey("payout_destinations.id"))
    provider: Mapped[str] = mapped_column(String(30))
    source: Mapped[str] = mapped_column(String(10))
    currency: Mapped[Currency]
    amount_minor: Mapped[Minor]
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(200), server_default="")
    failure: Mapped[str] = mapped_column(String(60), server_default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    provider_reference: Mapped[str | None] = mapped_column(String(200))
    provider_receipt: Mapped[str | None] = mapped_column(String(200))
    checks: Mapped[int] = mapped_column(server_default="0")
    next_check_at: Mapped[Moment | None]
    lease_until: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
