"""Logins on their way to a provider and back, and the accounts there that open accounts here."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment
from marketcore.identity.models import User


class Flow(Base):
    """One login from its start to the tokens; ``link_user_id`` is set where somebody adds a way to log in.

    What a browser or client has to show again is stored as SHA-256 only. The PKCE verifier and the nonce are made of
    the platform's secret and ``id``.
    """

    __tablename__ = "social_login_flows"
    __table_args__ = (
        CheckConstraint("(handover_hash IS NULL) = (handover_until IS NULL)", name="handover_whole"),
        CheckConstraint("(handover_hash IS NULL) = (subject IS NULL)", name="handover_of_somebody"),
        Index("ix_social_login_flows_expires_at", "expires_at"),
        Index("ix_social_login_flows_link_user_id", "link_user_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(30))
    state_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    link_user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(20))
    return_to: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]
    returned_at: Mapped[Moment | None]
    handover_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    handover_until: Mapped[Moment | None]
    redeemed_at: Mapped[Moment | None]
    subject: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(254), server_default="")
    email_verified: Mapped[bool] = mapped_column(server_default="false")
    first_name: Mapped[str] = mapped_column(String(100), server_default="")
    last_name: Mapped[str] = mapped_column(String(100), server_default="")


class Link(Base):
    """An account at a provider (``subject``, the provider's own id) that opens an account here."""

    __tablename__ = "social_login_links"
    __table_args__ = (UniqueConstraint("provider", "subject"), UniqueConstraint("user_id", "provider"))

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(254), server_default="")
    linked_at: Mapped[CreatedAt]
    used_at: Mapped[Moment | None]
