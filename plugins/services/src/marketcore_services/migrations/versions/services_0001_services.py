"""Services, variants, images and orders of work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "services_0001"
down_revision = None
branch_labels = ("services",)
depends_on = "core_0011"

_NOW = sa.text("market_clock()")
_SEARCH = "setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', description), 'B')"


def upgrade() -> None:
    op.create_table(
        "services_services",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("approved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), sa.Computed(_SEARCH, persisted=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["vendor_id"], ["users.id"], name=op.f("fk_services_services_vendor_id")),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_services_services_category_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services_services")),
    )
    op.create_index("ix_services_services_search", "services_services", ["search"], postgresql_using="gin")
    op.create_index("ix_services_services_vendor_id_id", "services_services", ["vendor_id", "id"])
    op.create_index("ix_services_services_category_id", "services_services", ["category_id"])
    op.create_index(
        "ix_services_services_approved_id", "services_services", ["id"], postgresql_where=sa.text("approved")
    )
    _create_variants_and_images()
    _create_orders()


def _create_variants_and_images() -> None:
    op.create_table(
        "services_variants",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=75), nullable=False),
        sa.Column("description", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("listing_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_services_variants_price_positive")),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("ck_services_variants_duration_positive")),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services_services.id"], name=op.f("fk_services_variants_service_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_services_variants_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services_variants")),
    )
    op.create_index("ix_services_variants_service_id_id", "services_variants", ["service_id", "id"])
    op.create_index(
        "uq_services_variants_name", "services_variants", ["service_id", sa.text("lower(name)")], unique=True
    )
    op.create_table(
        "services_images",
        sa.Column("media_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media_objects.id"], name=op.f("fk_services_images_media_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services_services.id"], name=op.f("fk_services_images_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("media_id", name=op.f("pk_services_images")),
        sa.UniqueConstraint(
            "service_id",
            "position",
            name=op.f("uq_services_images_service_id"),
            deferrable=True,
            initially="DEFERRED",
        ),
    )


def _create_orders() -> None:
    op.create_table(
        "services_orders",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("variant_id", sa.BigInteger(), nullable=True),
        sa.Column("service_name", sa.String(length=120), nullable=False),
        sa.Column("variant_name", sa.String(length=75), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_services_orders_order_id")),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services_services.id"], name=op.f("fk_services_orders_service_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["services_variants.id"], name=op.f("fk_services_orders_variant_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_services_orders")),
    )
    for column in ("service_id", "variant_id"):
        op.create_index(f"ix_services_orders_{column}", "services_orders", [column])


def downgrade() -> None:
    for table in ("services_orders", "services_images", "services_variants", "services_services"):
        op.drop_table(table)
