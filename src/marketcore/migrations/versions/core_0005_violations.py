"""Where a checkout comes from, what buyers who did not pay are charged with, and why an account is blocked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkouts", sa.Column("origin", sa.String(length=10), server_default="cart", nullable=False))
    op.create_check_constraint(op.f("ck_checkouts_origin_known"), "checkouts", "origin IN ('cart','award','offer')")
    # Every block so far was an admin's.
    op.add_column("users", sa.Column("blocked_for", sa.String(length=20), server_default="", nullable=False))
    op.create_table(
        "violations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("pardoned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pardoned_by", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=500), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_violations_order_id")),
        sa.ForeignKeyConstraint(["pardoned_by"], ["users.id"], name=op.f("fk_violations_pardoned_by")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_violations_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_violations")),
        sa.UniqueConstraint("order_id", name=op.f("uq_violations_order_id")),
    )
    op.create_index("ix_violations_user_id_id", "violations", ["user_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("violations")
    op.drop_column("users", "blocked_for")
    op.drop_column("checkouts", "origin")
