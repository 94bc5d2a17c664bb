"""Money on its way back and out: refunds, disputes, payouts, what reconciliation finds, and who decided what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None

# Tables in the order in which they can be made; they go in the opposite one.
TABLES = (
    "audit_log",
    "operation_history",
    "provider_callbacks",
    "commission_rates",
    "payout_destinations",
    "reconciliation_differences",
    "disputes",
    "payouts",
    "refunds",
    "dispute_parts",
)
_SHARE = "(total_minor::numeric * commission_bp * 2 + 10000) / 20000"


def upgrade() -> None:
    _make_tables()
    op.execute(
        "CREATE TRIGGER audit_log_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log FOR EACH STATEMENT"
        " EXECUTE FUNCTION ledger_history_is_kept()"
    )
    _widen_orders()
    op.add_column("payments", sa.Column("received_minor", sa.BigInteger(), nullable=True))
    op.add_column("payments", sa.Column("country", sa.String(length=2), nullable=True))
    op.execute("UPDATE payments SET received_minor = amount_minor WHERE state = 'captured'")
    op.execute(
        "INSERT INTO provider_callbacks (token_hash, provider, subject, subject_id, question, created_at)"
        " SELECT token_hash, provider, 'payment', id, false, created_at FROM payments"
    )
    op.drop_column("payments", "token_hash")
    op.add_column("webhook_inbox", sa.Column("answering", sa.Boolean(), server_default="false", nullable=False))


def _widen_orders() -> None:
    op.add_column("order_lines", sa.Column("commission_bp", sa.Integer(), nullable=True))
    op.execute("UPDATE order_lines n SET commission_bp = o.commission_bp FROM orders o WHERE o.id = n.order_id")
    op.alter_column("order_lines", "commission_bp", nullable=False)
    op.create_check_constraint(
        op.f("ck_order_lines_commission_share"), "order_lines", "commission_bp BETWEEN 0 AND 10000"
    )
    op.add_column("orders", sa.Column("commission_minor", sa.BigInteger(), nullable=True))
    op.execute(f"UPDATE orders SET commission_minor = floor({_SHARE})")
    op.alter_column("orders", "commission_minor", nullable=False)
    op.drop_column("orders", "commission_bp")
    op.add_column("orders", sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("disputed_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("disputed_from", sa.String(length=20), nullable=True))
    op.add_column("orders", sa.Column("on_delivery", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("orders", sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("payment_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_orders_payment_id"), "orders", "payments", ["payment_id"], ["id"])
    op.create_index(op.f("ix_orders_payment_id"), "orders", ["payment_id"], unique=False)
    # A payment that was set aside did not pay for anything.
    op.execute(
        "UPDATE orders o SET payment_id = p.id FROM payments p WHERE p.purpose = 'checkout' AND p.state = 'captured'"
        " AND p.reference = o.checkout_id::text AND NOT EXISTS (SELECT FROM ledger_transfers t"
        " WHERE t.code = 'unapplied' AND t.ref_type = 'payment' AND t.ref_id = p.id::text)"
    )
    op.execute("UPDATE orders o SET paid_at = h.at FROM order_history h WHERE h.order_id = o.id AND h.state = 'paid'")
    for name, rule in (
        ("commission_share", "commission_minor BETWEEN 0 AND total_minor"),
        ("not_negative", "refunded_minor >= 0 AND disputed_minor >= 0"),
        ("given_back_at_most_once", "refunded_minor + disputed_minor <= total_minor"),
    ):
        op.create_check_constraint(op.f(f"ck_orders_{name}"), "orders", rule)


def downgrade() -> None:
    op.drop_column("webhook_inbox", "answering")
    op.add_column("payments", sa.Column("token_hash", sa.LargeBinary(), nullable=True))
    op.execute(
        "UPDATE payments p SET token_hash = c.token_hash FROM provider_callbacks c"
        " WHERE c.subject_id = p.id AND c.subject = 'payment' AND NOT c.question"
    )
    # A payment within the marketplace never had an address.
    op.execute("UPDATE payments SET token_hash = sha256(id::text::bytea) WHERE token_hash IS NULL")
    op.alter_column("payments", "token_hash", nullable=False)
    op.create_unique_constraint(op.f("uq_payments_token_hash"), "payments", ["token_hash"])
    op.drop_column("payments", "country")
    op.drop_column("payments", "received_minor")
    op.add_column("orders", sa.Column("commission_bp", sa.Integer(), nullable=True))
    op.execute("UPDATE orders SET commission_bp = round(commission_minor::numeric * 10000 / total_minor)")
    op.alter_column("orders", "commission_bp", nullable=False)
    op.drop_constraint(op.f("ck_orders_commission_share"), "orders")
    op.create_check_constraint(op.f("ck_orders_commission_share"), "orders", "commission_bp BETWEEN 0 AND 10000")
    for column in (
        "payment_id",
        "paid_at",
        "on_delivery",
        "disputed_from",
        "disputed_minor",
        "refunded_minor",
        "commission_minor",
    ):
        op.drop_column("orders", column)
    op.drop_column("order_lines", "commission_bp")
    for table in reversed(TABLES):
        op.drop_table(table)


def _make_tables() -> None:
    _make_audit_log()
    _make_operation_history()
    _make_provider_callbacks()
    _make_commission_rates()
    _make_payout_destinations()
    _make_reconciliation_differences()
    _make_disputes()
    _make_payouts()
    _make_dispute_parts()
    _make_refunds()


def _make_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("act", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=80), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_subject_subject_id", "audit_log", ["subject", "subject_id"], unique=False)


def _make_operation_history() -> None:
    op.create_table(
        "operation_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subject", sa.String(length=12), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("previous", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.String(length=500), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation_history")),
    )
    op.create_index("ix_operation_history_subject_id", "operation_history", ["subject_id"], unique=False)


def _make_provider_callbacks() -> None:
    op.create_table(
        "provider_callbacks",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.String(length=12), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_provider_callbacks")),
    )
    op.create_index("ix_provider_callbacks_subject_id", "provider_callbacks", ["subject_id"], unique=False)


def _make_commission_rates() -> None:
    op.create_table(
        "commission_rates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=True),
        sa.Column("category_id", sa.BigInteger(), nullable=True),
        sa.Column("basis_points", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint("basis_points BETWEEN 0 AND 10000", name=op.f("ck_commission_rates_basis_points_share")),
        sa.CheckConstraint(
            "seller_id IS NOT NULL OR category_id IS NOT NULL", name=op.f("ck_commission_rates_of_something")
        ),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_commission_rates_category_id")),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name=op.f("fk_commission_rates_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_rates")),
        sa.UniqueConstraint(
            "seller_id",
            "category_id",
            name=op.f("uq_commission_rates_seller_id_category_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_commission_rates_category_id"), "commission_rates", ["category_id"], unique=False)


def _make_payout_destinations() -> None:
    op.create_table(
        "payout_destinations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("label", sa.String(length=100), server_default="", nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("provider_reference", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending','active','rejected','removed')", name=op.f("ck_payout_destinations_state_known")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_payout_destinations_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_destinations")),
    )
    op.create_index(op.f("ix_payout_destinations_user_id"), "payout_destinations", ["user_id"], unique=False)


def _make_reconciliation_differences() -> None:
    op.create_table(
        "reconciliation_differences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("what", sa.String(length=260), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("here_minor", sa.BigInteger(), nullable=True),
        sa.Column("there_minor", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=500), server_default="", nullable=False),
        sa.Column(
            "first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False
        ),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('only_here','only_there','amount','fee','ledger')",
            name=op.f("ck_reconciliation_differences_kind_known"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_reconciliation_differences_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_differences")),
    )
    op.create_index(
        "uq_reconciliation_differences_open",
        "reconciliation_differences",
        ["provider", "kind", "what"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _make_disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("provider_reference", sa.String(length=200), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("taken_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=100), server_default="", nullable=False),
        sa.Column("due_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open','won','lost')", name=op.f("ck_disputes_state_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disputes_amount_positive")),
        sa.CheckConstraint("taken_minor BETWEEN 0 AND amount_minor", name=op.f("ck_disputes_taken_share")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("provider", "provider_reference", name=op.f("uq_disputes_provider_provider_reference")),
    )
    op.create_index(op.f("ix_disputes_payment_id"), "disputes", ["payment_id"], unique=False)


def _make_payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.Column("failure", sa.String(length=60), server_default="", nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("provider_reference", sa.String(length=200), nullable=True),
        sa.Column("provider_receipt", sa.String(length=200), nullable=True),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint("source IN ('earnings','wallet')", name=op.f("ck_payouts_source_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payouts_amount_positive")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_payouts_decided_by")),
        sa.ForeignKeyConstraint(["destination_id"], ["payout_destinations.id"], name=op.f("fk_payouts_destination_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_payouts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("code", name=op.f("uq_payouts_code")),
        sa.UniqueConstraint("provider", "provider_reference", name=op.f("uq_payouts_provider_provider_reference")),
    )
    op.create_index(
        "ix_payouts_next_check_at",
        "payouts",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_payouts_user_id_created_at", "payouts", ["user_id", "created_at"], unique=False)


def _make_dispute_parts() -> None:
    op.create_table(
        "dispute_parts",
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_parts_amount_positive")),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_parts_dispute_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_dispute_parts_order_id")),
        sa.PrimaryKeyConstraint("dispute_id", "order_id", name=op.f("pk_dispute_parts")),
    )


def _make_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("target", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.Column("failure", sa.String(length=60), server_default="", nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("provider_reference", sa.String(length=200), nullable=True),
        sa.Column("provider_receipt", sa.String(length=200), nullable=True),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint("source IN ('purpose','unapplied')", name=op.f("ck_refunds_source_known")),
        sa.CheckConstraint("target IN ('original','wallet','by_hand')", name=op.f("ck_refunds_target_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.ForeignKeyConstraint(["replaced_by"], ["refunds.id"], name=op.f("fk_refunds_replaced_by")),
        sa.ForeignKeyConstraint(["requested_by"], ["users.id"], name=op.f("fk_refunds_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("code", name=op.f("uq_refunds_code")),
        sa.UniqueConstraint("provider", "provider_reference", name=op.f("uq_refunds_provider_provider_reference")),
        sa.UniqueConstraint("replaced_by", name=op.f("uq_refunds_replaced_by")),
    )
    op.create_index(
        "ix_refunds_next_check_at",
        "refunds",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"], unique=False)
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
