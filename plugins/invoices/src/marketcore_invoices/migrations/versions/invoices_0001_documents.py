"""Series, documents and files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "invoices_0001"
down_revision = None
branch_labels = ("invoices",)
depends_on = "core_0004"

_KEPT = """
    CREATE FUNCTION invoices_documents_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of % is not possible: issue a document that corrects it', TG_OP, TG_TABLE_NAME;
    END $$
"""
_GUARD = """
    CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION invoices_documents_are_kept()
"""


def upgrade() -> None:
    op.create_table(
        "invoices_series",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("year", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('invoice','credit_note')", name="ck_invoices_series_kind_known"),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_invoices_series_seller_id"),
        sa.PrimaryKeyConstraint("seller_id", "kind", name="pk_invoices_series"),
    )
    op.create_table(
        "invoices_documents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("number", sa.String(60), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("buyer_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("kind IN ('invoice','credit_note')", name="ck_invoices_documents_kind_known"),
        sa.CheckConstraint("total_minor > 0", name="ck_invoices_documents_total_positive"),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (invoice_id IS NOT NULL) AND (kind = 'credit_note') = (refund_id IS NOT NULL)",
            name="ck_invoices_documents_credit_notes_refer",
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name="fk_invoices_documents_seller_id"),
        sa.ForeignKeyConstraint(["buyer_id"], ["users.id"], name="fk_invoices_documents_buyer_id"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_invoices_documents_order_id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices_documents.id"], name="fk_invoices_documents_invoice_id"),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name="fk_invoices_documents_refund_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invoices_documents"),
        sa.UniqueConstraint(
            "seller_id", "kind", "year", "sequence", name="uq_invoices_documents_seller_id_kind_year_sequence"
        ),
        sa.UniqueConstraint("refund_id", name="uq_invoices_documents_refund_id"),
    )
    op.create_index(
        "uq_invoices_documents_order_id",
        "invoices_documents",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'invoice'"),
    )
    op.create_index("ix_invoices_documents_buyer_id_id", "invoices_documents", ["buyer_id", "id"])
    op.create_index("ix_invoices_documents_seller_id_id", "invoices_documents", ["seller_id", "id"])
    op.create_index("ix_invoices_documents_invoice_id", "invoices_documents", ["invoice_id"])
    op.create_table(
        "invoices_files",
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("market_clock()"), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["invoices_documents.id"], name="fk_invoices_files_document_id"),
        sa.PrimaryKeyConstraint("document_id", name="pk_invoices_files"),
    )
    # A PDF is a compressed file already.
    op.execute("ALTER TABLE invoices_files ALTER COLUMN pdf SET STORAGE EXTERNAL")
    op.execute(_KEPT)
    for table in ("invoices_documents", "invoices_files"):
        op.execute(_GUARD.format(table=table))


def downgrade() -> None:
    op.drop_table("invoices_files")
    op.drop_table("invoices_documents")
    op.drop_table("invoices_series")
    op.execute("DROP FUNCTION invoices_documents_are_kept()")
