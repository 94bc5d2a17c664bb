"""Lots whose clock somebody holds, and lots that go into their winner's cart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "auctions_0002"
down_revision = "auctions_0001"
branch_labels = None
depends_on = "core_0010"

_IN_CART = "num_nonnulls(order_id, cart_award_id) > 0"


def upgrade() -> None:
    op.add_column("auctions_auctions", sa.Column("conducted", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("auctions_auctions", sa.Column("hold_minutes", sa.Integer(), nullable=True))
    op.alter_column("auctions_auctions", "ends_at", nullable=True)
    op.alter_column("auctions_auctions", "latest_end_at", nullable=True)
    op.create_check_constraint(
        "ck_auctions_auctions_clock_or_conductor",
        "auctions_auctions",
        "conducted OR num_nulls(ends_at, latest_end_at) = 0",
    )
    op.create_check_constraint("ck_auctions_auctions_hold_positive", "auctions_auctions", "hold_minutes > 0")
    op.alter_column("auctions_standings", "ends_at", nullable=True)
    op.add_column("auctions_standings", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("auctions_standings", sa.Column("remaining_us", sa.BigInteger(), nullable=True))
    op.add_column("auctions_standings", sa.Column("paused_us", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(
        "ck_auctions_standings_pause_stops_the_clock", "auctions_standings", "paused_at IS NULL OR ends_at IS NULL"
    )
    op.create_check_constraint(
        "ck_auctions_standings_remaining_while_paused",
        "auctions_standings",
        "remaining_us IS NULL OR (paused_at IS NOT NULL AND remaining_us > 0)",
    )
    op.alter_column("auctions_awards", "order_id", nullable=True)
    op.add_column("auctions_awards", sa.Column("cart_award_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        "fk_auctions_awards_cart_award_id", "auctions_awards", "cart_awards", ["cart_award_id"], ["id"]
    )
    op.create_unique_constraint("uq_auctions_awards_cart_award_id", "auctions_awards", ["cart_award_id"])
    op.create_check_constraint("ck_auctions_awards_ordered_or_in_cart", "auctions_awards", _IN_CART)
    # One order may hold several lots that its buyer has won of one seller.
    op.drop_constraint("uq_auctions_awards_order_id", "auctions_awards")
    op.create_index("ix_auctions_awards_order_id", "auctions_awards", ["order_id"])


def downgrade() -> None:
    op.drop_index("ix_auctions_awards_order_id", "auctions_awards")
    op.create_unique_constraint("uq_auctions_awards_order_id", "auctions_awards", ["order_id"])
    op.drop_constraint("ck_auctions_awards_ordered_or_in_cart", "auctions_awards")
    op.drop_column("auctions_awards", "cart_award_id")
    op.alter_column("auctions_awards", "order_id", nullable=False)
    for column in ("paused_us", "remaining_us", "paused_at"):
        op.drop_column("auctions_standings", column)
    op.alter_column("auctions_standings", "ends_at", nullable=False)
    op.alter_column("auctions_auctions", "latest_end_at", nullable=False)
    op.alter_column("auctions_auctions", "ends_at", nullable=False)
    op.drop_column("auctions_auctions", "hold_minutes")
    op.drop_column("auctions_auctions", "conducted")
