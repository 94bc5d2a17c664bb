"""Commission rates: what the platform keeps of a seller's sales, of a category's, or of both together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import Invalid, NotFound

_PAGE = text("SELECT * FROM commission_rates WHERE id > :after ORDER BY id LIMIT :limit")
_PUT = text(
    """INSERT INTO commission_rates (seller_id, category_id, basis_points)
       VALUES (:seller, :category, :basis_points)
       ON CONFLICT (seller_id, category_id) DO UPDATE SET basis_points = excluded.basis_points
       RETURNING *"""
)
_REMOVE = text(
    """DELETE FROM commission_rates WHERE seller_id IS NOT DISTINCT FROM CAST(:seller AS bigint)
         AND category_id IS NOT DISTINCT FROM CAST(:category AS bigint) RETURNING *"""
)
# Held until the commit, so that what is named here is still there then.
_KNOWN = {
    "seller_id": text("SELECT id FROM users WHERE id = :id AND 'seller' = ANY(roles) FOR KEY SHARE"),
    "category_id": text("SELECT id FROM categories WHERE id = :id FOR KEY SHARE"),
}


class CommissionRates:
    """The rates that differ from ``orders.commission_bp``.

    Of those that fit a sale, the one for its seller and category counts, then the seller's, then the category's.
    Orders keep the rate of the moment they were placed.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def page(self, after: int, limit: int) -> list[Any]:
        """Return up to ``limit`` rates, oldest first, ids above ``after``."""
        return list(self._session.execute(_PAGE, {"after": after, "limit": limit}))

    def put(self, seller_id: int | None, category_id: int | None, basis_points: int) -> Any:
        """Set the rate of a seller, a category, or a seller in a category; return its row. ``Invalid`` says why not."""
        named = self._named(seller_id, category_id)
        for field, value in (("seller_id", seller_id), ("category_id", category_id)):
            if value is not None and self._session.execute(_KNOWN[field], {"id": value}).first() is None:
                raise Invalid(errors={field: f"there is no {field.removesuffix('_id')} {value}"})
        return self._session.execute(_PUT, {**named, "basis_points": basis_points}).one()

    def remove(self, seller_id: int | None, category_id: int | None) -> Any:
        """Remove a rate and return its row; ``NotFound`` if there is none for exactly these."""
        row = self._session.execute(_REMOVE, self._named(seller_id, category_id)).first()
        if row is None:
            raise NotFound(f"there is no rate for seller {seller_id} and category {category_id}")
        return row

    def _named(self, seller_id: int | None, category_id: int | None) -> dict[str, int | None]:
        if seller_id is None and category_id is None:
            why = "name a seller, a category or both; the rate of all others is the setting orders.commission_bp"
            raise Invalid(errors={"seller_id": why})
        return {"seller": seller_id, "category": category_id}


def commission_rates(_context: Any, request: Any) -> CommissionRates:
    """Return the request's ``CommissionRates``."""
    return CommissionRates(request.db)
