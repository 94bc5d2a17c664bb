"""Reading documents: owner-scoped statements with fixed texts, and what is shown of their rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import NotFound
from marketcore.web.json import present_money, utc

_COLUMNS = """
    d.id, d.kind, d.number, d.order_id, d.seller_id, d.buyer_id, d.currency, d.total_minor, d.issued_at, d.content,
    EXISTS (SELECT FROM invoices_files f WHERE f.document_id = d.id) AS ready
"""
_PAGES = {
    side: text(
        f"""SELECT {_COLUMNS} FROM invoices_documents d
            WHERE d.{side}_id = :user AND d.id < :before AND (CAST(:kind AS text) IS NULL OR d.kind = :kind)
            ORDER BY d.id DESC LIMIT :limit"""
    )
    for side in ("buyer", "seller")
}
_OWN = "(:admin OR :user IN (d.buyer_id, d.seller_id))"
_ONE = text(f"SELECT {_COLUMNS} FROM invoices_documents d WHERE d.id = :id AND {_OWN}")
_OF_ORDER = text(
    f"SELECT {_COLUMNS} FROM invoices_documents d WHERE d.order_id = :id AND d.kind = 'invoice' AND {_OWN}"
)
_CREDIT_NOTES = text(f"SELECT {_COLUMNS} FROM invoices_documents d WHERE d.invoice_id = :id ORDER BY d.id")


def page_of_documents(session: Any, side: str, user_id: int, *, kind: str | None, before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` documents of the user as ``side`` (buyer or seller), newest first, with ids below."""
    return list(session.execute(_PAGES[side], {"user": user_id, "kind": kind, "before": before, "limit": limit}))


def read_document(session: Any, document_id: int, identity: Any) -> Any:
    """Return the document if ``identity`` is its seller, its buyer or an admin; ``NotFound`` otherwise."""
    row = session.execute(_ONE, _asked(document_id, identity)).first()
    if row is None:
        raise NotFound(f"there is no invoice {document_id} of yours")
    return row


def read_invoice_of(session: Any, order_id: int, identity: Any) -> Any:
    """Return an order's invoice to those who may see it; ``NotFound`` for others, and before it is issued."""
    row = session.execute(_OF_ORDER, _asked(order_id, identity)).first()
    if row is None:
        raise NotFound(f"there is no invoice for an order {order_id} of yours: orders get one when they are paid")
    return row


def present_document(row: Any) -> dict[str, Any]:
    """Return a document as lists show it."""
    content = row.content
    return {
        "id": row.id,
        "kind": row.kind,
        "number": row.number,
        "order_id": row.order_id,
        "seller": {"id": row.seller_id, "name": content["seller"]["name"]},
        "buyer": {"id": row.buyer_id, "name": content["buyer"]["name"]},
        "total": present_money(row.total_minor, row.currency),
        "issued_at": utc(row.issued_at),
        "issued_on": content["issued_on"],
        "refers_to": content["refers_to"],
        "ready": row.ready,
    }


def present_whole_document(session: Any, row: Any) -> dict[str, Any]:
    """Return a document with all it says, and the credit notes that refer to it."""
    notes = session.execute(_CREDIT_NOTES, {"id": row.id})
    return {
        **present_document(row),
        **{name: row.content[name] for name in ("issuer", "seller", "buyer", "order", "lines")},
        "credit_notes": [present_document(note) for note in notes],
    }


def _asked(id: int, identity: Any) -> dict[str, Any]:
    return {"id": id, "user": identity.user_id, "admin": "admin" in identity.roles}
