"""Good things."""

import sqlalchemy as sa
from alembic import op

revision = "good_0001"
down_revision = None
branch_labels = ("good",)
depends_on = "core_0002"


def upgrade():
    op.create_table(
        "good_things",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("keeper_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["keeper_id"], ["users.id"], name="fk_good_things_keeper_id"),
        sa.PrimaryKeyConstraint("id", name="pk_good_things"),
    )


def downgrade():
    op.drop_table("good_things")
