"""Series of numbers, the documents that bear them, and their files."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment
from marketcore.identity.models import User
from marketcore.orders.models import Order
from marketcore.refunds.models import Refund

_KNOWN = "kind IN ('invoice','credit_note')"


class NumberSeries(Base):
    """How far a seller's numbers of one kind have come. Its lock is held until the number's document is committed."""

    __tablename__ = "invoices_series"
    __table_args__ = (CheckConstraint(_KNOWN, name="kind_known"),)

    seller_id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    year: Mapped[int] = mapped_column(server_default="0")
    last: Mapped[int] = mapped_column(server_default="0")
    last_at: Mapped[Moment | None]


class Document(Base):
    """An invoice or a credit note, frozen: the database refuses to change or delete it.

    ``content`` is what it says: parties, lines and amounts as they were when it was issued. ``refund_id`` is the first
    try of what a credit note gives back.
    """

    __tablename__ = "invoices_documents"
    __table_args__ = (
        CheckConstraint(_KNOWN, name="kind_known"),
        CheckConstraint("total_minor > 0", name="total_positive"),
        CheckConstraint(
            "(kind = 'credit_note') = (invoice_id IS NOT NULL) AND (kind = 'credit_note') = (refund_id IS NOT NULL)",
            name="credit_notes_refer",
        ),
        UniqueConstraint("seller_id", "kind", "year", "sequence"),
        Index("uq_invoices_documents_order_id", "order_id", unique=True, postgresql_where=text("kind = 'invoice'")),
        Index("ix_invoices_documents_buyer_id_id", "buyer_id", "id"),
        Index("ix_invoices_documents_seller_id_id", "seller_id", "id"),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(String(20))
    number: Mapped[str] = mapped_column(String(60))
    year: Mapped[int]
    sequence: Mapped[int]
    seller_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    buyer_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id))
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoices_documents.id"), index=True)
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey(Refund.id), unique=True)
    currency: Mapped[Currency]
    total_minor: Mapped[Minor]
    issued_at: Mapped[Moment]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)


class DocumentFile(Base):
    """The PDF of a document, as it was made once."""

    __tablename__ = "invoices_files"

    document_id: Mapped[int] = mapped_column(ForeignKey("invoices_documents.id"), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]
