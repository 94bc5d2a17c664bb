"""Payments (attempts to collect), their history, and the inbox of providers' calls."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class Payment(Base):
    """One attempt to collect one amount through one provider.

    ``id`` is minted before the first byte leaves and is the provider's idempotency key; ``code`` (at most 12
    characters) may be seen by the payer. ``received_minor`` is what the provider says came, where anything did.
    ``next_check_at`` is when the reconciler asks again and is null once the attempt needs no asking.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        UniqueConstraint("provider", "provider_reference"),
        UniqueConstraint("provider", "provider_receipt"),
        Index("ix_payments_purpose_reference", "purpose", "reference"),
        Index("ix_payments_next_check_at", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
        # Two live attempts for one thing would let a buyer pay it twice.
        Index(
            "uq_payments_one_open",
            "purpose",
            "reference",
            unique=True,
            postgresql_where=text("state IN ('created','submitting','pending','unknown','authorized')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    code: Mapped[str] = mapped_column(String(12), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(30))
    reference: Mapped[str] = mapped_column(String(60))
    provider: Mapped[str] = mapped_column(String(30))
    currency: Mapped[Currency]
    amount_minor: Mapped[Minor]
    received_minor: Mapped[Minor | None]
    country: Mapped[str | None] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(20))
    payer: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    provider_reference: Mapped[str | None] = mapped_column(String(200))
    provider_receipt: Mapped[str | None] = mapped_column(String(200))
    next_action: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(String(60), server_default="")
    checks: Mapped[int] = mapped_column(server_default="0")
    next_check_at: Mapped[Moment | None]
    lease_until: Mapped[Moment | None]
    expires_at: Mapped[Moment]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class PaymentChange(Base):
    """One step of a payment and where it came from (``start``, ``webhook``, ``fetch``, ``reconciler`` …).

    A report that the state machine does not allow is kept too, with ``applied`` false and the reason.
    """

    __tablename__ = "payment_history"

    id: Mapped[Key]
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    previous: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(20))
    applied: Mapped[bool]
    detail: Mapped[str] = mapped_column(String(500), server_default="")
    at: Mapped[CreatedAt]


class OperationChange(Base):
    """One step of a refund, payout or dispute, in the same shape as a payment's."""

    __tablename__ = "operation_history"
    __table_args__ = (Index("ix_operation_history_subject_id", "subject_id"),)

    id: Mapped[Key]
    subject: Mapped[str] = mapped_column(String(12))
    subject_id: Mapped[UUID]
    previous: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(20))
    applied: Mapped[bool]
    detail: Mapped[str] = mapped_column(String(500), server_default="")
    at: Mapped[CreatedAt]


class ProviderCallback(Base):
    """An address handed to a provider, of which only the SHA-256 is kept: whose it is and what it was for.

    ``question``: handed out with one question alone, so that a call there is the answer to it.
    """

    __tablename__ = "provider_callbacks"
    __table_args__ = (Index("ix_provider_callbacks_subject_id", "subject_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    provider: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(12))
    subject_id: Mapped[UUID]
    question: Mapped[bool]
    created_at: Mapped[CreatedAt]


class WebhookInbox(Base):
    """A provider's call, stored raw before anything is done with it, claimed by lease and applied once."""

    __tablename__ = "webhook_inbox"
    __table_args__ = (
        UniqueConstraint("provider", "dedupe_key"),
        CheckConstraint("status IN ('received','done','ignored','failed','dead')", name="status_known"),
        Index("ix_webhook_inbox_next_at", "next_at", postgresql_where=text("status IN ('received','failed')")),
    )

    id: Mapped[Key]
    provider: Mapped[str] = mapped_column(String(30))
    dedupe_key: Mapped[str] = mapped_column(String(200))
    token: Mapped[str] = mapped_column(String(100), server_default="")
    answering: Mapped[bool] = mapped_column(server_default="false")
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    remote_addr: Mapped[str] = mapped_column(String(45), server_default="")
    status: Mapped[str] = mapped_column(String(10), server_default="received")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[CreatedAt]
    lease_until: Mapped[Moment | None]
    last_error: Mapped[str] = mapped_column(Text, server_default="")
    received_at: Mapped[CreatedAt]
    done_at: Mapped[Moment | None]
