"""Endpoints, messages and deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "webhooks_0001"
down_revision = None
branch_labels = ("webhooks",)
depends_on = "core_0002"

NOW = sa.text("market_clock()")


def moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=None if nullable else NOW, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "webhooks_endpoints",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Boolean(), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("description", sa.String(200), server_default="", nullable=False),
        sa.Column("event_types", postgresql.ARRAY(sa.String(60)), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        moment("old_secret_until"),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("disabled_reason", sa.String(10), server_default="", nullable=False),
        moment("failing_since"),
        moment("paused_until"),
        moment("created_at", nullable=False),
        sa.CheckConstraint(
            "disabled_reason IN ('','owner','gone','failing')", name=op.f("ck_webhooks_endpoints_reason_known")
        ),
        sa.CheckConstraint(
            "enabled = (disabled_reason = '')", name=op.f("ck_webhooks_endpoints_disabled_for_a_reason")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_webhooks_endpoints_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks_endpoints")),
    )
    op.create_index("ix_webhooks_endpoints_user_id", "webhooks_endpoints", ["user_id"])
    op.create_index(
        "ix_webhooks_endpoints_platform", "webhooks_endpoints", ["id"], postgresql_where=sa.text("platform")
    )
    op.create_table(
        "webhooks_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.String(40), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        moment("created_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks_messages")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhooks_messages_public_id")),
    )
    op.create_index("ix_webhooks_messages_created_at", "webhooks_messages", ["created_at"])
    op.create_table(
        "webhooks_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), server_default="waiting", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        moment("next_at", nullable=False),
        moment("lease_until"),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(300), server_default="", nullable=False),
        moment("last_at"),
        moment("delivered_at"),
        moment("created_at", nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting','delivered','failed')", name=op.f("ck_webhooks_deliveries_state_known")
        ),
        sa.CheckConstraint(
            "(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_webhooks_deliveries_lease_whole")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["webhooks_messages.id"],
            name=op.f("fk_webhooks_deliveries_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhooks_endpoints.id"],
            name=op.f("fk_webhooks_deliveries_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks_deliveries")),
        sa.UniqueConstraint("message_id", "endpoint_id", name=op.f("uq_webhooks_deliveries_message_id_endpoint_id")),
    )
    op.create_index("ix_webhooks_deliveries_endpoint_id", "webhooks_deliveries", ["endpoint_id", "id"])
    op.create_index(
        "ix_webhooks_deliveries_due",
        "webhooks_deliveries",
        ["endpoint_id", "next_at", "id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_webhooks_deliveries_leased",
        "webhooks_deliveries",
        ["endpoint_id"],
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("webhooks_deliveries")
    op.drop_table("webhooks_messages")
    op.drop_table("webhooks_endpoints")
