"""Factors, recovery codes, codes on their way, logins half done, proofs, and wrong tries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "two_factor_0001"
down_revision = None
branch_labels = ("two_factor",)
depends_on = "core_0009"

NOW = sa.text("market_clock()")


def moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=None if nullable else NOW, nullable=nullable)


def of_user(table: str) -> tuple[sa.Column, sa.ForeignKeyConstraint]:
    key = sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE")
    return sa.Column("user_id", sa.BigInteger(), nullable=False), key


def upgrade() -> None:
    op.create_table(
        "two_factor_factors",
        *of_user("two_factor_factors"),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        moment("begun_at", nullable=False),
        moment("confirmed_at"),
        sa.CheckConstraint("method IN ('email','totp')", name=op.f("ck_two_factor_factors_method_known")),
        sa.CheckConstraint(
            "(method = 'totp') = (secret IS NOT NULL)", name=op.f("ck_two_factor_factors_secret_of_an_app")
        ),
        sa.PrimaryKeyConstraint("user_id", "method", name=op.f("pk_two_factor_factors")),
    )
    op.create_table(
        "two_factor_recovery_codes",
        *of_user("two_factor_recovery_codes"),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        moment("used_at"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_two_factor_recovery_codes")),
    )
    op.create_table(
        "two_factor_email_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        *of_user("two_factor_email_codes"),
        moment("created_at", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        moment("used_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_two_factor_email_codes")),
    )
    op.create_index("ix_two_factor_email_codes_user_id", "two_factor_email_codes", ["user_id", "created_at"])
    op.create_table(
        "two_factor_challenges",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        *of_user("two_factor_challenges"),
        sa.Column("standing", sa.LargeBinary(), nullable=False),
        sa.Column("way", sa.String(40), nullable=False),
        moment("created_at", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_two_factor_challenges")),
    )
    op.create_index("ix_two_factor_challenges_user_id", "two_factor_challenges", ["user_id"])
    op.create_index("ix_two_factor_challenges_expires_at", "two_factor_challenges", ["expires_at"])
    op.create_table(
        "two_factor_proofs",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        moment("proved_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["auth_sessions.id"], name=op.f("fk_two_factor_proofs_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_two_factor_proofs")),
    )
    op.create_table(
        "two_factor_tries",
        *of_user("two_factor_tries"),
        moment("since", nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_two_factor_tries")),
    )


def downgrade() -> None:
    for table in ("tries", "proofs", "challenges", "email_codes", "recovery_codes", "factors"):
        op.drop_table(f"two_factor_{table}")
