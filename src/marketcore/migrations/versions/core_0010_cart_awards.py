"""What somebody has won lies in their cart: reserved, at its price, until a moment; not buying it is a violation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0010"
down_revision = "core_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cart_awards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="held", nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint("unit_minor > 0", name=op.f("ck_cart_awards_price_positive")),
        sa.CheckConstraint("state IN ('held','ordered','removed','lapsed')", name=op.f("ck_cart_awards_state_known")),
        sa.CheckConstraint(
            "(state = 'ordered') = (order_id IS NOT NULL)", name=op.f("ck_cart_awards_order_when_ordered")
        ),
        sa.CheckConstraint("(state = 'held') = (ended_at IS NULL)", name=op.f("ck_cart_awards_ended_unless_held")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_cart_awards_user_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_cart_awards_listing_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_cart_awards_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_awards")),
    )
    op.create_index(op.f("ix_cart_awards_user_id"), "cart_awards", ["user_id"])
    op.create_index(op.f("ix_cart_awards_listing_id"), "cart_awards", ["listing_id"])
    op.create_index(op.f("ix_cart_awards_order_id"), "cart_awards", ["order_id"])
    op.create_index("ix_cart_awards_due_at", "cart_awards", ["due_at"], postgresql_where=sa.text("state = 'held'"))
    op.drop_column("cart_items", "award_minor")
    op.add_column("cart_items", sa.Column("award_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_cart_items_award_id"), "cart_items", "cart_awards", ["award_id"], ["id"])
    op.create_unique_constraint(op.f("uq_cart_items_award_id"), "cart_items", ["award_id"])
    op.create_check_constraint(
        op.f("ck_cart_items_award_is_one_piece"), "cart_items", "award_id IS NULL OR quantity = 1"
    )
    _charge_for_awards()


def _charge_for_awards() -> None:
    op.alter_column("violations", "order_id", nullable=True)
    op.add_column("violations", sa.Column("award_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_violations_award_id"), "violations", "cart_awards", ["award_id"], ["id"])
    op.create_unique_constraint(op.f("uq_violations_award_id"), "violations", ["award_id"])
    op.create_check_constraint(
        op.f("ck_violations_about_one_promise"), "violations", "num_nonnulls(order_id, award_id) = 1"
    )


def downgrade() -> None:
    op.execute("DELETE FROM violations WHERE order_id IS NULL")
    op.drop_column("violations", "award_id")
    op.alter_column("violations", "order_id", nullable=False)
    op.execute("DELETE FROM cart_items WHERE award_id IS NOT NULL")
    op.drop_column("cart_items", "award_id")
    op.add_column("cart_items", sa.Column("award_minor", sa.BigInteger(), nullable=True))
    op.drop_table("cart_awards")
