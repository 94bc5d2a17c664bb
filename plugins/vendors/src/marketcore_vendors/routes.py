"""Addresses of vendors."""

from __future__ import annotations

from typing import Any

_ID = "[0-9]{1,18}"
_VENDOR = f"/api/v1/vendors/{{vendor_id:{_ID}}}"
_DOCUMENT = f"/api/v1/kyc-documents/{{document_id:{_ID}}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("vendors.seller", f"/api/v1/sellers/{{vendor_id:{_ID}}}")
    config.add_route("vendors.vendors", "/api/v1/vendors")
    config.add_route("vendors.vendor", _VENDOR)
    config.add_route("vendors.picture", f"{_VENDOR}/picture")
    config.add_route("vendors.verification", f"{_VENDOR}/verification")
    config.add_route("vendors.earnings", f"{_VENDOR}/earnings")
    config.add_route("vendors.commission", f"{_VENDOR}/commission-rates")
    for by in ("days", "products"):
        config.add_route(f"vendors.sales.{by}", f"{_VENDOR}/sales/{by}")
        for form in ("csv", "svg"):
            config.add_route(f"vendors.sales.{by}.{form}", f"{_VENDOR}/sales/{by}.{form}")
    config.add_route("vendors.documents", "/api/v1/kyc-documents")
    config.add_route("vendors.document", _DOCUMENT)
    config.add_route("vendors.document.file", f"{_DOCUMENT}/file")
    config.add_route("vendors.document.decision", f"{_DOCUMENT}/decision")
