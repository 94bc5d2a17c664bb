"""Refunds: money on its way back to whoever paid it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Minor, Moment


class Refund(Base):
    """One amount of one captured payment that goes back.

    Its money stands on ``refund_due`` from the request until it has left. ``target`` is ``original`` (the way it
    came), ``wallet`` or ``by_hand``; ``replaced_by`` is the next try after a failure.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("target IN ('original','wallet','by_hand')", name="target_known"),
        CheckConstraint("source IN ('purpose','unapplied')", name="source_known"),
        UniqueConstraint("provider", "provider_reference"),
        Index("ix_refunds_next_check_at", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    source: Mapped[str] = mapped_column(String(10))
    target: Mapped[str] = mapped_column(String(10))
    provider: Mapped[str] = mapped_column(String(30))
    currency: Mapped[Currency]
    amount_minor: Mapped[Minor]
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(200), server_default="")
    failure: Mapped[str] = mapped_column(String(60), server_default="")
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"), unique=True)
    provider_reference: Mapped[str | None] = mapped_column(String(200))
    provider_receipt: Mapped[str | None] = mapped_column(String(200))
    checks: Mapped[int] = mapped_column(server_default="0")
    next_check_at: Mapped[Moment | None]
    lease_until: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
