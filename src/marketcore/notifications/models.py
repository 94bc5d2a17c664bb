"""What people were told, how they want to be told, and letters on their way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment


class Notification(Base):
    """Something that a person was told. While it is unread, the same ``key`` again counts ``times`` up."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_user_id_id", "user_id", "id"),
        Index("ix_notifications_unread", "user_id", "id", postgresql_where=text("read_at IS NULL")),
        Index(
            "uq_notifications_unread_key",
            "user_id",
            "type",
            "key",
            unique=True,
            postgresql_where=text("read_at IS NULL AND key <> ''"),
        ),
    )

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(120), server_default="")
    line: Mapped[str] = mapped_column(String(300))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    times: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    read_at: Mapped[Moment | None]


class NotificationChoice(Base):
    """A person's own choice of whether a type of notification comes by a channel."""

    __tablename__ = "notification_choices"
    __table_args__ = (CheckConstraint("channel IN ('in_app','email','sms')", name="channel_known"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    type: Mapped[str] = mapped_column(String(60), primary_key=True)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    enabled: Mapped[bool]


class Letter(Base):
    """An e-mail or text message: ``items`` are the data of what it tells, several for a ``digest``."""

    __tablename__ = "letters"
    __table_args__ = (
        CheckConstraint("channel IN ('email','sms')", name="channel_known"),
        CheckConstraint("state IN ('waiting','taken','sent','refused')", name="state_known"),
        Index(
            "uq_letters_gathering",
            "user_id",
            "type",
            "channel",
            unique=True,
            postgresql_where=text("state = 'waiting' AND digest"),
        ),
        Index("ix_letters_user_id", "user_id"),
        Index("ix_letters_unsent", "created_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_letters_ended_at", "ended_at"),
    )

    id: Mapped[Key]
    channel: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(254))
    type: Mapped[str] = mapped_column(String(60))
    items: Mapped[list[Any]] = mapped_column(JSONB)
    digest: Mapped[bool] = mapped_column(server_default=text("false"))
    state: Mapped[str] = mapped_column(String(10), server_default="waiting")
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[Moment | None]
