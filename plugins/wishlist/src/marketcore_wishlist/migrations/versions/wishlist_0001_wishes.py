"""What people wish for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "wishlist_0001"
down_revision = None
branch_labels = ("wishlist",)
depends_on = "core_0013"


def upgrade() -> None:
    op.create_table(
        "wishlist_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("noted_minor", sa.BigInteger(), nullable=True),
        sa.Column("noted_currency", sa.String(3), nullable=True),
        sa.Column("noted_buyable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_wishlist_items_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_wishlist_items_product_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_wishlist_items"),
        sa.UniqueConstraint("user_id", "product_id", name="uq_wishlist_items_user_id_product_id"),
    )
    op.create_index("ix_wishlist_items_user_id_id", "wishlist_items", ["user_id", "id"])
    op.create_index("ix_wishlist_items_product_id", "wishlist_items", ["product_id"])


def downgrade() -> None:
    op.drop_table("wishlist_items")
