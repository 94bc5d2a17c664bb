"""Who has proved to read an account's e-mails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None

_RIGHTS = """OLD.roles IS DISTINCT FROM NEW.roles
             OR (OLD.blocked_at IS NULL) IS DISTINCT FROM (NEW.blocked_at IS NULL)"""
_PROVED = "OR (OLD.email_verified_at IS NULL) IS DISTINCT FROM (NEW.email_verified_at IS NULL)"


def _watch(what: str) -> None:
    op.execute("DROP TRIGGER users_changed ON users")
    op.execute(
        f"""CREATE CONSTRAINT TRIGGER users_changed AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN ({what}) EXECUTE FUNCTION identity_has_changed()"""
    )


def upgrade() -> None:
    op.add_column("users", sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "email_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('verify_email','reset_password')", name=op.f("ck_email_tokens_purpose_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_email_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_email_tokens_token_hash")),
    )
    op.create_index("ix_email_tokens_user_id", "email_tokens", ["user_id", "purpose", "created_at"])
    op.create_index("ix_email_tokens_expires_at", "email_tokens", ["expires_at"])
    _watch(f"{_RIGHTS} {_PROVED}")


def downgrade() -> None:
    _watch(_RIGHTS)
    op.drop_table("email_tokens")
    op.drop_column("users", "email_verified_at")
