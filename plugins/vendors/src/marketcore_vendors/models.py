"""Sellers as they present themselves, what buyers think of them, and the papers that prove who they are."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment
from marketcore.identity.models import User
from marketcore.media.models import MediaObject


class VendorProfile(Base):
    """How a seller presents themselves, one per account. ``verified_at`` is empty unless an admin vouches for them."""

    __tablename__ = "vendors_profiles"
    __table_args__ = (CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verified_by_somebody"),)

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    brand_name: Mapped[str] = mapped_column(String(120))
    business_name: Mapped[str] = mapped_column(String(200), server_default="")
    biography: Mapped[str] = mapped_column(Text, server_default="")
    address: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    picture_id: Mapped[int | None] = mapped_column(ForeignKey(MediaObject.id, ondelete="SET NULL"), index=True)
    verified_at: Mapped[Moment | None]
    verified_by: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class VendorRating(Base):
    """What buyers think of a seller, with a profile or without: ``average`` is in hundredths of a star."""

    __tablename__ = "vendors_ratings"
    __table_args__ = (CheckConstraint("average >= 0 AND count >= 0", name="not_negative"),)

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    average: Mapped[int]
    count: Mapped[int]


class KycDocument(Base):
    """A paper of a seller's: ``submitted``, then ``approved`` or ``rejected``; an approved one ends as ``expired`` or,
    when a newer one of its kind is approved, as ``replaced``.

    It is valid through ``expires_on``, by UTC; ``warned_at`` is when its owner was told that this day is near.
    """

    __tablename__ = "vendors_documents"
    __table_args__ = (
        CheckConstraint("state IN ('submitted','approved','rejected','expired','replaced')", name="state_known"),
        CheckConstraint("(state = 'submitted') = (decided_at IS NULL)", name="decided_once"),
        *(
            Index(
                f"uq_vendors_documents_{state}",
                "user_id",
                "kind",
                unique=True,
                postgresql_where=text(f"state = '{state}'"),
            )
            for state in ("submitted", "approved")
        ),
        Index("ix_vendors_documents_user_id_id", "user_id", "id"),
        Index("ix_vendors_documents_state_id", "state", "id"),
        Index("ix_vendors_documents_expires_on", "expires_on", postgresql_where=text("state = 'approved'")),
    )

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    media_id: Mapped[int] = mapped_column(ForeignKey(MediaObject.id, ondelete="CASCADE"), unique=True)
    state: Mapped[str] = mapped_column(String(10), server_default="submitted")
    reason: Mapped[str] = mapped_column(String(500), server_default="")
    expires_on: Mapped[date | None]
    warned_at: Mapped[Moment | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    decided_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
