"""Categories, products, their images, listings and the search for them."""

from __future__ import annotations

from typing import Any

from marketcore.catalog.images import ImageService
from marketcore.catalog.offers import OfferService
from marketcore.catalog.presenting import plain_listings
from marketcore.catalog.ratings import ProductRatings
from marketcore.catalog.search import Catalog
from marketcore.catalog.services import CategoryService, ListingService, ProductService
from marketcore.catalog.settings import CatalogSettings
from marketcore.catalog.unlisted import UnlistedGoods


def includeme(config: Any) -> None:
    """Add everything that can be found and offered."""
    config.add_settings_schema("catalog", CatalogSettings())
    config.declare_permission("catalog.category.write", "admin")
    config.declare_permission("catalog.product.write", "seller", trade=True)
    config.declare_permission("catalog.listing.write", "seller", trade=True)
    config.register_service_factory(".services.category_service", CategoryService)
    config.register_service_factory(".services.product_service", ProductService)
    config.register_service_factory(".services.listing_service", ListingService)
    config.register_service_factory(".offers.offer_service", OfferService)
    config.register_service_factory(".images.image_service", ImageService)
    config.register_service_factory(".ratings.product_ratings", ProductRatings)
    config.register_service_factory(".search.catalog", Catalog)
    config.register_service_factory(".unlisted.unlisted_goods", UnlistedGoods)
    config.registry["plain listings"] = plain_listings(config.registry)
    config.include(".routes")
    config.include(".kinds")
    config.scan(".views")
