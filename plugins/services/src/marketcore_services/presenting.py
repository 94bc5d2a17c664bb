"""Rows of services as documents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from marketcore.media.presenting import present_image
from marketcore.web.json import present_money, utc


def present_offer(registry: Any, row: Any) -> dict[str, Any]:
    """Return a service as customers see it."""
    return {
        "id": row.id,
        "vendor": {"id": row.vendor_id, "username": row.vendor_name},
        "category_id": row.category_id,
        "name": row.name,
        "description": row.description,
        "variants": [present_variant(SimpleNamespace(**variant)) for variant in row.variants or ()],
        "images": [present_image(registry, SimpleNamespace(**image)) for image in row.images or ()],
        "created_at": utc(row.created_at),
    }


def present_service(registry: Any, row: Any) -> dict[str, Any]:
    """Return a service as its vendor and admins see it."""
    decided = {"approved": row.approved, "reason": row.reason, "updated_at": utc(row.updated_at)}
    return {**present_offer(registry, row), **decided}


def present_variant(row: Any) -> dict[str, Any]:
    """Return a variant's document."""
    return {
        "id": row.id,
        "service_id": row.service_id,
        "name": row.name,
        "description": row.description,
        "price": present_money(row.price_minor, row.currency),
        "duration_minutes": row.duration_minutes,
    }


def present_order(row: Any) -> dict[str, Any]:
    """Return the document of an order of work."""
    return {
        "order_id": str(row.reference),
        "order_number": row.id,
        "checkout_id": row.checkout_id,
        "state": row.state,
        "vendor": {"id": row.seller_id, "username": row.vendor_name},
        "customer": {"id": row.buyer_id, "username": row.buyer_name},
        "service_id": row.service_id,
        "service": row.service_name,
        "variant_id": row.variant_id,
        "variant": row.variant_name,
        "duration_minutes": row.duration_minutes,
        "total": present_money(row.total_minor, row.currency),
        "payment_due_at": utc(row.payment_due_at),
        "started_at": utc(row.started_at) if row.started_at else None,
        "due_at": utc(row.due_at) if row.due_at else None,
        "created_at": utc(row.created_at),
    }
