"""Payments, the ledger, jobs, live channels and remembered answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("principal", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("resource", sa.String(length=60), server_default="", nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("content_type", sa.String(length=60), server_default="", nullable=False),
        sa.Column("body", sa.LargeBinary(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "job_ticks",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("tick", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_ticks")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(
        "ix_jobs_waiting",
        "jobs",
        [sa.literal_column("priority DESC"), "run_at", "id"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NULL"),
    )
    op.create_index("ix_jobs_name", "jobs", ["name"], unique=False)
    op.create_table(
        "ledger_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_type", sa.String(length=20), nullable=False),
        sa.Column("owner_id", sa.String(length=60), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("guard", sa.String(length=6), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("debits_posted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_posted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debits_pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint(
            "guard <> 'credit' OR credits_posted >= debits_posted + debits_pending",
            name=op.f("ck_ledger_accounts_credit_guard"),
        ),
        sa.CheckConstraint(
            "guard <> 'debit' OR debits_posted >= credits_posted + credits_pending",
            name=op.f("ck_ledger_accounts_debit_guard"),
        ),
        sa.CheckConstraint("guard = 'none' OR mode = 'inline'", name=op.f("ck_ledger_accounts_guarded_is_inline")),
        sa.CheckConstraint("guard IN ('none','credit','debit')", name=op.f("ck_ledger_accounts_guard_known")),
        sa.CheckConstraint("mode IN ('inline','deferred')", name=op.f("ck_ledger_accounts_mode_known")),
        sa.CheckConstraint(
            "debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0",
            name=op.f("ck_ledger_accounts_not_negative"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_accounts")),
        sa.UniqueConstraint("id", "currency", name=op.f("uq_ledger_accounts_id_currency")),
        sa.UniqueConstraint(
            "owner_type",
            "owner_id",
            "purpose",
            "currency",
            name=op.f("uq_ledger_accounts_owner_type_owner_id_purpose_currency"),
        ),
    )
    op.create_table(
        "live_channels",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("epoch", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("last_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_live_channels")),
    )
    op.create_table(
        "webhook_inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("token", sa.String(length=100), server_default="", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("remote_addr", sa.String(length=45), server_default="", nullable=False),
        sa.Column("status", sa.String(length=10), server_default="received", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("market_clock()"),
            nullable=False,
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('received','done','ignored','failed','dead')",
            name=op.f("ck_webhook_inbox_status_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_inbox")),
        sa.UniqueConstraint("provider", "dedupe_key", name=op.f("uq_webhook_inbox_provider_dedupe_key")),
    )
    op.create_index(
        "ix_webhook_inbox_next_at",
        "webhook_inbox",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('received','failed')"),
    )
    op.create_table(
        "ledger_transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("pending_id", sa.Uuid(), nullable=True),
        sa.Column("debit_id", sa.Uuid(), nullable=False),
        sa.Column("credit_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("ref_type", sa.String(length=20), nullable=False),
        sa.Column("ref_id", sa.String(length=60), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint(
            "(kind IN ('post','void')) = (pending_id IS NOT NULL)",
            name=op.f("ck_ledger_transfers_resolution_names_pending"),
        ),
        sa.CheckConstraint("kind IN ('single','pending','post','void')", name=op.f("ck_ledger_transfers_kind_known")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_transfers_amount_positive")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_ledger_transfers_two_accounts")),
        sa.ForeignKeyConstraint(
            ["credit_id", "currency"],
            ["ledger_accounts.id", "ledger_accounts.currency"],
            name=op.f("fk_ledger_transfers_credit_id_currency"),
        ),
        sa.ForeignKeyConstraint(
            ["debit_id", "currency"],
            ["ledger_accounts.id", "ledger_accounts.currency"],
            name=op.f("fk_ledger_transfers_debit_id_currency"),
        ),
        sa.ForeignKeyConstraint(["pending_id"], ["ledger_transfers.id"], name=op.f("fk_ledger_transfers_pending_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transfers")),
        sa.UniqueConstraint("seq", name=op.f("uq_ledger_transfers_seq")),
    )
    op.create_index("ix_ledger_transfers_credit_id", "ledger_transfers", ["credit_id"], unique=False)
    op.create_index("ix_ledger_transfers_debit_id", "ledger_transfers", ["debit_id"], unique=False)
    op.create_index(op.f("ix_ledger_transfers_event_id"), "ledger_transfers", ["event_id"], unique=False)
    op.create_index(
        "ix_ledger_transfers_expires_at",
        "ledger_transfers",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("kind = 'pending'"),
    )
    op.create_index("ix_ledger_transfers_ref", "ledger_transfers", ["ref_type", "ref_id"], unique=False)
    op.create_index(
        "uq_ledger_transfers_one_resolution",
        "ledger_transfers",
        ["pending_id"],
        unique=True,
        postgresql_where=sa.text("kind IN ('post','void')"),
    )
    op.create_table(
        "live_events",
        sa.Column("channel", sa.String(length=120), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["live_channels.name"], name=op.f("fk_live_events_channel")),
        sa.PrimaryKeyConstraint("channel", "offset", name=op.f("pk_live_events")),
    )
    op.create_index("ix_live_events_at", "live_events", ["at"], unique=False, postgresql_using="brin")
    op.create_table(
        "ledger_deltas",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("debits_posted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_posted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debits_pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["ledger_accounts.id"], name=op.f("fk_ledger_deltas_account_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["ledger_transfers.id"], name=op.f("fk_ledger_deltas_transfer_id")),
        sa.PrimaryKeyConstraint("transfer_id", "account_id", name=op.f("pk_ledger_deltas")),
    )
    op.create_index(op.f("ix_ledger_deltas_account_id"), "ledger_deltas", ["account_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("payer", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("provider_reference", sa.String(length=200), nullable=True),
        sa.Column("provider_receipt", sa.String(length=200), nullable=True),
        sa.Column("next_action", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.String(length=60), server_default="", nullable=False),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount_positive")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_payments_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("code", name=op.f("uq_payments_code")),
        sa.UniqueConstraint("provider", "provider_receipt", name=op.f("uq_payments_provider_provider_receipt")),
        sa.UniqueConstraint("provider", "provider_reference", name=op.f("uq_payments_provider_provider_reference")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_payments_token_hash")),
    )
    op.create_index(
        "ix_payments_next_check_at",
        "payments",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_payments_purpose_reference", "payments", ["purpose", "reference"], unique=False)
    op.create_index(op.f("ix_payments_user_id"), "payments", ["user_id"], unique=False)
    op.create_index(
        "uq_payments_one_open",
        "payments",
        ["purpose", "reference"],
        unique=True,
        postgresql_where=sa.text("state IN ('created','submitting','pending','unknown','authorized')"),
    )
    op.create_table(
        "live_tickets",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["auth_sessions.id"], name=op.f("fk_live_tickets_session_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_live_tickets_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_live_tickets")),
    )
    op.create_table(
        "payment_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("previous", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.String(length=500), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_history_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_history")),
    )
    op.create_index(op.f("ix_payment_history_payment_id"), "payment_history", ["payment_id"], unique=False)


def downgrade() -> None:
    for table in (
        "payment_history",
        "live_tickets",
        "payments",
        "ledger_deltas",
        "live_events",
        "ledger_transfers",
        "webhook_inbox",
        "live_channels",
        "ledger_accounts",
        "jobs",
        "job_ticks",
        "idempotency_keys",
    ):
        op.drop_table(table)
