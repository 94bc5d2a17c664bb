"""Wishlists: what people would like to have, and word when it has become easier to get."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin
from marketcore_wishlist.services import WishlistService
from marketcore_wishlist.settings import WishlistSettings

plugin = Plugin("wishlist", "Wishlists that tell when a price drops or something is back in stock")
_TYPES = (
    ("wishlist.price_dropped", "Something on your wishlist costs less"),
    ("wishlist.back_in_stock", "Something on your wishlist can be bought again"),
)


def includeme(config: Any) -> None:
    """Say what this plugin adds."""
    config.add_settings_schema("wishlist", WishlistSettings())
    config.add_migrations("wishlist", "marketcore_wishlist:migrations")
    config.declare_permission("wishlist.own", "member")
    config.declare_permission("wishlist.demand", "seller")
    config.register_service_factory(".services.wishlist_service", WishlistService)
    for name, title in _TYPES:
        config.add_notification_type(name, title=title, templates="marketcore_wishlist:templates", channels="in_app")
    config.add_periodic_job(".jobs.tell_of_offers", every_seconds=600)
    config.include(".routes")
    config.scan(".views")
