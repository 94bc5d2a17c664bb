"""Profiles, ratings and documents of sellers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "vendors_0001"
down_revision = None
branch_labels = ("vendors",)
depends_on = "core_0009"


def _moment(name: str, *, now: bool = False) -> sa.Column:
    default = sa.text("market_clock()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not now)


def upgrade() -> None:
    op.create_table(
        "vendors_profiles",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("brand_name", sa.String(120), nullable=False),
        sa.Column("business_name", sa.String(200), server_default="", nullable=False),
        sa.Column("biography", sa.Text(), server_default="", nullable=False),
        sa.Column("address", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("picture_id", sa.BigInteger(), nullable=True),
        _moment("verified_at"),
        sa.Column("verified_by", sa.BigInteger(), nullable=True),
        _moment("created_at", now=True),
        _moment("updated_at", now=True),
        sa.CheckConstraint(
            "(verified_at IS NULL) = (verified_by IS NULL)", name="ck_vendors_profiles_verified_by_somebody"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_vendors_profiles_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["media_objects.id"], name="fk_vendors_profiles_picture_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["verified_by"], ["users.id"], name="fk_vendors_profiles_verified_by"),
        sa.PrimaryKeyConstraint("user_id", name="pk_vendors_profiles"),
    )
    op.create_index("ix_vendors_profiles_picture_id", "vendors_profiles", ["picture_id"])
    op.create_table(
        "vendors_ratings",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("average", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("average >= 0 AND count >= 0", name="ck_vendors_ratings_not_negative"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_vendors_ratings_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_vendors_ratings"),
    )
    op.create_table(
        "vendors_documents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("media_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), server_default="submitted", nullable=False),
        sa.Column("reason", sa.String(500), server_default="", nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        _moment("warned_at"),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        _moment("decided_at"),
        _moment("created_at", now=True),
        sa.CheckConstraint(
            "state IN ('submitted','approved','rejected','expired','replaced')", name="ck_vendors_documents_state_known"
        ),
        sa.CheckConstraint("(state = 'submitted') = (decided_at IS NULL)", name="ck_vendors_documents_decided_once"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_vendors_documents_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media_objects.id"], name="fk_vendors_documents_media_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name="fk_vendors_documents_decided_by"),
        sa.PrimaryKeyConstraint("id", name="pk_vendors_documents"),
        sa.UniqueConstraint("media_id", name="uq_vendors_documents_media_id"),
    )
    for state in ("submitted", "approved"):
        op.create_index(
            f"uq_vendors_documents_{state}",
            "vendors_documents",
            ["user_id", "kind"],
            unique=True,
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_index("ix_vendors_documents_user_id_id", "vendors_documents", ["user_id", "id"])
    op.create_index("ix_vendors_documents_state_id", "vendors_documents", ["state", "id"])
    op.create_index(
        "ix_vendors_documents_expires_on",
        "vendors_documents",
        ["expires_on"],
        postgresql_where=sa.text("state = 'approved'"),
    )


def downgrade() -> None:
    op.drop_table("vendors_documents")
    op.drop_table("vendors_ratings")
    op.drop_table("vendors_profiles")
