"""Addresses of wishlists."""

from __future__ import annotations

from typing import Any

ID = "[0-9]{1,18}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("wishlist.items", "/api/v1/wishlist")
    config.add_route("wishlist.demand", "/api/v1/wishlist/demand")
    config.add_route("wishlist.item", f"/api/v1/wishlist/{{product_id:{ID}}}")
    config.add_route("wishlist.product", f"/api/v1/products/{{product_id:{ID}}}/wishlist")
