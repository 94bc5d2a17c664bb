"""``wishlist.*``: how much may be wished for."""

from __future__ import annotations

import colander


class WishlistSettings(colander.MappingSchema):
    """Limits of wishlists."""

    max_items = colander.SchemaNode(
        colander.Integer(), missing=500, validator=colander.Range(1, 10_000), description="products of one wishlist"
    )
