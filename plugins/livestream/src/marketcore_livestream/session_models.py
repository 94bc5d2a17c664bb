"""Bidding sessions of streams, the meters of live ones, and their sellers' credits."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class BiddingSession(Base):
    """An auction of a product during a stream; at most one of a stream is open.

    How it stands is the auction's to say. ``outcome`` is how it has ended, ``unsold`` also if its winner did not buy.
    """

    __tablename__ = "livestream_sessions"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="outcome_when_closed"),
        Index("ix_livestream_sessions_stream_id", "stream_id", "auction_id"),
        Index(
            "uq_livestream_sessions_stream_id_open",
            "stream_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    auction_id: Mapped[int] = mapped_column(ForeignKey("auctions_auctions.listing_id"), primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("livestream_streams.id"))
    outcome: Mapped[str | None] = mapped_column(String(10))
    opened_at: Mapped[CreatedAt]
    closed_at: Mapped[Moment | None]


class Meter(Base):
    """How many slots of a stream have been charged, and at how many its seller was last warned.

    The stream's row lock guards it; ``slot_minutes`` is what the setting said when the stream began.
    """

    __tablename__ = "livestream_meters"
    __table_args__ = (CheckConstraint("slot_minutes > 0 AND slots >= 0", name="not_negative"),)

    stream_id: Mapped[int] = mapped_column(ForeignKey("livestream_streams.id"), primary_key=True)
    slot_minutes: Mapped[int]
    slots: Mapped[int] = mapped_column(server_default="0")
    warned_slots: Mapped[int] = mapped_column(server_default="0")


class CreditAccount(Base):
    """What a seller has: the sum of their entries. Every change holds this row's lock."""

    __tablename__ = "livestream_credit_accounts"
    __table_args__ = (CheckConstraint("balance >= 0", name="balance_not_negative"),)

    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    balance: Mapped[int] = mapped_column(server_default="0")


class CreditPurchase(Base):
    """Credits to be paid for, once; the reference of payments for ``stream_credits``.

    ``credits_gone`` of them, and ``refunded_minor`` of their price, were given back or are contested.
    """

    __tablename__ = "livestream_credit_purchases"
    __table_args__ = (
        CheckConstraint("credits > 0 AND unit_minor > 0", name="positive"),
        CheckConstraint("credits_gone BETWEEN 0 AND credits", name="gone_within_credits"),
        CheckConstraint("refunded_minor BETWEEN 0 AND credits * unit_minor", name="refunded_within_price"),
        CheckConstraint("(payment_id IS NULL) = (paid_at IS NULL)", name="paid_by_a_payment"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    credits: Mapped[int]
    credits_gone: Mapped[int] = mapped_column(server_default="0")
    currency: Mapped[Currency]
    unit_minor: Mapped[Minor]
    refunded_minor: Mapped[Minor] = mapped_column(server_default="0")
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"), unique=True)
    paid_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class CreditEntry(Base):
    """One change of a seller's credits, kept for ever; ``balance`` is the one after it.

    What a ``cause`` has brought about under one ``kind`` it cannot bring about again; a slot of a stream is charged
    once.
    """

    __tablename__ = "livestream_credit_entries"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('welcome','grant','purchase','slot','refund','contested','restored')", name="kind_known"
        ),
        CheckConstraint("change <> 0 AND balance >= 0", name="not_negative"),
        CheckConstraint("(kind = 'slot') = (num_nonnulls(stream_id, slot) = 2)", name="slot_of_a_stream"),
        UniqueConstraint("kind", "cause"),
        UniqueConstraint("stream_id", "slot"),
        Index("ix_livestream_credit_entries_seller_id_id", "seller_id", "id"),
    )

    id: Mapped[Key]
    seller_id: Mapped[int] = mapped_column(ForeignKey("livestream_credit_accounts.seller_id"))
    kind: Mapped[str] = mapped_column(String(10))
    change: Mapped[int]
    balance: Mapped[int]
    cause: Mapped[str] = mapped_column(String(60))
    stream_id: Mapped[int | None] = mapped_column(ForeignKey("livestream_streams.id"))
    slot: Mapped[int | None]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(String(500), server_default="")
    at: Mapped[CreatedAt]
