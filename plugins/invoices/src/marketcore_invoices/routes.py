"""Addresses of invoices and credit notes."""

from __future__ import annotations

from typing import Any

ID = "[0-9]{1,18}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("invoices.documents", "/api/v1/invoices")
    config.add_route("invoices.document", f"/api/v1/invoices/{{invoice_id:{ID}}}")
    config.add_route("invoices.document.pdf", f"/api/v1/invoices/{{invoice_id:{ID}}}/pdf")
    config.add_route("invoices.order", f"/api/v1/orders/{{order_id:{ID}}}/invoice")
    config.add_route("invoices.order.pdf", f"/api/v1/orders/{{order_id:{ID}}}/invoice.pdf")
