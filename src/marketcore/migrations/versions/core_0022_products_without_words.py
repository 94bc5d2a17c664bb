"""Products no longer keep their words beside those of their listings: nobody looks for what is not on sale.

Taking it back computes the words of every product anew while nobody can read them: half a minute per million.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "core_0022"
down_revision = "core_0021"
branch_labels = None
depends_on = None

_WORDS = "setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', description), 'B')"


def upgrade() -> None:
    op.drop_column("products", "search")


def downgrade() -> None:
    op.add_column("products", sa.Column("search", TSVECTOR(), sa.Computed(_WORDS, persisted=True), nullable=False))
    op.create_index("ix_products_search", "products", ["search"], unique=False, postgresql_using="gin")
