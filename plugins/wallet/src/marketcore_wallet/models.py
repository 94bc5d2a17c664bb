"""Recharges: what somebody wants to put into their wallet."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Minor, Moment


class Recharge(Base):
    """An amount to be paid into a wallet, once; the reference of payments for ``wallet_recharge``.

    ``payment_id`` is the payment that brought it at ``paid_at``; ``refunded_minor`` has gone back since.
    """

    __tablename__ = "wallet_recharges"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded_within_amount"),
        CheckConstraint("(payment_id IS NULL) = (paid_at IS NULL)", name="paid_by_a_payment"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    currency: Mapped[Currency]
    amount_minor: Mapped[Minor]
    refunded_minor: Mapped[Minor] = mapped_column(server_default="0")
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"), unique=True)
    paid_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
