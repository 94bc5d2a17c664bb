"""Disputes: payments that a payer's bank contests."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Minor, Moment


class Dispute(Base):
    """One contested payment as its provider reports it: ``open``, ``won`` (the money stays) or ``lost``.

    ``taken_minor`` of it was taken from those whom the payment had paid; it is less where they had less left.
    """

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("taken_minor BETWEEN 0 AND amount_minor", name="taken_share"),
        CheckConstraint("state IN ('open','won','lost')", name="state_known"),
        UniqueConstraint("provider", "provider_reference"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    provider: Mapped[str] = mapped_column(String(30))
    provider_reference: Mapped[str] = mapped_column(String(200))
    currency: Mapped[Currency]
    amount_minor: Mapped[Minor]
    taken_minor: Mapped[Minor] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(100), server_default="")
    due_by: Mapped[Moment | None]
    opened_at: Mapped[CreatedAt]
    closed_at: Mapped[Moment | None]


class DisputePart(Base):
    """How much of a dispute falls on which order."""

    __tablename__ = "dispute_parts"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    dispute_id: Mapped[UUID] = mapped_column(ForeignKey("disputes.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    amount_minor: Mapped[Minor]
