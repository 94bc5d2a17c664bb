"""The storefront: pages on which people watch auctions and bid, made on the server and kept true by live events."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("storefront", "Pages of auctions, live and readable without JavaScript", requires=("auctions",))


def includeme(config: Any) -> None:
    """Add the pages, and the files they are made of."""
    from marketcore_storefront.settings import StorefrontSettings

    config.add_settings_schema("storefront", StorefrontSettings())
    config.add_front_page("auctions", "/", about="auctions, to watch and to bid")
    config.include(".templating")
    config.include(".routes")
    config.scan(".views")
