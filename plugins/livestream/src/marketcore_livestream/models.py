"""Streams, what is shown in them, who has been there and what was said."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class Stream(Base):
    """A seller's live stream.

    ``video_channel`` is its name at the video provider. One that never went live ends without ``started_at``.
    """

    __tablename__ = "livestream_streams"
    __table_args__ = (
        CheckConstraint("state IN ('scheduled','live','ended')", name="state_known"),
        CheckConstraint("state <> 'live' OR started_at IS NOT NULL", name="live_when_started"),
        CheckConstraint("state <> 'scheduled' OR started_at IS NULL", name="scheduled_until_started"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at_when_ended"),
        CheckConstraint("(state = 'ended') = (end_reason IS NOT NULL)", name="reason_when_ended"),
        CheckConstraint("slow_mode_seconds BETWEEN 0 AND 3600", name="slow_mode_bounded"),
        UniqueConstraint("video_channel"),
        Index(
            "uq_livestream_streams_seller_id_live",
            "seller_id",
            unique=True,
            postgresql_where=text("state = 'live'"),
        ),
        Index("ix_livestream_streams_state_id", "state", "id"),
        Index("ix_livestream_streams_seller_id_id", "seller_id", "id"),
    )

    id: Mapped[Key]
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, server_default="")
    state: Mapped[str] = mapped_column(String(10), server_default="scheduled")
    scheduled_for: Mapped[Moment | None]
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    end_reason: Mapped[str | None] = mapped_column(String(30))
    slow_mode_seconds: Mapped[int] = mapped_column(server_default="0")
    video_channel: Mapped[str] = mapped_column(String(63))
    created_at: Mapped[CreatedAt]


class StreamItem(Base):
    """A product in a stream's run list; at most one is pinned.

    ``listing_id`` is the offer that got a flash price, which is ``flash_price_minor`` until ``flash_until``; what it
    costs at this moment is the listing's to say.
    """

    __tablename__ = "livestream_items"
    __table_args__ = (
        CheckConstraint("flash_price_minor > 0", name="flash_price_positive"),
        CheckConstraint(
            "(flash_price_minor IS NULL) = (flash_until IS NULL) AND (flash_price_minor IS NULL) = (currency IS NULL)",
            name="flash_price_complete",
        ),
        CheckConstraint("flash_price_minor IS NULL OR listing_id IS NOT NULL", name="flash_price_of_a_listing"),
        UniqueConstraint("stream_id", "product_id"),
        UniqueConstraint(
            "stream_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name="uq_livestream_items_stream_id_position",
        ),
        Index(
            "uq_livestream_items_stream_id_pinned",
            "stream_id",
            unique=True,
            postgresql_where=text("pinned"),
        ),
    )

    id: Mapped[Key]
    stream_id: Mapped[int] = mapped_column(ForeignKey("livestream_streams.id", ondelete="CASCADE"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    listing_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"))
    position: Mapped[int]
    pinned: Mapped[bool] = mapped_column(server_default="false")
    currency: Mapped[Currency | None]
    flash_price_minor: Mapped[Minor | None]
    flash_until: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class Guest(Base):
    """Somebody and a stream: whether they are in it, moderate it, are banned, and when they last spoke.

    The row's lock puts speaking and banning in one order.
    """

    __tablename__ = "livestream_guests"

    stream_id: Mapped[int] = mapped_column(ForeignKey("livestream_streams.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    moderator: Mapped[bool] = mapped_column(server_default="false")
    joined_at: Mapped[Moment | None]
    left_at: Mapped[Moment | None]
    spoke_at: Mapped[Moment | None]
    banned_at: Mapped[Moment | None]
    banned_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class Message(Base):
    """Something said in a stream's chat; a deleted one stays, and is shown to nobody."""

    __tablename__ = "livestream_messages"
    __table_args__ = (Index("ix_livestream_messages_stream_id_id", "stream_id", "id"),)

    id: Mapped[Key]
    stream_id: Mapped[int] = mapped_column(ForeignKey("livestream_streams.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    body: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[CreatedAt]
    deleted_at: Mapped[Moment | None]
    deleted_by: Mapped[int | None] = mapped_column(BigInteger)
