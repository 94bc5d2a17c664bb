"""What buyers think of products, kept where lists show it and searches sort by it.

The core asks nobody for opinions: a plugin that does keeps them, and tells this service what each changes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import NotFound

# The product first: whoever publishes it waits for this row, so that the next statement sees every listing of it.
_LOCK = text("SELECT seller_id FROM products WHERE id = :id FOR NO KEY UPDATE")
_CHANGE = text(
    """WITH rated AS (
         UPDATE products SET ratings_count = ratings_count + :count, ratings_total = ratings_total + :stars
         WHERE id = :id RETURNING id, rating_hundredths)
       UPDATE listings l SET rating_hundredths = rated.rating_hundredths
       FROM rated WHERE l.product_id = rated.id AND l.state <> 'closed'"""
)


class ProductRatings:
    """Changes what products are rated; several at once add up."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def change(self, product_id: int, *, count: int, stars: int) -> None:
        """Add ``count`` ratings with ``stars`` (1 to 5 each) in all to a product; negative numbers take them away.

        Call it in the transaction that writes the opinion, after that row: products, then their listings, are locked
        to its end. ``NotFound`` if there is no such product.
        """
        if self._session.execute(_LOCK, {"id": product_id}).first() is None:
            raise NotFound(f"there is no product {product_id}")
        self._session.execute(_CHANGE, {"id": product_id, "count": count, "stars": stars})


def product_ratings(_context: Any, request: Any) -> ProductRatings:
    """Build the service of ``request``."""
    return ProductRatings(request.db)
