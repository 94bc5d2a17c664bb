"""Stored files: images of products and people, and what only some may see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key


class MediaObject(Base):
    """One uploaded file. ``state`` goes from ``processing`` (only the upload exists) to ``ready`` (re-encoded
    ``variants`` exist, the upload is gone) or ``failed``. A ``private`` one has no public address: whose it is to
    see is decided by the noun it belongs to. A PDF is private, ``ready`` at once, and 0 by 0 pixels large."""

    __tablename__ = "media_objects"
    __table_args__ = (
        CheckConstraint("state IN ('processing','ready','failed')", name="state_known"),
        Index("ix_media_objects_owner_id", "owner_id"),
    )

    id: Mapped[Key]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE", use_alter=True))
    key: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[str] = mapped_column(String(12))
    content_type: Mapped[str] = mapped_column(String(60))
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    private: Mapped[bool] = mapped_column(server_default="false")
    variants: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[CreatedAt]
