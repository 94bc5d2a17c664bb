"""Live channels, their events, and the tickets that open sockets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Moment


class LiveChannelRow(Base):
    """The head of a channel's stream; its row lock makes offsets gapless and in commit order."""

    __tablename__ = "live_channels"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    epoch: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    last_offset: Mapped[int] = mapped_column(BigInteger, server_default="0")


class LiveEventRow(Base):
    """One event of a channel."""

    __tablename__ = "live_events"
    __table_args__ = (Index("ix_live_events_at", "at", postgresql_using="brin"),)

    channel: Mapped[str] = mapped_column(ForeignKey("live_channels.name"), primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[CreatedAt]


class LiveTicket(Base):
    """A one-time right to open a socket, by the SHA-256 of its text."""

    __tablename__ = "live_tickets"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    session_id: Mapped[UUID] = mapped_column(ForeignKey("auth_sessions.id", ondelete="CASCADE"))
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]
