"""Reviews, feedback, what sellers are rated, and who has been asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "reviews_0001"
down_revision = None
branch_labels = ("reviews",)
depends_on = "core_0013"

_MARKS = ("seller_rating", "platform_rating", "communication", "shipping", "accuracy")
_TOTALS = ("ratings_count", "seller_total", "communication_total", "shipping_total", "accuracy_total")


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _created(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False)


def _answered_and_moderated() -> list[sa.Column]:
    return [
        sa.Column("reply", sa.String(2000), server_default="", nullable=False),
        _moment("replied_at"),
        sa.Column("hidden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("hidden_reason", sa.String(500), server_default="", nullable=False),
        _created("created_at"),
    ]


def upgrade() -> None:
    op.create_table(
        "reviews_reviews",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("body", sa.String(5000), server_default="", nullable=False),
        *_answered_and_moderated(),
        _moment("edited_at"),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="ck_reviews_reviews_rating_in_stars"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_reviews_reviews_product_id"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name="fk_reviews_reviews_author_id"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_reviews_reviews_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews_reviews"),
        sa.UniqueConstraint("product_id", "author_id", name="uq_reviews_reviews_product_id_author_id"),
    )
    op.create_index("ix_reviews_reviews_product_id_id", "reviews_reviews", ["product_id", "id"])
    op.create_index("ix_reviews_reviews_author_id_id", "reviews_reviews", ["author_id", "id"])
    op.create_table(
        "reviews_feedback",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("buyer_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        *(sa.Column(mark, sa.Integer(), nullable=False) for mark in _MARKS),
        sa.Column("comment", sa.String(2000), server_default="", nullable=False),
        *_answered_and_moderated(),
        *(
            sa.CheckConstraint(f"{mark} BETWEEN 1 AND 5", name=f"ck_reviews_feedback_{mark}_in_stars")
            for mark in _MARKS
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_reviews_feedback_order_id"),
        sa.ForeignKeyConstraint(["buyer_id"], ["users.id"], name="fk_reviews_feedback_buyer_id"),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_reviews_feedback_seller_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews_feedback"),
        sa.UniqueConstraint("order_id", name="uq_reviews_feedback_order_id"),
    )
    op.create_index("ix_reviews_feedback_seller_id_id", "reviews_feedback", ["seller_id", "id"])
    op.create_table(
        "reviews_sellers",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        *(sa.Column(total, sa.Integer(), server_default="0", nullable=False) for total in _TOTALS),
        sa.CheckConstraint(
            "seller_total BETWEEN ratings_count AND 5 * ratings_count", name="ck_reviews_sellers_in_stars"
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_reviews_sellers_seller_id"),
        sa.PrimaryKeyConstraint("seller_id", name="pk_reviews_sellers"),
    )
    op.create_table(
        "reviews_requests",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        _created("asked_at"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_reviews_requests_order_id"),
        sa.PrimaryKeyConstraint("order_id", name="pk_reviews_requests"),
    )


def downgrade() -> None:
    for table in ("reviews_requests", "reviews_sellers", "reviews_feedback", "reviews_reviews"):
        op.drop_table(table)
