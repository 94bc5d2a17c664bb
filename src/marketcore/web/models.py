"""Remembered answers to requests with an ``Idempotency-Key``."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt


class IdempotencyKey(Base):
    """A key of one principal, what it was used for, and the answer, all written with the effect itself."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    principal: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    content_type: Mapped[str] = mapped_column(String(60), server_default="")
    body: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    created_at: Mapped[CreatedAt]
