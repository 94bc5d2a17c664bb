"""Conversations of two, their messages and files, who knows whom, who hears nothing of whom, and statuses."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment


class Conversation(Base):
    """What two people write to each other: ``direct``, or about one order.

    The pair is kept in the order of the ids, so that it has one ``direct`` conversation whoever begins. The row's lock
    numbers its messages: ``last_seq`` is that of the newest, ``last_at`` its time or, before it, that of the beginning.
    """

    __tablename__ = "messaging_conversations"
    __table_args__ = (
        CheckConstraint("low_id < high_id", name="two_people"),
        CheckConstraint("kind IN ('direct','order')", name="kind_known"),
        CheckConstraint("(kind = 'order') = (order_id IS NOT NULL)", name="order_of_its_kind"),
        CheckConstraint("started_by IN (low_id, high_id)", name="started_by_one_of_them"),
        Index(
            "uq_messaging_conversations_pair",
            "low_id",
            "high_id",
            unique=True,
            postgresql_where=text("kind = 'direct'"),
        ),
        Index("ix_messaging_conversations_low_id", "low_id", "last_at", "id"),
        Index("ix_messaging_conversations_high_id", "high_id", "last_at", "id"),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(String(10))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), unique=True)
    low_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    high_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    started_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    last_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    last_at: Mapped[CreatedAt]
    created_at: Mapped[CreatedAt]


class Member(Base):
    """One of the two. ``read_seq`` is how far they have read and never falls.

    ``incoming_seq`` is the newest message of the other; ``remind_at`` is when its reader is told of it who has not read
    it by then. Both stand here because reading and writing meet at this row's lock.
    """

    __tablename__ = "messaging_members"
    __table_args__ = (
        Index("ix_messaging_members_user_id", "user_id"),
        Index("ix_messaging_members_remind_at", "remind_at", postgresql_where=text("remind_at IS NOT NULL")),
    )

    conversation_id: Mapped[int] = mapped_column(ForeignKey("messaging_conversations.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    read_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    read_at: Mapped[Moment | None]
    incoming_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    remind_at: Mapped[Moment | None]


class Message(Base):
    """One message; ``seq`` counts within the conversation without gaps. ``client_id`` is what its sender called it.

    A deleted one keeps its place and has no text any more.
    """

    __tablename__ = "messaging_messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "sender_id", "client_id"),
        CheckConstraint("deleted_at IS NULL OR body = ''", name="deleted_is_gone"),
    )

    id: Mapped[Key]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("messaging_conversations.id"))
    seq: Mapped[int] = mapped_column(BigInteger)
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    client_id: Mapped[UUID]
    body: Mapped[str] = mapped_column(String(3000))
    sent_at: Mapped[CreatedAt]
    deleted_at: Mapped[Moment | None]


class Attachment(Base):
    """A private file of a conversation: its owner's alone until it is part of a message."""

    __tablename__ = "messaging_attachments"
    __table_args__ = (
        Index("ix_messaging_attachments_message_id", "message_id"),
        Index("ix_messaging_attachments_unused", "created_at", postgresql_where=text("message_id IS NULL")),
    )

    media_id: Mapped[int] = mapped_column(ForeignKey("media_objects.id", ondelete="CASCADE"), primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("messaging_conversations.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messaging_messages.id"))
    created_at: Mapped[CreatedAt]


class Contact(Base):
    """Somebody whom ``user_id`` has written to, or has added."""

    __tablename__ = "messaging_contacts"
    __table_args__ = (
        CheckConstraint("user_id <> contact_id", name="somebody_else"),
        Index("ix_messaging_contacts_contact_id", "contact_id", "user_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[CreatedAt]


class Block(Base):
    """``user_id`` and ``blocked_id`` cannot write to each other, because the first wants it so."""

    __tablename__ = "messaging_blocks"
    __table_args__ = (
        CheckConstraint("user_id <> blocked_id", name="somebody_else"),
        Index("ix_messaging_blocks_blocked_id", "blocked_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    blocked_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[CreatedAt]


class Status(Base):
    """What somebody lets their contacts know until ``expires_at``."""

    __tablename__ = "messaging_statuses"
    __table_args__ = (
        Index("ix_messaging_statuses_author_id", "author_id", "id"),
        Index("ix_messaging_statuses_expires_at", "expires_at"),
    )

    id: Mapped[Key]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    body: Mapped[str] = mapped_column(String(500))
    media_id: Mapped[int | None] = mapped_column(ForeignKey("media_objects.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]
