"""Invoices and credit notes over HTTP, for both sides of an order and for admins."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.view import view_config

from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY
from marketcore_invoices import reading, schemas
from marketcore_invoices.rules import file_name
from marketcore_invoices.services import PrintingService

PRIVATE = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
READ = "invoices.document.read"
PDF = {"responses": {200: "application/pdf"}, "refusals": [409]}


@view_config(
    route_name="invoices.documents",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.InvoicesQuery, "responses": {200: schemas.InvoicePage}},
)
def list_documents(request: Any) -> dict[str, Any]:
    """List your invoices and credit notes, newest first, as buyer or as seller."""
    query, user_id = request.valid.query, request.authenticated_userid
    scope = f"invoices {query['role']} {query['kind']} {user_id}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = reading.page_of_documents(
        request.db, query["role"], user_id, kind=query["kind"], before=before, limit=query["limit"] + 1
    )
    return page(
        request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=reading.present_document
    )


@view_config(
    route_name="invoices.document",
    request_method="GET",
    permission=READ,
    openapi={"responses": {200: schemas.InvoiceDocument}},
)
def read_document(request: Any) -> dict[str, Any]:
    """Show an invoice or a credit note of yours."""
    row = reading.read_document(request.db, request.valid.path["invoice_id"], request.identity)
    return reading.present_whole_document(request.db, row)


@view_config(
    route_name="invoices.order",
    request_method="GET",
    permission=READ,
    openapi={"responses": {200: schemas.InvoiceDocument}},
)
def read_order_invoice(request: Any) -> dict[str, Any]:
    """Show the invoice of an order."""
    row = reading.read_invoice_of(request.db, request.valid.path["order_id"], request.identity)
    return reading.present_whole_document(request.db, row)


@view_config(route_name="invoices.document.pdf", request_method="GET", permission=READ, openapi=PDF)
def download_document(request: Any) -> Response:
    """Download an invoice or a credit note of yours as PDF."""
    return _download(request, reading.read_document(request.db, request.valid.path["invoice_id"], request.identity))


@view_config(route_name="invoices.order.pdf", request_method="GET", permission=READ, openapi=PDF)
def download_order_invoice(request: Any) -> Response:
    """Download the invoice of an order as PDF."""
    return _download(request, reading.read_invoice_of(request.db, request.valid.path["order_id"], request.identity))


def _download(request: Any, row: Any) -> Response:
    data = request.find_service(PrintingService).read(row.id, row.number)
    response = Response(data, content_type="application/pdf", charset=None)
    response.headers.update(PRIVATE, **{"Content-Disposition": f'attachment; filename="{file_name(row.number)}"'})
    return response
