"""The log of privileged acts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key


class AuditEntry(Base):
    """Who did what to what. A trigger refuses every change and deletion."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_subject_subject_id", "subject", "subject_id"),)

    id: Mapped[Key]
    actor: Mapped[str] = mapped_column(String(80))
    act: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    at: Mapped[CreatedAt]
