"""Reading services, variants and orders of them: one statement a page, its text fixed when this module is imported."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from marketcore.exceptions import NotFound

_VARIANTS = """(
    SELECT json_agg(json_build_object('id', v.id, 'service_id', v.service_id, 'name', v.name,
                                      'description', v.description, 'currency', v.currency,
                                      'price_minor', v.price_minor, 'duration_minutes', v.duration_minutes)
                    ORDER BY v.id)
    FROM services_variants v WHERE v.service_id = s.id)"""
_IMAGES = """(
    SELECT json_agg(json_build_object('id', m.id, 'state', m.state, 'variants', m.variants, 'width', m.width,
                                      'height', m.height) ORDER BY i.position)
    FROM services_images i JOIN media_objects m ON m.id = i.media_id WHERE i.service_id = s.id)"""
_SERVICE = f"""
    SELECT s.id, s.vendor_id, u.username AS vendor_name, s.category_id, s.name, s.description, s.approved, s.reason,
           s.created_at, s.updated_at, {_VARIANTS} AS variants, {_IMAGES} AS images
    FROM services_services s JOIN users u ON u.id = s.vendor_id"""
_CONDITIONS = {
    "vendor_id": "s.vendor_id = :vendor_id",
    "category_id": "s.category_id = :category_id",
    "approved": "s.approved = :approved",
    "q": "s.search @@ websearch_to_tsquery('english', :q)",
}


def _page(given: tuple[bool, ...]) -> TextClause:
    conditions = [condition for condition, wanted in zip(_CONDITIONS.values(), given, strict=True) if wanted]
    return text(f"{_SERVICE} WHERE {' AND '.join([*conditions, 's.id < :before'])} ORDER BY s.id DESC LIMIT :limit")


# Which filters a request brings chooses the text, so that each is planned for the conditions it has.
_PAGES = {given: _page(given) for given in product((False, True), repeat=len(_CONDITIONS))}
_ONE = text(f"{_SERVICE} WHERE s.id = :id")
_VARIANT = """
    SELECT v.id, v.service_id, v.name, v.description, v.currency, v.price_minor, v.duration_minutes, s.vendor_id
    FROM services_variants v JOIN services_services s ON s.id = v.service_id"""
_VARIANT_PAGES = {
    (own, of_one): text(
        f"""{_VARIANT} WHERE v.id < :before {"AND s.vendor_id = :vendor_id" if own else ""}
            {"AND v.service_id = :service_id" if of_one else ""} ORDER BY v.id DESC LIMIT :limit"""
    )
    for own, of_one in product((False, True), repeat=2)
}
_ONE_VARIANT = text(f"{_VARIANT} WHERE v.id = :id")
_ORDER = """
    SELECT o.id, o.reference, o.checkout_id, o.state, o.currency, o.total_minor, o.created_at, o.payment_due_at,
           o.buyer_id, b.username AS buyer_name, o.seller_id, v.username AS vendor_name,
           w.service_id, w.variant_id, w.service_name, w.variant_name, w.duration_minutes, w.started_at, w.due_at
    FROM services_orders w JOIN orders o ON o.id = w.order_id
    JOIN users b ON b.id = o.buyer_id JOIN users v ON v.id = o.seller_id"""
_ORDER_PAGES = {
    side: text(
        f"""{_ORDER} WHERE o.{column} = :user AND o.id < :before
              AND (CAST(:state AS text) IS NULL OR o.state = :state) ORDER BY o.id DESC LIMIT :limit"""
    )
    for side, column in (("customer", "buyer_id"), ("vendor", "seller_id"))
}
_ONE_ORDER = text(f"{_ORDER} WHERE o.reference = :reference AND (:admin OR :user IN (o.buyer_id, o.seller_id))")
_OF_CHECKOUT = text(f"{_ORDER} WHERE o.checkout_id = :checkout")


def page_of_services(session: Any, wanted: Mapping[str, Any], before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` services, newest first, ids below ``before``, that match ``wanted``.

    ``wanted`` may name ``vendor_id``, ``category_id``, ``approved`` and ``q``; what is ``None`` does not matter.
    """
    given = {name: wanted[name] for name in _CONDITIONS if wanted.get(name) is not None}
    statement = _PAGES[tuple(name in given for name in _CONDITIONS)]
    return list(session.execute(statement, {**given, "before": before, "limit": limit}))


def read_service(session: Any, service_id: int, vendor_id: int | None) -> Any:
    """Return a service of ``vendor_id`` (``None``: of anybody); ``NotFound`` for others'."""
    row = session.execute(_ONE, {"id": service_id}).first()
    if row is None or vendor_id not in (None, row.vendor_id):
        raise NotFound(f"you have no service {service_id}")
    return row


def read_approved(session: Any, service_id: int) -> Any:
    """Return a service that customers may see; ``NotFound`` for one that is not approved."""
    row = session.execute(_ONE, {"id": service_id}).first()
    if row is None or not row.approved:
        raise NotFound(f"there is no service {service_id}")
    return row


def page_of_variants(session: Any, vendor_id: int | None, service_id: int | None, before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` variants of a vendor's services (``None``: of all), newest first, ids below ``before``."""
    statement = _VARIANT_PAGES[vendor_id is not None, service_id is not None]
    given = {"vendor_id": vendor_id, "service_id": service_id}
    values = {name: value for name, value in given.items() if value is not None}
    return list(session.execute(statement, {**values, "before": before, "limit": limit}))


def read_variant(session: Any, variant_id: int, vendor_id: int | None) -> Any:
    """Return a variant of ``vendor_id`` (``None``: of anybody); ``NotFound`` for others'."""
    row = session.execute(_ONE_VARIANT, {"id": variant_id}).first()
    if row is None or vendor_id not in (None, row.vendor_id):
        raise NotFound(f"you have no service variant {variant_id}")
    return row


def page_of_orders(session: Any, side: str, user_id: int, state: str | None, before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` orders of work of a ``customer`` or ``vendor``, newest first, ids below ``before``."""
    values = {"user": user_id, "state": state, "before": before, "limit": limit}
    return list(session.execute(_ORDER_PAGES[side], values))


def read_order(session: Any, reference: UUID, identity: Any) -> Any:
    """Return an order of work to its customer, its vendor and admins; ``NotFound`` to others."""
    values = {"reference": reference, "user": identity.user_id, "admin": "admin" in identity.roles}
    row = session.execute(_ONE_ORDER, values).first()
    if row is None:
        raise NotFound(f"there is no order {reference} of yours")
    return row


def read_placed(session: Any, checkout_id: int) -> Any:
    """Return the order of work of a checkout."""
    return session.execute(_OF_CHECKOUT, {"checkout": checkout_id}).one()
