"""Remembered answers to requests with an ``Idempotency-Key``."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt


class IdempotencyKey(Base):
    """A key of one principal, what it was used for, and the answer, all written with the effect itself.

    Where a request has several transactions (it calls a provider between them), the first one writes ``resource``,
    the id of what it made, and the last one the answer; a retry in between goes on from the resource.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    principal: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    resource: Mapped[str] = mapped_column(String(60), server_default="")
    status: Mapped[int | None]
    content_type: Mapped[str] = mapped_column(String(60), server_default="")
    body: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    created_at: Mapped[CreatedAt]
