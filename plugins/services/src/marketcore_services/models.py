"""Services, their variants and images, and what was ordered of them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class Service(Base):
    """Work that a vendor offers. Customers see it while it is ``approved``; ``reason`` says why it is not."""

    __tablename__ = "services_services"
    __table_args__ = (
        Index("ix_services_services_search", "search", postgresql_using="gin"),
        Index("ix_services_services_vendor_id_id", "vendor_id", "id"),
        Index("ix_services_services_approved_id", "id", postgresql_where=text("approved")),
    )

    id: Mapped[Key]
    vendor_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, server_default="")
    approved: Mapped[bool] = mapped_column(server_default="false")
    reason: Mapped[str] = mapped_column(String(500), server_default="")
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(
            "setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', description), 'B')",
            persisted=True,
        ),
    )
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class Variant(Base):
    """One way of doing a service, at its price. ``listing_id`` is what orders of it refer to, once there are any."""

    __tablename__ = "services_variants"
    __table_args__ = (
        CheckConstraint("price_minor > 0", name="price_positive"),
        CheckConstraint("duration_minutes > 0", name="duration_positive"),
        Index("uq_services_variants_name", "service_id", text("lower(name)"), unique=True),
        Index("ix_services_variants_service_id_id", "service_id", "id"),
    )

    id: Mapped[Key]
    service_id: Mapped[int] = mapped_column(ForeignKey("services_services.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(75))
    description: Mapped[str] = mapped_column(String(1000), server_default="")
    currency: Mapped[Currency]
    price_minor: Mapped[Minor]
    duration_minutes: Mapped[int | None]
    listing_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"))
    created_at: Mapped[CreatedAt]


class ServiceImage(Base):
    """An image of a service; the lowest ``position`` is the cover."""

    __tablename__ = "services_images"
    __table_args__ = (UniqueConstraint("service_id", "position", deferrable=True, initially="DEFERRED"),)

    media_id: Mapped[int] = mapped_column(ForeignKey("media_objects.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services_services.id", ondelete="CASCADE"))
    position: Mapped[int]


class ServiceOrder(Base):
    """An order of work: what was ordered, as it was called then, and when it is to be done.

    Price, parties and state are the order's. ``due_at`` is when the job completes it.
    """

    __tablename__ = "services_orders"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services_services.id", ondelete="SET NULL"), index=True)
    variant_id: Mapped[int | None] = mapped_column(ForeignKey("services_variants.id", ondelete="SET NULL"), index=True)
    service_name: Mapped[str] = mapped_column(String(120))
    variant_name: Mapped[str] = mapped_column(String(75))
    duration_minutes: Mapped[int | None]
    started_at: Mapped[Moment | None]
    due_at: Mapped[Moment | None]
