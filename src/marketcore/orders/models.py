"""Carts, checkouts, orders with their lines and history, and reserved stock."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class CartItem(Base):
    """A listing in a buyer's cart. ``award_minor`` is a price agreed elsewhere (a won lot), else the listing's."""

    __tablename__ = "cart_items"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id", ondelete="CASCADE"), primary_key=True)
    quantity: Mapped[int]
    award_minor: Mapped[Minor | None]
    added_at: Mapped[CreatedAt]


class Checkout(Base):
    """One purchase: one payment, one order per seller."""

    __tablename__ = "checkouts"
    __table_args__ = (CheckConstraint("total_minor > 0", name="total_positive"),)

    id: Mapped[Key]
    buyer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    currency: Mapped[Currency]
    total_minor: Mapped[Minor]
    ship_to: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]


class Order(Base):
    """One seller's part of a checkout. ``commission_bp`` is frozen when the order is placed."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total_minor > 0", name="total_positive"),
        CheckConstraint("commission_bp BETWEEN 0 AND 10000", name="commission_share"),
        Index("ix_orders_buyer_id_id", "buyer_id", "id"),
        Index("ix_orders_seller_id_id", "seller_id", "id"),
        Index("ix_orders_payment_due_at", "payment_due_at", postgresql_where=text("state = 'pending_payment'")),
        Index("ix_orders_release_at", "release_at", postgresql_where=text("state = 'delivered'")),
    )

    id: Mapped[Key]
    reference: Mapped[UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    checkout_id: Mapped[int] = mapped_column(ForeignKey("checkouts.id"), index=True)
    buyer_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(20))
    currency: Mapped[Currency]
    total_minor: Mapped[Minor]
    commission_bp: Mapped[int]
    carrier: Mapped[str] = mapped_column(String(100), server_default="")
    tracking_number: Mapped[str] = mapped_column(String(100), server_default="")
    payment_due_at: Mapped[Moment]
    release_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class OrderLine(Base):
    """What was bought, as it was called and priced then."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND unit_minor > 0", name="positive"),
        CheckConstraint("total_minor = unit_minor * quantity", name="total_matches"),
    )

    id: Mapped[Key]
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    title: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int]
    unit_minor: Mapped[Minor]
    total_minor: Mapped[Minor]


class Reservation(Base):
    """Stock taken out of a listing for an order line: ``held`` until paid (``sold``) or given back (``released``)."""

    __tablename__ = "stock_reservations"
    __table_args__ = (
        CheckConstraint("state IN ('held','sold','released')", name="state_known"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )

    line_id: Mapped[int] = mapped_column(ForeignKey("order_lines.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(String(10))
    expires_at: Mapped[Moment]


class OrderChange(Base):
    """One step of an order: who, when, from what to what."""

    __tablename__ = "order_history"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    previous: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(String(500), server_default="")
    at: Mapped[CreatedAt]
