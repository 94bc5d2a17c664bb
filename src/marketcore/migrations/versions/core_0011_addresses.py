"""Addresses of people, in provinces and cities; orders of work that nobody ships."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0011"
down_revision = "core_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provinces",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_provinces_country_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provinces")),
    )
    op.create_index("uq_provinces_country_name", "provinces", ["country", sa.text("lower(name)")], unique=True)
    op.create_table(
        "cities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("province_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["province_id"], ["provinces.id"], name=op.f("fk_cities_province_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cities")),
    )
    op.create_index("uq_cities_province_id_name", "cities", ["province_id", sa.text("lower(name)")], unique=True)
    _create_addresses()
    op.add_column("orders", sa.Column("ships", sa.Boolean(), server_default=sa.text("true"), nullable=False))


def _create_addresses() -> None:
    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=50), server_default="", nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=20), server_default="", nullable=False),
        sa.Column("line1", sa.String(length=200), nullable=False),
        sa.Column("line2", sa.String(length=200), server_default="", nullable=False),
        sa.Column("postal_code", sa.String(length=20), server_default="", nullable=False),
        sa.Column("city_id", sa.BigInteger(), nullable=True),
        sa.Column("city", sa.String(length=100), server_default="", nullable=False),
        sa.Column("region", sa.String(length=100), server_default="", nullable=False),
        sa.Column("country", sa.String(length=2), server_default="", nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN city_id IS NULL THEN city <> '' AND country ~ '^[A-Z]{2}$' "
            "ELSE city = '' AND region = '' AND country = '' END",
            name=op.f("ck_addresses_one_place"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_addresses_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["city_id"], ["cities.id"], name=op.f("fk_addresses_city_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
    )
    op.create_index("ix_addresses_city_id", "addresses", ["city_id"])
    op.create_index("ix_addresses_user_id_id", "addresses", ["user_id", "id"])
    op.create_index(
        "uq_addresses_default", "addresses", ["user_id"], unique=True, postgresql_where=sa.text("is_default")
    )


def downgrade() -> None:
    op.drop_column("orders", "ships")
    for table in ("addresses", "cities", "provinces"):
        op.drop_table(table)
