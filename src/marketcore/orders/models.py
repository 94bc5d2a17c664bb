"""Carts, checkouts, orders with their lines and history, and reserved stock."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class CartItem(Base):
    """A listing in a buyer's cart. ``award_minor`` is a price agreed elsewhere (a won lot), else the listing's.

    At ``priced_at`` the buyer last said that it shall be there, at the price of that moment or a lower one.
    """

    __tablename__ = "cart_items"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id", ondelete="CASCADE"), primary_key=True)
    quantity: Mapped[int]
    award_minor: Mapped[Minor | None]
    priced_at: Mapped[CreatedAt]
    added_at: Mapped[CreatedAt]


class Checkout(Base):
    """One purchase: one payment, one order per seller.

    ``origin`` is where it comes from: the buyer's ``cart``, an ``award`` that binds its buyer (a won auction), or an
    ``offer`` that they may let pass (a second chance). ``ship_to`` is empty until the winner has said where to.
    """

    __tablename__ = "checkouts"
    __table_args__ = (
        CheckConstraint("total_minor > 0", name="total_positive"),
        CheckConstraint("origin IN ('cart','award','offer')", name="origin_known"),
    )

    id: Mapped[Key]
    buyer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    currency: Mapped[Currency]
    total_minor: Mapped[Minor]
    origin: Mapped[str] = mapped_column(String(10), server_default="cart")
    ship_to: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]


class Order(Base):
    """One seller's part of a checkout.

    ``commission_minor`` is the platform's share of the whole, frozen when the order is placed. ``refunded_minor``
    has gone back (or is on its way), ``disputed_minor`` is contested; ``payment_id`` brought its
    money at ``paid_at``, and an order ``on_delivery`` is carried out before that. ``disputed_from`` is where a
    dispute found it. One that ``ships`` is of goods that go somewhere; the others are of work that is done.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total_minor > 0", name="total_positive"),
        CheckConstraint("commission_minor BETWEEN 0 AND total_minor", name="commission_share"),
        CheckConstraint("refunded_minor >= 0 AND disputed_minor >= 0", name="not_negative"),
        CheckConstraint("refunded_minor + disputed_minor <= total_minor", name="given_back_at_most_once"),
        Index("ix_orders_buyer_id_id", "buyer_id", "id"),
        Index("ix_orders_seller_id_id", "seller_id", "id"),
        Index("ix_orders_seller_id_paid_at", "seller_id", "paid_at", postgresql_where=text("paid_at IS NOT NULL")),
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
    commission_minor: Mapped[Minor]
    refunded_minor: Mapped[Minor] = mapped_column(server_default="0")
    disputed_minor: Mapped[Minor] = mapped_column(server_default="0")
    disputed_from: Mapped[str | None] = mapped_column(String(20))
    on_delivery: Mapped[bool] = mapped_column(server_default="false")
    ships: Mapped[bool] = mapped_column(server_default="true")
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"), index=True)
    paid_at: Mapped[Moment | None]
    carrier: Mapped[str] = mapped_column(String(100), server_default="")
    tracking_number: Mapped[str] = mapped_column(String(100), server_default="")
    payment_due_at: Mapped[Moment]
    release_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class OrderFreeze(Base):
    """Money of one order that stands still until something is decided; see ``FrozenOrders``.

    ``cause`` says what is waited for. A freeze is ``open``, ``lifted``, or has ``yielded`` to a dispute of the payer's
    bank, which took the same money.
    """

    __tablename__ = "order_freezes"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("state IN ('open','lifted','yielded')", name="state_known"),
        Index("uq_order_freezes_order_id", "order_id", unique=True, postgresql_where=text("state = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    currency: Mapped[Currency]
    amount_minor: Mapped[Minor]
    cause: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    opened_at: Mapped[CreatedAt]
    closed_at: Mapped[Moment | None]


class OrderLine(Base):
    """What was bought, as it was called and priced then."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND unit_minor > 0", name="positive"),
        CheckConstraint("total_minor = unit_minor * quantity", name="total_matches"),
        CheckConstraint("commission_bp BETWEEN 0 AND 10000", name="commission_share"),
    )

    id: Mapped[Key]
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    title: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int]
    unit_minor: Mapped[Minor]
    total_minor: Mapped[Minor]
    commission_bp: Mapped[int]


class CommissionRate(Base):
    """The platform's share where it is not the default: of a seller's sales, of a category's, or of both together."""

    __tablename__ = "commission_rates"
    __table_args__ = (
        CheckConstraint("basis_points BETWEEN 0 AND 10000", name="basis_points_share"),
        CheckConstraint("seller_id IS NOT NULL OR category_id IS NOT NULL", name="of_something"),
        UniqueConstraint("seller_id", "category_id", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[Key]
    seller_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"), index=True)
    basis_points: Mapped[int]
    created_at: Mapped[CreatedAt]


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
