"""The addresses of the catalog."""

from __future__ import annotations

from typing import Any

NUMBER = "[0-9]{1,18}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("catalog.categories", "/api/v1/categories")
    config.add_route("catalog.category", f"/api/v1/categories/{{category_id:{NUMBER}}}")
    config.add_route("catalog.products", "/api/v1/products")
    config.add_route("catalog.product", f"/api/v1/products/{{product_id:{NUMBER}}}")
    config.add_route("catalog.product.images", f"/api/v1/products/{{product_id:{NUMBER}}}/images")
    config.add_route("catalog.product.image", f"/api/v1/products/{{product_id:{NUMBER}}}/images/{{media_id:{NUMBER}}}")
    config.add_route("catalog.listings", "/api/v1/listings")
    config.add_route("catalog.listing", f"/api/v1/listings/{{listing_id:{NUMBER}}}")
