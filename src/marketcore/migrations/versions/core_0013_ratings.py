"""What buyers think of products, where searches find it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0013"
down_revision = "core_0012"
branch_labels = None
depends_on = None

_AVERAGE = "coalesce((100 * ratings_total + ratings_count / 2) / nullif(ratings_count, 0), 0)"
# Whoever publishes: the lock waits for a rating that is being given, so that neither misses the other.
_TAKE = """
    CREATE FUNCTION listings_take_rating() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        SELECT rating_hundredths INTO NEW.rating_hundredths FROM products WHERE id = NEW.product_id FOR SHARE;
        NEW.rating_hundredths := coalesce(NEW.rating_hundredths, 0);
        RETURN NEW;
    END $$
"""
_TRIGGER = """
    CREATE TRIGGER listings_take_rating BEFORE INSERT ON listings
    FOR EACH ROW EXECUTE FUNCTION listings_take_rating()
"""
_ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    for name in ("ratings_count", "ratings_total"):
        op.add_column("products", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "products",
        sa.Column("rating_hundredths", sa.Integer(), sa.Computed(_AVERAGE, persisted=True), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_products_ratings_in_stars"), "products", "ratings_total BETWEEN ratings_count AND 5 * ratings_count"
    )
    op.add_column("listings", sa.Column("rating_hundredths", sa.Integer(), server_default="0", nullable=False))
    for name, columns in (
        ("ix_listings_active_category_rating", ["category_id", "rating_hundredths", "id"]),
        ("ix_listings_active_rating", ["rating_hundredths", "id"]),
    ):
        op.create_index(name, "listings", columns, unique=False, postgresql_where=_ACTIVE)
    op.execute(_TAKE)
    op.execute(_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER listings_take_rating ON listings")
    op.execute("DROP FUNCTION listings_take_rating()")
    op.drop_column("listings", "rating_hundredths")
    op.drop_column("products", "rating_hundredths")
    op.drop_constraint(op.f("ck_products_ratings_in_stars"), "products", type_="check")
    for name in ("ratings_total", "ratings_count"):
        op.drop_column("products", name)
