"""The addresses of the pages and of their files."""

from __future__ import annotations

from typing import Any

# The files change with the program; browsers ask whether they have, and are mostly told that they have not.
FRESH_SECONDS = 60


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("storefront.home", "/")
    config.add_route("storefront.auction", "/auctions/{auction_id:[0-9]{1,18}}")
    config.add_static_view("storefront", "marketcore_storefront:static", cache_max_age=FRESH_SECONDS)
