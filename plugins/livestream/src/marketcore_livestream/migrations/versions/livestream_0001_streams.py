"""Streams, their run lists, guests and chats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "livestream_0001"
down_revision = None
branch_labels = ("livestream",)
depends_on = "core_0009"

_NOW = sa.text("market_clock()")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_streams()
    _create_items()
    _create_guests()
    _create_messages()


def _create_streams() -> None:
    op.create_table(
        "livestream_streams",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(10), server_default="scheduled", nullable=False),
        sa.Column("scheduled_for", _MOMENT, nullable=True),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("end_reason", sa.String(30), nullable=True),
        sa.Column("slow_mode_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("video_channel", sa.String(63), nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        *_checks(
            "livestream_streams",
            state_known="state IN ('scheduled','live','ended')",
            live_when_started="state <> 'live' OR started_at IS NOT NULL",
            scheduled_until_started="state <> 'scheduled' OR started_at IS NULL",
            ended_at_when_ended="(state = 'ended') = (ended_at IS NOT NULL)",
            reason_when_ended="(state = 'ended') = (end_reason IS NOT NULL)",
            slow_mode_bounded="slow_mode_seconds BETWEEN 0 AND 3600",
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_livestream_streams_seller_id"),
        sa.PrimaryKeyConstraint("id", name="pk_livestream_streams"),
        sa.UniqueConstraint("video_channel", name="uq_livestream_streams_video_channel"),
    )
    op.create_index(
        "uq_livestream_streams_seller_id_live",
        "livestream_streams",
        ["seller_id"],
        unique=True,
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_index("ix_livestream_streams_state_id", "livestream_streams", ["state", "id"])
    op.create_index("ix_livestream_streams_seller_id_id", "livestream_streams", ["seller_id", "id"])


def _create_items() -> None:
    op.create_table(
        "livestream_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("pinned", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("flash_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("flash_until", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        *_checks(
            "livestream_items",
            flash_price_positive="flash_price_minor > 0",
            flash_price_complete="(flash_price_minor IS NULL) = (flash_until IS NULL) "
            "AND (flash_price_minor IS NULL) = (currency IS NULL)",
            flash_price_of_a_listing="flash_price_minor IS NULL OR listing_id IS NOT NULL",
        ),
        _of_stream("livestream_items"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_livestream_items_product_id"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name="fk_livestream_items_listing_id"),
        sa.PrimaryKeyConstraint("id", name="pk_livestream_items"),
        sa.UniqueConstraint("stream_id", "product_id", name="uq_livestream_items_stream_id_product_id"),
        sa.UniqueConstraint(
            "stream_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name="uq_livestream_items_stream_id_position",
        ),
    )
    op.create_index(
        "uq_livestream_items_stream_id_pinned",
        "livestream_items",
        ["stream_id"],
        unique=True,
        postgresql_where=sa.text("pinned"),
    )


def _create_guests() -> None:
    op.create_table(
        "livestream_guests",
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("moderator", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("joined_at", _MOMENT, nullable=True),
        sa.Column("left_at", _MOMENT, nullable=True),
        sa.Column("spoke_at", _MOMENT, nullable=True),
        sa.Column("banned_at", _MOMENT, nullable=True),
        sa.Column("banned_by", sa.BigInteger(), nullable=True),
        _of_stream("livestream_guests"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_livestream_guests_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["banned_by"], ["users.id"], name="fk_livestream_guests_banned_by", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("stream_id", "user_id", name="pk_livestream_guests"),
    )


def _create_messages() -> None:
    op.create_table(
        "livestream_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.String(500), nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("deleted_at", _MOMENT, nullable=True),
        sa.Column("deleted_by", sa.BigInteger(), nullable=True),
        _of_stream("livestream_messages"),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name="fk_livestream_messages_author_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_livestream_messages"),
    )
    op.create_index("ix_livestream_messages_stream_id_id", "livestream_messages", ["stream_id", "id"])


def _checks(table: str, **conditions: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(condition, name=f"ck_{table}_{name}") for name, condition in conditions.items()]


def _of_stream(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["stream_id"], ["livestream_streams.id"], name=f"fk_{table}_stream_id", ondelete="CASCADE"
    )


def downgrade() -> None:
    for table in ("messages", "guests", "items", "streams"):
        op.drop_table(f"livestream_{table}")
