"""Auctions, standings, the log, interests and awards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "auctions_0001"
down_revision = None
branch_labels = ("auctions",)
depends_on = "core_0004"

_APPEND_ONLY = """
    CREATE FUNCTION auctions_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of % is not possible: the log is append-only', TG_OP, TG_TABLE_NAME;
    END $$
"""
# A lot is one piece. The catalogue's own table says so for this kind of listing, whoever writes it.
_ONE_PIECE = """
    CREATE FUNCTION auctions_sell_one_piece() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'listing % is an auction of one piece, not of %', NEW.id, NEW.quantity
            USING ERRCODE = 'check_violation', CONSTRAINT = 'auctions_sell_one_piece';
    END $$
"""
_NOW = sa.text("market_clock()")


def upgrade() -> None:
    op.create_table(
        "auctions_auctions",
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(30), server_default="auction", nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("start_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserve_minor", sa.BigInteger(), nullable=True),
        sa.Column("buy_now_minor", sa.BigInteger(), nullable=True),
        sa.Column("deposit_minor", sa.BigInteger(), nullable=True),
        sa.Column("increments", postgresql.JSONB(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latest_end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("soft_close", sa.String(10), nullable=False),
        sa.Column("window_seconds", sa.Integer(), nullable=False),
        sa.Column("extension_seconds", sa.Integer(), nullable=False),
        sa.Column("if_unpaid", sa.String(20), nullable=False),
        sa.Column("relists_left", sa.Integer(), nullable=False),
        sa.Column("relisted_from", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.LargeBinary(), server_default=sa.text("uuid_send(gen_random_uuid())"), nullable=False),
        sa.Column("told_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ending_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("kind = 'auction'", name="ck_auctions_auctions_kind_is_auction"),
        sa.CheckConstraint("start_minor > 0", name="ck_auctions_auctions_start_positive"),
        sa.CheckConstraint("reserve_minor >= start_minor", name="ck_auctions_auctions_reserve_not_below_start"),
        sa.CheckConstraint(
            "buy_now_minor >= greatest(start_minor, reserve_minor)",
            name="ck_auctions_auctions_buy_now_not_below_reserve",
        ),
        sa.CheckConstraint("deposit_minor > 0", name="ck_auctions_auctions_deposit_positive"),
        sa.CheckConstraint(
            "starts_at < ends_at AND ends_at <= latest_end_at", name="ck_auctions_auctions_times_in_order"
        ),
        sa.CheckConstraint("soft_close IN ('none','extend','reset')", name="ck_auctions_auctions_soft_close_known"),
        sa.CheckConstraint(
            "if_unpaid IN ('second_chance','relist','end')", name="ck_auctions_auctions_if_unpaid_known"
        ),
        sa.ForeignKeyConstraint(
            ["listing_id", "kind"], ["listings.id", "listings.kind"], name="fk_auctions_auctions_listing_id"
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_auctions_auctions_product_id"),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_auctions_auctions_seller_id"),
        sa.ForeignKeyConstraint(
            ["relisted_from"], ["auctions_auctions.listing_id"], name="fk_auctions_auctions_relisted_from"
        ),
        sa.PrimaryKeyConstraint("listing_id", name="pk_auctions_auctions"),
    )
    op.create_index("ix_auctions_auctions_seller_id_listing_id", "auctions_auctions", ["seller_id", "listing_id"])
    _create_standings()
    _create_log()
    _create_interests_and_awards()
    op.execute(_ONE_PIECE)
    op.execute(
        "CREATE TRIGGER auctions_one_piece BEFORE INSERT OR UPDATE OF quantity, kind ON listings FOR EACH ROW "
        "WHEN (NEW.kind = 'auction' AND NEW.quantity > 1) EXECUTE FUNCTION auctions_sell_one_piece()"
    )


def _create_standings() -> None:
    op.create_table(
        "auctions_standings",
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), server_default="open", nullable=False),
        sa.Column("outcome", sa.String(10), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("leader_id", sa.BigInteger(), nullable=True),
        sa.Column("leader_name", sa.String(10), server_default="", nullable=False),
        sa.Column("leader_max_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("runner_up_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bids", sa.Integer(), server_default="0", nullable=False),
        sa.Column("extensions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("deposit_hold", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('open','closed')", name="ck_auctions_standings_state_known"),
        sa.CheckConstraint(
            "(state = 'closed') = (outcome IS NOT NULL)", name="ck_auctions_standings_outcome_when_closed"
        ),
        sa.CheckConstraint("outcome IN ('sold','unsold','cancelled')", name="ck_auctions_standings_outcome_known"),
        sa.CheckConstraint(
            "(leader_id IS NULL) = (leader_max_minor = 0)", name="ck_auctions_standings_leader_has_maximum"
        ),
        sa.CheckConstraint("runner_up_minor <= leader_max_minor", name="ck_auctions_standings_leader_leads"),
        sa.CheckConstraint(
            "leader_id IS NULL OR price_minor <= leader_max_minor", name="ck_auctions_standings_price_within_maximum"
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["auctions_auctions.listing_id"], name="fk_auctions_standings_listing_id"
        ),
        sa.PrimaryKeyConstraint("listing_id", name="pk_auctions_standings"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        "ix_auctions_standings_open",
        "auctions_standings",
        ["ends_at", "listing_id"],
        postgresql_where=sa.text("state = 'open'"),
    )


def _create_log() -> None:
    op.create_table(
        "auctions_log",
        sa.Column("auction_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bidder_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(10), server_default="", nullable=False),
        sa.Column("maximum_minor", sa.BigInteger(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("leader_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("auction_id", "seq", name="pk_auctions_log"),
    )
    op.execute(_APPEND_ONLY)
    op.execute(
        "CREATE TRIGGER auctions_log_kept BEFORE UPDATE OR DELETE ON auctions_log "
        "FOR EACH ROW EXECUTE FUNCTION auctions_log_is_append_only()"
    )
    op.execute(
        "CREATE TRIGGER auctions_log_never_emptied BEFORE TRUNCATE ON auctions_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION auctions_log_is_append_only()"
    )


def _create_interests_and_awards() -> None:
    op.create_table(
        "auctions_interests",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("auction_id", sa.BigInteger(), nullable=False),
        sa.Column("watching", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("bidding", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_auctions_interests_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["auction_id"], ["auctions_auctions.listing_id"], name="fk_auctions_interests_auction_id"
        ),
        sa.PrimaryKeyConstraint("user_id", "auction_id", name="pk_auctions_interests"),
    )
    op.create_index("ix_auctions_interests_auction_id", "auctions_interests", ["auction_id"])
    op.create_table(
        "auctions_awards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("auction_id", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("bidder_id", sa.BigInteger(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), server_default="pending", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deposit_hold", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending','paid','defaulted','withdrawn')", name="ck_auctions_awards_state_known"
        ),
        sa.CheckConstraint("price_minor > 0", name="ck_auctions_awards_price_positive"),
        sa.ForeignKeyConstraint(["auction_id"], ["auctions_auctions.listing_id"], name="fk_auctions_awards_auction_id"),
        sa.ForeignKeyConstraint(["bidder_id"], ["users.id"], name="fk_auctions_awards_bidder_id"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_auctions_awards_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_auctions_awards"),
        sa.UniqueConstraint("auction_id", "round", name="uq_auctions_awards_auction_id"),
        sa.UniqueConstraint("order_id", name="uq_auctions_awards_order_id"),
    )
    op.create_index(
        "uq_auctions_awards_auction_id_standing",
        "auctions_awards",
        ["auction_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('pending','paid')"),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER auctions_one_piece ON listings")
    for table in ("awards", "interests", "log", "standings", "auctions"):
        op.drop_table(f"auctions_{table}")
    op.execute("DROP FUNCTION auctions_sell_one_piece()")
    op.execute("DROP FUNCTION auctions_log_is_append_only()")
