"""Vendors: seller profiles, verification, papers, earnings and sales figures."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("vendors", "Vendors: profiles, verification, papers, earnings, sales", optional=("webhooks",))


def includeme(config: Any) -> None:
    """Say what this plugin adds."""
    from marketcore.events import SellerRated
    from marketcore_vendors.services.documents import DocumentService
    from marketcore_vendors.services.profiles import VendorService
    from marketcore_vendors.settings import VendorSettings

    config.add_settings_schema("vendors", VendorSettings())
    config.add_migrations("vendors", "marketcore_vendors:migrations")
    config.declare_permission("vendors.profile.read", "seller admin")
    config.declare_permission("vendors.profile.create", "seller", trade=True)
    config.declare_permission("vendors.profile.change", "seller admin", trade=True)
    config.declare_permission("vendors.profile.delete", "seller admin")
    config.declare_permission("vendors.verification.decide", "admin")
    config.declare_permission("vendors.document.submit", "seller")
    config.declare_permission("vendors.document.read", "member")
    config.declare_permission("vendors.document.withdraw", "member")
    config.declare_permission("vendors.document.decide", "admin")
    config.declare_permission("vendors.sales.read", "seller admin")
    config.register_service_factory(".services.profiles.vendor_service", VendorService)
    config.register_service_factory(".services.documents.document_service", DocumentService)
    config.add_event_subscriber(".subscribers.keep_rating", SellerRated)
    config.add_periodic_job(".jobs.watch_expiry", every_seconds=3600)
    config.include(".telling")
    config.include(".routes")
    config.scan(".views")
    if hasattr(config, "add_webhook_type"):
        config.include(".messages")
