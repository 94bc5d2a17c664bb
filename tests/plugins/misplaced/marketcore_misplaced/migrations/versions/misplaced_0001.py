"""Nothing yet."""

revision = "misplaced_0001"
down_revision = None
branch_labels = ("misplaced",)
depends_on = "core_0002"


def upgrade():
    """Change nothing."""


def downgrade():
    """Change nothing."""
