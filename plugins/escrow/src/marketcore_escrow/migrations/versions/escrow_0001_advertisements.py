"""Advertisements, applications, proofs, steps and contests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "escrow_0001"
down_revision = None
branch_labels = ("escrow",)
depends_on = "core_0009"

_NOW = sa.text("market_clock()")


def _key() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _moment(name: str, *, now: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=_NOW if now else None, nullable=not now)


def _minor(name: str, *, nullable: bool = False, zero: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), server_default="0" if zero else None, nullable=nullable)


def _ref(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _words(name: str, length: int, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), server_default=default, nullable=False)


def upgrade() -> None:
    _advertisements()
    _applications()
    _proofs()
    _steps()
    _contests()


def _advertisements() -> None:
    table = "escrow_advertisements"
    op.create_table(
        table,
        _key(),
        _ref("owner_id"),
        _words("title", 200),
        sa.Column("description", sa.Text(), nullable=False),
        _words("currency", 3),
        _minor("budget_minor"),
        sa.Column("days", sa.Integer(), nullable=False),
        _words("state", 20, "unfunded"),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        _moment("funded_at"),
        _moment("ends_at"),
        _moment("ended_at"),
        _minor("released_minor", zero=True),
        _minor("returned_minor", zero=True),
        _minor("contested_minor", zero=True),
        _moment("created_at", now=True),
        sa.CheckConstraint(
            "state IN ('unfunded','open','running','ending','finished','cancelled')",
            name=op.f(f"ck_{table}_state_known"),
        ),
        sa.CheckConstraint("budget_minor > 0", name=op.f(f"ck_{table}_budget_positive")),
        sa.CheckConstraint("days > 0", name=op.f(f"ck_{table}_days_positive")),
        sa.CheckConstraint(
            "least(released_minor, returned_minor, contested_minor) >= 0"
            " AND released_minor + returned_minor + contested_minor <= budget_minor",
            name=op.f(f"ck_{table}_within_budget"),
        ),
        sa.CheckConstraint(
            "(payment_id IS NULL) = (funded_at IS NULL) AND (payment_id IS NULL) = (ends_at IS NULL)",
            name=op.f(f"ck_{table}_funded_by_a_payment"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('open','running','ending') OR payment_id IS NOT NULL",
            name=op.f(f"ck_{table}_runs_when_funded"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f(f"fk_{table}_owner_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f(f"fk_{table}_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("payment_id", name=op.f(f"uq_{table}_payment_id")),
    )
    op.create_index(f"ix_{table}_owner_id_id", table, ["owner_id", "id"])
    op.create_index(f"ix_{table}_state_id", table, ["state", "id"])
    op.create_index(f"ix_{table}_due", table, ["ends_at"], postgresql_where=sa.text("state IN ('open','running')"))


def _applications() -> None:
    table = "escrow_applications"
    op.create_table(
        table,
        _key(),
        _ref("advertisement_id"),
        _ref("applicant_id"),
        _words("message", 2000),
        _words("state", 20, "applied"),
        _minor("share_minor", nullable=True),
        sa.Column("commission_bp", sa.Integer(), nullable=True),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        _moment("due_at"),
        _minor("released_minor", zero=True),
        _minor("fee_minor", zero=True),
        _ref("disputed_by", nullable=True),
        _moment("created_at", now=True),
        _moment("updated_at", now=True),
        sa.CheckConstraint(
            "state IN ('applied','withdrawn','declined','accepted','submitted','rejected','disputed','released',"
            "'returned','split')",
            name=op.f(f"ck_{table}_state_known"),
        ),
        sa.CheckConstraint("share_minor > 0", name=op.f(f"ck_{table}_share_positive")),
        sa.CheckConstraint(
            "(share_minor IS NULL) = (hold_id IS NULL) AND (share_minor IS NULL) = (commission_bp IS NULL)"
            " AND (share_minor IS NULL) = (state IN ('applied','withdrawn','declined'))",
            name=op.f(f"ck_{table}_accepted_with_a_hold"),
        ),
        sa.CheckConstraint("commission_bp BETWEEN 0 AND 10000", name=op.f(f"ck_{table}_commission_share")),
        sa.CheckConstraint(
            "released_minor BETWEEN 0 AND coalesce(share_minor, 0)", name=op.f(f"ck_{table}_released_within_share")
        ),
        sa.CheckConstraint("fee_minor BETWEEN 0 AND released_minor", name=op.f(f"ck_{table}_fee_within_released")),
        sa.CheckConstraint(
            "(due_at IS NOT NULL) = (state IN ('accepted','submitted','rejected'))",
            name=op.f(f"ck_{table}_due_while_somebody_acts"),
        ),
        sa.CheckConstraint(
            "(disputed_by IS NULL) OR share_minor IS NOT NULL", name=op.f(f"ck_{table}_disputed_once_accepted")
        ),
        sa.ForeignKeyConstraint(
            ["advertisement_id"], ["escrow_advertisements.id"], name=op.f(f"fk_{table}_advertisement_id")
        ),
        sa.ForeignKeyConstraint(["applicant_id"], ["users.id"], name=op.f(f"fk_{table}_applicant_id")),
        sa.ForeignKeyConstraint(["disputed_by"], ["users.id"], name=op.f(f"fk_{table}_disputed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("advertisement_id", "applicant_id", name=op.f(f"uq_{table}_advertisement_id_applicant_id")),
        sa.UniqueConstraint("hold_id", name=op.f(f"uq_{table}_hold_id")),
    )
    op.create_index(f"ix_{table}_advertisement_id_id", table, ["advertisement_id", "id"])
    op.create_index(f"ix_{table}_applicant_id_id", table, ["applicant_id", "id"])
    op.create_index(f"ix_{table}_due", table, ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index(f"ix_{table}_disputed", table, ["id"], postgresql_where=sa.text("state = 'disputed'"))


def _proofs() -> None:
    table = "escrow_proofs"
    op.create_table(
        table,
        _key(),
        _ref("application_id"),
        sa.Column("link", sa.String(500), nullable=True),
        _ref("media_id", nullable=True),
        _words("note", 1000, ""),
        _words("state", 20, "submitted"),
        _words("reason", 1000, ""),
        _moment("created_at", now=True),
        _moment("answered_at"),
        sa.CheckConstraint(
            "state IN ('submitted','approved','rejected','closed')", name=op.f(f"ck_{table}_state_known")
        ),
        sa.CheckConstraint("(link IS NULL) <> (media_id IS NULL)", name=op.f(f"ck_{table}_link_or_image")),
        sa.CheckConstraint("link ~* '^https?://'", name=op.f(f"ck_{table}_link_of_the_web")),
        sa.CheckConstraint("(state = 'rejected') = (reason <> '')", name=op.f(f"ck_{table}_rejected_with_a_reason")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["escrow_applications.id"], name=op.f(f"fk_{table}_application_id")
        ),
        sa.ForeignKeyConstraint(["media_id"], ["media_objects.id"], name=op.f(f"fk_{table}_media_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("media_id", name=op.f(f"uq_{table}_media_id")),
    )
    op.create_index(f"ix_{table}_application_id_id", table, ["application_id", "id"])
    op.create_index(
        f"uq_{table}_waiting", table, ["application_id"], unique=True, postgresql_where=sa.text("state = 'submitted'")
    )


def _steps() -> None:
    table = "escrow_steps"
    op.create_table(
        table,
        _key(),
        _ref("advertisement_id"),
        _ref("application_id", nullable=True),
        _words("previous", 20),
        _words("state", 20),
        _ref("actor_id", nullable=True),
        _words("note", 1000, ""),
        _moment("at", now=True),
        sa.ForeignKeyConstraint(
            ["advertisement_id"], ["escrow_advertisements.id"], name=op.f(f"fk_{table}_advertisement_id")
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["escrow_applications.id"], name=op.f(f"fk_{table}_application_id")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f(f"fk_{table}_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_advertisement_id_id", table, ["advertisement_id", "id"])
    op.create_index(f"ix_{table}_application_id_id", table, ["application_id", "id"])


def _contests() -> None:
    table = "escrow_contests"
    op.create_table(
        table,
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        _ref("advertisement_id"),
        _minor("held_minor"),
        _minor("debt_minor"),
        _words("state", 10, "open"),
        sa.CheckConstraint("state IN ('open','won','lost')", name=op.f(f"ck_{table}_state_known")),
        sa.CheckConstraint("least(held_minor, debt_minor) >= 0", name=op.f(f"ck_{table}_not_negative")),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name=op.f(f"fk_{table}_dispute_id")),
        sa.ForeignKeyConstraint(
            ["advertisement_id"], ["escrow_advertisements.id"], name=op.f(f"fk_{table}_advertisement_id")
        ),
        sa.PrimaryKeyConstraint("dispute_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_advertisement_id", table, ["advertisement_id"])


def downgrade() -> None:
    for name in ("contests", "steps", "proofs", "applications", "advertisements"):
        op.drop_table(f"escrow_{name}")
