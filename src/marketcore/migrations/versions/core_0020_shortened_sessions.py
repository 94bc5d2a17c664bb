"""A session whose end is brought forward moves the number that tells processes to forget what they know."""

from __future__ import annotations

from alembic import op

revision = "core_0020"
down_revision = "core_0019"
branch_labels = None
depends_on = None

_ENDED = "OLD.revoked_at IS DISTINCT FROM NEW.revoked_at"


def upgrade() -> None:
    _watch(f"{_ENDED} OR NEW.expires_at < OLD.expires_at")


def downgrade() -> None:
    _watch(_ENDED)


def _watch(condition: str) -> None:
    op.execute("DROP TRIGGER auth_sessions_ended ON auth_sessions")
    op.execute(
        f"""
        CREATE CONSTRAINT TRIGGER auth_sessions_ended AFTER UPDATE ON auth_sessions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION identity_has_changed()
        """
    )
