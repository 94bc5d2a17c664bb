"""Recharges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "wallet_0001"
down_revision = None
branch_labels = ("wallet",)
depends_on = "core_0004"


def upgrade() -> None:
    op.create_table(
        "wallet_recharges",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_wallet_recharges_amount_positive")),
        sa.CheckConstraint(
            "refunded_minor BETWEEN 0 AND amount_minor", name=op.f("ck_wallet_recharges_refunded_within_amount")
        ),
        sa.CheckConstraint(
            "(payment_id IS NULL) = (paid_at IS NULL)", name=op.f("ck_wallet_recharges_paid_by_a_payment")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_wallet_recharges_user_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_wallet_recharges_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_recharges")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_wallet_recharges_payment_id")),
    )
    op.create_index(op.f("ix_wallet_recharges_user_id"), "wallet_recharges", ["user_id"])


def downgrade() -> None:
    op.drop_table("wallet_recharges")
