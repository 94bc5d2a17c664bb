"""What a seller has sold in a span of time is found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0019"
down_revision = "core_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_orders_seller_id_paid_at",
        "orders",
        ["seller_id", "paid_at"],
        postgresql_where=sa.text("paid_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_orders_seller_id_paid_at", table_name="orders")
