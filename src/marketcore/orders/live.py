"""Who may watch an order live."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

_PARTIES = text("SELECT buyer_id, seller_id FROM orders WHERE id = :id")


def may_watch_order(request: Any, order_id: int) -> bool:
    """Its buyer, its seller and admins."""
    identity = request.identity
    row = request.db.execute(_PARTIES, {"id": order_id}).first() if identity else None
    return row is not None and (identity.user_id in row or "admin" in identity.roles)
