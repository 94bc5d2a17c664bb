"""Logins on their way to a provider and back, and the accounts there that open accounts here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "social_login_0001"
down_revision = None
branch_labels = ("social_login",)
depends_on = "core_0009"

NOW = sa.text("market_clock()")


def moment(name: str, *, now: bool = False, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=NOW if now else None, nullable=nullable)


def words(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length), server_default="", nullable=False)


def upgrade() -> None:
    op.create_table(
        "social_login_flows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(30), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("link_user_id", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("return_to", sa.String(500), nullable=False),
        moment("created_at", now=True, nullable=False),
        moment("expires_at", nullable=False),
        moment("returned_at"),
        sa.Column("handover_hash", sa.LargeBinary(), nullable=True),
        moment("handover_until"),
        moment("redeemed_at"),
        sa.Column("subject", sa.String(255), nullable=True),
        words("email", 254),
        sa.Column("email_verified", sa.Boolean(), server_default="false", nullable=False),
        words("first_name", 100),
        words("last_name", 100),
        sa.CheckConstraint(
            "(handover_hash IS NULL) = (handover_until IS NULL)", name=op.f("ck_social_login_flows_handover_whole")
        ),
        sa.CheckConstraint(
            "(handover_hash IS NULL) = (subject IS NULL)", name=op.f("ck_social_login_flows_handover_of_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["link_user_id"], ["users.id"], name=op.f("fk_social_login_flows_link_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_social_login_flows")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_social_login_flows_state_hash")),
        sa.UniqueConstraint("handover_hash", name=op.f("uq_social_login_flows_handover_hash")),
    )
    op.create_index("ix_social_login_flows_expires_at", "social_login_flows", ["expires_at"])
    op.create_index("ix_social_login_flows_link_user_id", "social_login_flows", ["link_user_id"])
    op.create_table(
        "social_login_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(30), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        words("email", 254),
        moment("linked_at", now=True, nullable=False),
        moment("used_at"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_social_login_links_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_social_login_links")),
        sa.UniqueConstraint("provider", "subject", name=op.f("uq_social_login_links_provider_subject")),
        sa.UniqueConstraint("user_id", "provider", name=op.f("uq_social_login_links_user_id_provider")),
    )


def downgrade() -> None:
    op.drop_table("social_login_links")
    op.drop_table("social_login_flows")
