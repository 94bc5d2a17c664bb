"""Complaints, messages and files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "complaints_0001"
down_revision = None
branch_labels = ("complaints",)
depends_on = "core_0014"

_OPEN = sa.text("state = 'open'")
_REFERENCES = {
    "order_id": "orders.id",
    "product_id": "products.id",
    "user_id": "users.id",
    "complainant_id": "users.id",
    "respondent_id": "users.id",
    "freeze_id": "order_freezes.id",
    "refund_id": "refunds.id",
    "decided_by": "users.id",
}


def _created() -> sa.Column:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False)


def _id() -> sa.Column:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    table = "complaints_complaints"
    op.create_table(
        table,
        _id(),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("product_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("complainant_id", sa.BigInteger(), nullable=False),
        sa.Column("respondent_id", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(30), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("state", sa.String(10), server_default="open", nullable=False),
        sa.Column("freeze_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(2000), server_default="", nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        _created(),
        sa.CheckConstraint("num_nonnulls(order_id, product_id, user_id) = 1", name=f"ck_{table}_about_one_thing"),
        sa.CheckConstraint("complainant_id <> respondent_id", name=f"ck_{table}_two_parties"),
        sa.CheckConstraint("state IN ('open','resolved','rejected','withdrawn')", name=f"ck_{table}_state_known"),
        *(
            sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")
            for column, target in _REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )
    for kind in ("order", "product", "user"):
        op.create_index(
            f"uq_{table}_open_{kind}", table, [f"{kind}_id", "complainant_id"], unique=True, postgresql_where=_OPEN
        )
    for party in ("complainant_id", "respondent_id"):
        op.create_index(f"ix_{table}_{party}_id", table, [party, "id"])
    op.create_index(f"ix_{table}_open", table, ["id"], postgresql_where=_OPEN)
    op.create_table(
        "complaints_messages",
        _id(),
        sa.Column("complaint_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(12), nullable=False),
        sa.Column("body", sa.String(4000), nullable=False),
        _created(),
        sa.CheckConstraint("part IN ('complainant','respondent','staff')", name="ck_complaints_messages_part_known"),
        sa.ForeignKeyConstraint(["complaint_id"], [f"{table}.id"], name="fk_complaints_messages_complaint_id"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name="fk_complaints_messages_author_id"),
        sa.PrimaryKeyConstraint("id", name="pk_complaints_messages"),
    )
    op.create_index("ix_complaints_messages_complaint_id_id", "complaints_messages", ["complaint_id", "id"])
    op.create_table(
        "complaints_files",
        sa.Column("media_id", sa.BigInteger(), nullable=False),
        sa.Column("complaint_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media_objects.id"], name="fk_complaints_files_media_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["complaint_id"], [f"{table}.id"], name="fk_complaints_files_complaint_id"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name="fk_complaints_files_author_id"),
        sa.PrimaryKeyConstraint("media_id", name="pk_complaints_files"),
    )
    op.create_index("ix_complaints_files_complaint_id", "complaints_files", ["complaint_id"])


def downgrade() -> None:
    for table in ("complaints_files", "complaints_messages", "complaints_complaints"):
        op.drop_table(table)
