"""Who may watch an order live, and what they see first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.ledger.services import LedgerService
from marketcore.orders.reading import read_whole_order

_PARTIES = text("SELECT buyer_id, seller_id FROM orders WHERE id = :id")


def may_watch_order(request: Any, order_id: int) -> bool:
    """Its buyer, its seller and admins."""
    identity = request.identity
    row = request.db.execute(_PARTIES, {"id": order_id}).first() if identity else None
    return row is not None and (identity.user_id in row or "admin" in identity.roles)


def order_snapshot(request: Any, order_id: int) -> dict[str, Any]:
    """Return the order as it is read over HTTP."""
    return read_whole_order(request.db, request.find_service(LedgerService), order_id, request.identity)
