"""Reading orders: owner-scoped statements with fixed texts, and the documents made of their rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import TextClause, text

from marketcore.exceptions import NotFound
from marketcore.ledger.accounts import order_held
from marketcore.live.history import stream_position
from marketcore.web.json import present_money, utc


def summary(orders: str = "orders", lines: str = "order_lines", *more: str) -> str:
    """Return the beginning of a statement that reads orders ``o`` as lists show them, and the columns ``more``."""
    return f"""
    SELECT o.id, o.reference, o.checkout_id, o.state, o.ships, o.currency, o.total_minor, o.carrier,
           o.tracking_number,
           o.payment_due_at, o.created_at, o.updated_at, o.buyer_id, b.username AS buyer_name, o.seller_id,
           s.username AS seller_name,
           (SELECT json_agg(json_build_object('listing_id', n.listing_id, 'product_id', n.product_id, 'title', n.title,
                                              'quantity', n.quantity, 'unit', n.unit_minor, 'total', n.total_minor)
                            ORDER BY n.id)
            FROM {lines} n WHERE n.order_id = o.id) AS {", ".join(("lines", *more))}
    FROM {orders} o JOIN users b ON b.id = o.buyer_id JOIN users s ON s.id = o.seller_id
"""


_SUMMARY = summary()
_PAGES = {
    side: text(
        f"""{_SUMMARY} WHERE o.{side}_id = :user AND o.id < :before
              AND (CAST(:state AS text) IS NULL OR o.state = :state)
            ORDER BY o.id DESC LIMIT :limit"""
    )
    for side in ("buyer", "seller")
}
_ONE = text(f"{_SUMMARY} WHERE o.id = :id AND (:admin OR :user IN (o.buyer_id, o.seller_id))")
_OF_CHECKOUT = text(f"{_SUMMARY} WHERE o.checkout_id = :checkout ORDER BY o.id")
_SHIP_TO = text("SELECT ship_to FROM checkouts WHERE id = :id")
_ADDRESS = ("name", "phone", "line1", "line2", "city", "region", "postal_code", "country")
_HISTORY = text(
    """SELECT h.previous, h.state, h.note, h.at, u.username AS actor FROM order_history h
       LEFT JOIN users u ON u.id = h.actor_id WHERE h.order_id = :id ORDER BY h.seq"""
)


def page_of_orders(session: Any, side: str, user_id: int, *, state: str | None, before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` orders of the user as ``side`` (buyer or seller), newest first, ids below ``before``."""
    parameters = {"user": user_id, "state": state, "before": before, "limit": limit}
    return list(session.execute(_PAGES[side], parameters))


def orders_of_checkout(checkout_id: int) -> tuple[TextClause, dict[str, int]]:
    """Return the statement that reads a checkout's orders, and its parameters."""
    return _OF_CHECKOUT, {"checkout": checkout_id}


def read_order(session: Any, order_id: int, identity: Any) -> Any:
    """Return the order if ``identity`` buys, sells or administrates it; ``NotFound`` otherwise."""
    parameters = {"id": order_id, "user": identity.user_id, "admin": "admin" in identity.roles}
    row = session.execute(_ONE, parameters).first()
    if row is None:
        raise NotFound(f"there is no order {order_id} of yours")
    return row


def present_order(row: Any) -> dict[str, Any]:
    """Return an order's document as lists show it."""
    return {
        "id": row.id,
        "reference": str(row.reference),
        "checkout_id": row.checkout_id,
        "state": row.state,
        "ships": row.ships,
        "buyer": {"id": row.buyer_id, "username": row.buyer_name},
        "seller": {"id": row.seller_id, "username": row.seller_name},
        "total": present_money(row.total_minor, row.currency),
        "lines": [_present_line(line, row.currency) for line in row.lines],
        "carrier": row.carrier,
        "tracking_number": row.tracking_number,
        "payment_due_at": utc(row.payment_due_at),
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def read_whole_order(session: Any, ledger: Any, order_id: int, identity: Any) -> dict[str, Any]:
    """Return an order's document with where it goes, its history, the money held for it, and its live stream.

    ``NotFound`` as for ``read_order``. The place is read first, so that whoever listens from there misses nothing.
    """
    stream = stream_position(session, f"order:{order_id}")
    row = read_order(session, order_id, identity)
    return {
        **present_order(row),
        "ship_to": present_address(session.execute(_SHIP_TO, {"id": row.checkout_id}).scalar_one()),
        "held": present_money(ledger.balance(order_held(row.id, row.currency)).available_minor, row.currency),
        "history": [
            {"previous": step.previous, "state": step.state, "actor": step.actor, "note": step.note, "at": utc(step.at)}
            for step in session.execute(_HISTORY, {"id": row.id})
        ],
        "stream": stream,
    }


def present_address(ship_to: dict[str, str]) -> dict[str, str] | None:
    """Return where goods go, or ``None`` as long as nobody has said."""
    return {part: ship_to.get(part, "") for part in _ADDRESS} if ship_to else None


def _present_line(line: dict[str, Any], currency: str) -> dict[str, Any]:
    return {
        "listing_id": line["listing_id"],
        "product_id": line["product_id"],
        "title": line["title"],
        "quantity": line["quantity"],
        "unit_price": present_money(line["unit"], currency),
        "total": present_money(line["total"], currency),
    }
