"""A number that changes whenever a session ends or an account's rights change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None

# Deferred to the commit: the one row is locked for that moment only, after everything else.
_TRIGGERS = {
    "auth_sessions_ended": "UPDATE ON auth_sessions {} WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)",
    "auth_sessions_gone": "DELETE ON auth_sessions {}",
    "users_changed": """UPDATE ON users {} WHEN (OLD.roles IS DISTINCT FROM NEW.roles
                        OR (OLD.blocked_at IS NULL) IS DISTINCT FROM (NEW.blocked_at IS NULL))""",
    "users_gone": "DELETE ON users {}",
}


def upgrade() -> None:
    op.create_table(
        "identity_revision",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_identity_revision_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_identity_revision")),
    )
    op.execute("INSERT INTO identity_revision DEFAULT VALUES")
    op.execute(
        """
        CREATE FUNCTION identity_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE identity_revision SET number = number + 1;
            RETURN NULL;
        END $$
        """
    )
    for name, definition in _TRIGGERS.items():
        change = definition.format("DEFERRABLE INITIALLY DEFERRED FOR EACH ROW")
        op.execute(f"CREATE CONSTRAINT TRIGGER {name} AFTER {change} EXECUTE FUNCTION identity_has_changed()")


def downgrade() -> None:
    for name, definition in _TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {definition.split()[2]}")
    op.execute("DROP FUNCTION identity_has_changed()")
    op.drop_table("identity_revision")
