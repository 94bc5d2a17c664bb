"""What is sold outside the catalog: orders refer to it as to any listing, and nobody finds or changes it there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.money import Money

# Such things do not run out. Stock is only counted because orders count it.
PLENTY = 1_000_000
_ADD = text(
    """WITH product AS (
         INSERT INTO products (seller_id, category_id, title, state)
         VALUES (:seller, :category, :title, 'archived') RETURNING id)
       INSERT INTO listings (product_id, seller_id, category_id, kind, state, currency, price_minor, quantity)
       SELECT id, :seller, :category, :kind, 'closed', CAST(:currency AS text), :minor, :plenty FROM product
       RETURNING id"""
)
_UPDATE = text(
    """WITH listing AS (
         UPDATE listings SET category_id = :category, currency = CAST(:currency AS text), price_minor = :minor,
                quantity = greatest(quantity, :plenty)
         WHERE id = :listing AND state = 'closed' RETURNING id, product_id),
       product AS (
         UPDATE products p SET title = :title, category_id = :category FROM listing WHERE p.id = listing.product_id)
       SELECT id FROM listing"""
)


class UnlistedGoods:
    """Keeps a closed listing of an archived product for each thing that a plugin sells by its own rules.

    ``CheckoutService.award`` orders it. The titles and prices of orders are their own and stay.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def keep(
        self,
        seller_id: int,
        kind: str,
        title: str,
        price: Money,
        *,
        category_id: int | None = None,
        listing_id: int | None = None,
    ) -> int:
        """Make a listing for what is called ``title``, or bring ``listing_id`` up to date; return its id.

        ``category_id`` decides on the commission, as for everything that is sold.
        """
        row = {"kind": kind, "title": title, "category": category_id, "currency": price.currency, "minor": price.minor}
        statement = _ADD if listing_id is None else _UPDATE
        given = {**row, "seller": seller_id, "listing": listing_id, "plenty": PLENTY}
        kept: int = self._session.execute(statement, given).scalar_one()
        return kept


def unlisted_goods(_context: Any, request: Any) -> UnlistedGoods:
    """Build the service of ``request``."""
    return UnlistedGoods(request.db)
