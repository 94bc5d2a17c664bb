"""The words of what is on sale, one narrow row per listing, found by an index that also knows how new a listing is.

Nobody publishes or changes a listing or a product while the rows are written and indexed: some twenty seconds per
million listings. Readers go on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "core_0021"
down_revision = "core_0020"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    """
    CREATE FUNCTION search_words(title text, description text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN setweight(to_tsvector('english'::regconfig, title), 'A')
        || setweight(to_tsvector('english'::regconfig, description), 'B')
    """,
    # The stretches of ids that a listing lies in: 2^11, 2^15, 2^19 and 2^23 ids long, each number telling which and
    # how long.
    """
    CREATE FUNCTION id_stretches(id bigint) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY[id >> 11 << 6 | 11, id >> 15 << 6 | 15, id >> 19 << 6 | 19, id >> 23 << 6 | 23]
    """,
    # The product is locked so that a change of its title, which looks for listings afterwards, is before or after this.
    """
    CREATE FUNCTION listings_keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.state = 'closed' THEN
            DELETE FROM listing_words WHERE listing_id = NEW.id;
        ELSE
            INSERT INTO listing_words (listing_id, search)
            SELECT NEW.id, search_words(title, description) FROM products WHERE id = NEW.product_id FOR SHARE;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION products_keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE listing_words w SET search = search_words(NEW.title, NEW.description)
        FROM listings l WHERE l.product_id = NEW.id AND l.state <> 'closed' AND w.listing_id = l.id;
        RETURN NULL;
    END $$
    """,
)
_TRIGGERS = {
    "listings_words_published": "INSERT ON listings FOR EACH ROW WHEN (NEW.state <> 'closed')",
    "listings_words_steered": """UPDATE OF state ON listings FOR EACH ROW
        WHEN ((OLD.state = 'closed') <> (NEW.state = 'closed'))""",
    "products_words_changed": """UPDATE OF title, description ON products FOR EACH ROW
        WHEN (OLD.title <> NEW.title OR OLD.description <> NEW.description)""",
}


def upgrade() -> None:
    op.create_table(
        "listing_words",
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("search", TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_listing_words_listing_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("listing_id", name=op.f("pk_listing_words")),
    )
    for function in _FUNCTIONS:
        op.execute(function)
    for name, moment in _TRIGGERS.items():
        table = moment.split(" ON ")[1].split()[0]
        op.execute(f"CREATE TRIGGER {name} AFTER {moment} EXECUTE FUNCTION {table}_keep_words()")
    op.execute(
        """
        INSERT INTO listing_words (listing_id, search)
        SELECT l.id, p.search FROM listings l JOIN products p ON p.id = l.product_id
        WHERE l.state <> 'closed' ORDER BY l.id
        """
    )
    op.execute("SET LOCAL maintenance_work_mem = '256MB'")
    # Without a list of what is yet to be sorted in: every search would read it from end to end.
    op.create_index(
        "ix_listing_words_search",
        "listing_words",
        ["search", sa.text("id_stretches(listing_id)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )


def downgrade() -> None:
    for name, moment in _TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {moment.split(' ON ')[1].split()[0]}")
    op.drop_table("listing_words")
    for function in (
        "products_keep_words()",
        "listings_keep_words()",
        "id_stretches(bigint)",
        "search_words(text, text)",
    ):
        op.execute(f"DROP FUNCTION {function}")
