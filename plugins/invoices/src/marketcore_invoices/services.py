"""Issuing documents and making their files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from marketcore.db import clock
from marketcore.exceptions import InProgress
from marketcore.money import Money
from marketcore.settings import section
from marketcore_invoices import sql
from marketcore_invoices.models import Document, DocumentFile
from marketcore_invoices.rules import Kind, Series, next_in, number_of, printed
from marketcore_invoices.snapshots import Snapshots
from marketcore_invoices.typesetting import typeset

SECONDS_TO_WAIT = 2


class IssuingService:
    """Draws numbers and writes the documents that bear them, in one transaction.

    A series stays locked from the draw to the end of the transaction, so that a rollback leaves no gap: call
    ``issue`` last, and once for everything the transaction owes.
    """

    def __init__(self, session: Session, enqueue: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        self._session = session
        self._enqueue = enqueue
        self._settings = settings
        self._snapshots = Snapshots(settings)
        self._since = self._snapshots.midnight(settings["since"])

    def issue(self, orders: Collection[int]) -> list[Document]:
        """Write what the orders called ``orders`` are owed, and return it.

        A paid order is owed an invoice, an invoiced one a credit note for each refund that has gone through; what has
        its document already is passed over.
        """
        wanted = {"orders": sorted(orders), "since": self._since}
        drawing = self._draw_from(wanted)
        if not drawing.series:
            return []
        invoices = [self._invoice(drawing, order) for order in self._session.execute(sql.ORDERS, wanted).all()]
        self._session.flush()
        refunds = self._session.execute(sql.REFUNDS, wanted).all()
        notes = [self._credit_note(drawing, refund) for refund in refunds]
        self._session.flush()
        drawing.keep(self._session)
        for document in (*invoices, *notes):
            self._enqueue("invoices.make_pdf", document_id=document.id)
        return [*invoices, *notes]

    def issue_missing(self, limit: int) -> bool:
        """Issue what at most ``limit`` orders are owed and have not got; return whether more may be missing."""
        values = {"limit": limit, "since": self._since}
        orders = list(self._session.execute(sql.LOCK_OWED, values).scalars())
        if orders:
            self.issue(orders)
        return len(orders) == limit

    def _draw_from(self, wanted: Mapping[str, Any]) -> Drawing:
        rows = self._session.execute(sql.LOCK_SERIES, wanted).all()
        locked = {(row.seller_id, row.kind): Series(row.year, row.last, row.last_at) for row in rows}
        return Drawing(locked, clock.now(self._session), self._settings)

    def _invoice(self, drawing: Drawing, order: Any) -> Document:
        document = _document(Kind.INVOICE, order, drawing)
        document.order_id, document.total_minor = order.id, order.total_minor
        document.content = self._snapshots.of_order(order, document.issued_at)
        self._session.add(document)
        return document

    def _credit_note(self, drawing: Drawing, refund: Any) -> Document:
        invoice = self._session.get_one(Document, refund.invoice_id)
        document = _document(Kind.CREDIT_NOTE, invoice, drawing)
        document.order_id, document.total_minor = invoice.order_id, refund.amount_minor
        document.invoice_id, document.refund_id = invoice.id, refund.first_try
        amount = Money(refund.amount_minor, refund.currency)
        document.content = self._snapshots.of_refund(invoice, amount, document.issued_at)
        self._session.add(document)
        return document


class Drawing:
    """The locked series of one transaction, and the numbers it has drawn from them."""

    def __init__(self, locked: dict[tuple[int, str], Series], now: datetime, settings: Mapping[str, Any]) -> None:
        self.series = locked
        self._now = now
        self._settings = settings
        self._drawn: set[tuple[int, str]] = set()

    def draw(self, seller_id: int, kind: Kind) -> tuple[Series, str]:
        """Return the series after one more number, and that number."""
        key = (seller_id, str(kind))
        self.series[key] = next_in(self.series[key], self._now, self._settings["time_zone"])
        self._drawn.add(key)
        return self.series[key], number_of(self._settings[f"{kind}_prefix"], seller_id, self.series[key])

    def keep(self, session: Session) -> None:
        """Write down how far the series have come."""
        for seller_id, kind in sorted(self._drawn):
            series = self.series[seller_id, kind]
            values = {"seller": seller_id, "kind": kind, "year": series.year, "last": series.last}
            session.execute(sql.KEEP_SERIES, {**values, "last_at": series.last_at})


def _document(kind: Kind, source: Any, drawing: Drawing) -> Document:
    series, number = drawing.draw(source.seller_id, kind)
    return Document(
        kind=str(kind),
        number=number,
        year=series.year,
        sequence=series.last,
        seller_id=source.seller_id,
        buyer_id=source.buyer_id,
        currency=source.currency,
        issued_at=series.last_at,
    )


class PrintingService:
    """Makes the file of each document, once, and gives it out."""

    def __init__(self, session: Session, font_folder: str) -> None:
        self._session = session
        self._font_folder = font_folder

    def make(self, document_id: int) -> None:
        """Make the PDF of a document unless it is there; it is the same whoever makes it and however often."""
        document = self._session.get_one(Document, document_id)
        if self._session.get(DocumentFile, document_id) is None:
            content = printed(document.kind, document.number, document.content)
            pdf = typeset(content, document.issued_at, self._font_folder)
            self._session.execute(
                insert(DocumentFile).values(document_id=document_id, pdf=pdf).on_conflict_do_nothing()
            )

    def read(self, document_id: int, number: str) -> bytes:
        """Return the PDF; ``InProgress`` while it is being made."""
        pdf = self._session.scalar(select(DocumentFile.pdf).where(DocumentFile.document_id == document_id))
        if pdf is None:
            raise InProgress(
                f"the PDF of {number} is still being made: ask again in a moment", retry_after=SECONDS_TO_WAIT
            )
        return pdf


def issuing_service(_context: Any, request: Any) -> IssuingService:
    """Return the request's ``IssuingService``."""
    return IssuingService(request.db, request.enqueue, section(request.registry, "invoices"))


def printing_service(_context: Any, request: Any) -> PrintingService:
    """Return the request's ``PrintingService``."""
    return PrintingService(request.db, section(request.registry, "invoices")["font_folder"])
