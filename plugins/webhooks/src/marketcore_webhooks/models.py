"""Endpoints, messages, and the delivery of each message to each endpoint."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment


class Endpoint(Base):
    """A URL of a user's that is told of facts; no ``event_types`` means all.

    One that is ``platform``-wide is told of everybody's, as long as its owner is an admin. ``failing_since`` is the
    first failure after the last success; until ``paused_until`` nothing is sent.
    """

    __tablename__ = "webhooks_endpoints"
    __table_args__ = (
        CheckConstraint("disabled_reason IN ('','owner','gone','failing')", name="reason_known"),
        CheckConstraint("enabled = (disabled_reason = '')", name="disabled_for_a_reason"),
        Index("ix_webhooks_endpoints_user_id", "user_id"),
        Index("ix_webhooks_endpoints_platform", "id", postgresql_where=text("platform")),
    )

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    platform: Mapped[bool]
    url: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(String(200), server_default="")
    event_types: Mapped[list[str]] = mapped_column(ARRAY(String(60)))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_until: Mapped[Moment | None]
    enabled: Mapped[bool] = mapped_column(server_default="true")
    disabled_reason: Mapped[str] = mapped_column(String(10), server_default="")
    failing_since: Mapped[Moment | None]
    paused_until: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class Message(Base):
    """A fact as it is told: ``body`` is signed and sent as it stands here, ``public_id`` is its ``webhook-id``."""

    __tablename__ = "webhooks_messages"
    __table_args__ = (Index("ix_webhooks_messages_created_at", "created_at"),)

    id: Mapped[Key]
    public_id: Mapped[str] = mapped_column(String(40), unique=True)
    type: Mapped[str] = mapped_column(String(60))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]


class Delivery(Base):
    """One message on its way to one endpoint, claimed by lease and tried until it arrives or all tries are used."""

    __tablename__ = "webhooks_deliveries"
    __table_args__ = (
        UniqueConstraint("message_id", "endpoint_id"),
        CheckConstraint("state IN ('waiting','delivered','failed')", name="state_known"),
        CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease_whole"),
        Index("ix_webhooks_deliveries_endpoint_id", "endpoint_id", "id"),
        Index("ix_webhooks_deliveries_due", "endpoint_id", "next_at", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_webhooks_deliveries_leased", "endpoint_id", postgresql_where=text("lease_until IS NOT NULL")),
    )

    id: Mapped[Key]
    message_id: Mapped[int] = mapped_column(ForeignKey("webhooks_messages.id", ondelete="CASCADE"))
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhooks_endpoints.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10), server_default="waiting")
    tries: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[CreatedAt]
    lease_until: Mapped[Moment | None]
    lease_token: Mapped[UUID | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str] = mapped_column(String(300), server_default="")
    last_at: Mapped[Moment | None]
    delivered_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
