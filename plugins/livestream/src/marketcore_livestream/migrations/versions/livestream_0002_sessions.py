"""Bidding sessions, and the credits that streams cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "livestream_0002"
down_revision = "livestream_0001"
branch_labels = None
depends_on = "auctions_0002"

_NOW = sa.text("market_clock()")
_MOMENT = sa.DateTime(timezone=True)
_APPEND_ONLY = """
    CREATE FUNCTION livestream_credits_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of % is not possible: credits are append-only', TG_OP, TG_TABLE_NAME;
    END $$
"""


def upgrade() -> None:
    _create_sessions()
    _create_meters()
    _create_accounts()
    _create_purchases()
    _create_entries()


def _create_sessions() -> None:
    op.create_table(
        "livestream_sessions",
        sa.Column("auction_id", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=True),
        sa.Column("opened_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (outcome IS NULL)", name="ck_livestream_sessions_outcome_when_closed"
        ),
        sa.ForeignKeyConstraint(
            ["auction_id"], ["auctions_auctions.listing_id"], name="fk_livestream_sessions_auction_id"
        ),
        sa.ForeignKeyConstraint(["stream_id"], ["livestream_streams.id"], name="fk_livestream_sessions_stream_id"),
        sa.PrimaryKeyConstraint("auction_id", name="pk_livestream_sessions"),
    )
    op.create_index("ix_livestream_sessions_stream_id", "livestream_sessions", ["stream_id", "auction_id"])
    op.create_index(
        "uq_livestream_sessions_stream_id_open",
        "livestream_sessions",
        ["stream_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def _create_meters() -> None:
    op.create_table(
        "livestream_meters",
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), server_default="0", nullable=False),
        sa.Column("warned_slots", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("slot_minutes > 0 AND slots >= 0", name="ck_livestream_meters_not_negative"),
        sa.ForeignKeyConstraint(["stream_id"], ["livestream_streams.id"], name="fk_livestream_meters_stream_id"),
        sa.PrimaryKeyConstraint("stream_id", name="pk_livestream_meters"),
    )


def _create_accounts() -> None:
    op.create_table(
        "livestream_credit_accounts",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("balance >= 0", name="ck_livestream_credit_accounts_balance_not_negative"),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_livestream_credit_accounts_seller_id"),
        sa.PrimaryKeyConstraint("seller_id", name="pk_livestream_credit_accounts"),
    )


def _create_purchases() -> None:
    op.create_table(
        "livestream_credit_purchases",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("credits_gone", sa.Integer(), server_default="0", nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("paid_at", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.CheckConstraint("credits > 0 AND unit_minor > 0", name="ck_livestream_credit_purchases_positive"),
        sa.CheckConstraint(
            "credits_gone BETWEEN 0 AND credits", name="ck_livestream_credit_purchases_gone_within_credits"
        ),
        sa.CheckConstraint(
            "refunded_minor BETWEEN 0 AND credits * unit_minor",
            name="ck_livestream_credit_purchases_refunded_within_price",
        ),
        sa.CheckConstraint(
            "(payment_id IS NULL) = (paid_at IS NULL)", name="ck_livestream_credit_purchases_paid_by_a_payment"
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_livestream_credit_purchases_seller_id"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_livestream_credit_purchases_payment_id"),
        sa.PrimaryKeyConstraint("id", name="pk_livestream_credit_purchases"),
        sa.UniqueConstraint("payment_id", name="uq_livestream_credit_purchases_payment_id"),
    )
    op.create_index("ix_livestream_credit_purchases_seller_id", "livestream_credit_purchases", ["seller_id"])


def _create_entries() -> None:
    op.create_table(
        "livestream_credit_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(60), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(500), server_default="", nullable=False),
        sa.Column("at", _MOMENT, server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "kind IN ('welcome','grant','purchase','slot','refund','contested','restored')",
            name="ck_livestream_credit_entries_kind_known",
        ),
        sa.CheckConstraint("change <> 0 AND balance >= 0", name="ck_livestream_credit_entries_not_negative"),
        sa.CheckConstraint(
            "(kind = 'slot') = (num_nonnulls(stream_id, slot) = 2)",
            name="ck_livestream_credit_entries_slot_of_a_stream",
        ),
        sa.ForeignKeyConstraint(
            ["seller_id"],
            ["livestream_credit_accounts.seller_id"],
            name="fk_livestream_credit_entries_seller_id",
        ),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["livestream_streams.id"], name="fk_livestream_credit_entries_stream_id"
        ),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name="fk_livestream_credit_entries_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_livestream_credit_entries"),
        sa.UniqueConstraint("kind", "cause", name="uq_livestream_credit_entries_kind"),
        sa.UniqueConstraint("stream_id", "slot", name="uq_livestream_credit_entries_stream_id"),
    )
    op.create_index("ix_livestream_credit_entries_seller_id_id", "livestream_credit_entries", ["seller_id", "id"])
    op.execute(_APPEND_ONLY)
    op.execute(
        "CREATE TRIGGER livestream_credits_kept BEFORE UPDATE OR DELETE ON livestream_credit_entries "
        "FOR EACH ROW EXECUTE FUNCTION livestream_credits_are_append_only()"
    )
    op.execute(
        "CREATE TRIGGER livestream_credits_never_emptied BEFORE TRUNCATE ON livestream_credit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION livestream_credits_are_append_only()"
    )


def downgrade() -> None:
    for table in ("credit_entries", "credit_purchases", "credit_accounts", "meters", "sessions"):
        op.drop_table(f"livestream_{table}")
    op.execute("DROP FUNCTION livestream_credits_are_append_only()")
