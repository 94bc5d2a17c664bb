"""Lower prices for a time, and since when a cart has known its prices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0012"
down_revision = "core_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("listings", sa.Column("offer_minor", sa.BigInteger(), nullable=True))
    op.add_column("listings", sa.Column("offer_until", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_listings_offer_positive"), "listings", "offer_minor > 0")
    op.create_check_constraint(
        op.f("ck_listings_offer_ends"), "listings", "(offer_minor IS NULL) = (offer_until IS NULL)"
    )
    op.add_column("listings", sa.Column("offer_ended_at", sa.DateTime(timezone=True), nullable=True))
    known = sa.Column("priced_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False)
    op.add_column("cart_items", known)


def downgrade() -> None:
    op.drop_column("cart_items", "priced_at")
    op.drop_constraint(op.f("ck_listings_offer_ends"), "listings")
    op.drop_constraint(op.f("ck_listings_offer_positive"), "listings")
    op.drop_column("listings", "offer_ended_at")
    op.drop_column("listings", "offer_until")
    op.drop_column("listings", "offer_minor")
