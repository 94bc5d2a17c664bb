"""Jobs are rows: enqueued in the business transaction, leased by a worker, deleted with their effect."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment


class JobRow(Base):
    """One job that waits, runs (``lease_until`` in the future) or is dead (``dead_at`` set).

    ``attempts`` counts the runs that have begun; ``lease_token`` is new with every one of them.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_waiting", text("priority DESC"), "run_at", "id", postgresql_where=text("dead_at IS NULL")),
        Index("ix_jobs_name", "name"),
    )

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(String(100))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    priority: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    run_at: Mapped[CreatedAt]
    lease_until: Mapped[Moment | None]
    lease_token: Mapped[UUID | None]
    last_error: Mapped[str] = mapped_column(Text, server_default="")
    dead_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class JobTick(Base):
    """The last tick of a periodic job that some worker claimed; claiming is a conditional update of this row."""

    __tablename__ = "job_ticks"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    tick: Mapped[int] = mapped_column(BigInteger)
    claimed_at: Mapped[CreatedAt]
