"""Services: work with variants, offered by vendors, approved by admins, ordered and paid like everything else."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("services", "Services: work with variants, approved by an admin", optional=("invoices", "webhooks"))


def includeme(config: Any) -> None:
    """Add services, orders of them, and the jobs that let paid work go on."""
    from marketcore.events import OrderStateChanged
    from marketcore_services.images import ServiceImages
    from marketcore_services.ordering import ServiceOrders, Workshop
    from marketcore_services.services import ServiceDesk
    from marketcore_services.settings import ServiceSettings

    config.add_settings_schema("services", ServiceSettings())
    config.add_migrations("services", "marketcore_services:migrations")
    config.declare_permission("services.service.read", "seller admin")
    config.declare_permission("services.service.add", "seller", trade=True)
    config.declare_permission("services.service.write", "seller admin", trade=True)
    config.declare_permission("services.service.approve", "admin")
    config.declare_permission("services.offer.read", "buyer")
    config.declare_permission("services.order.place", "buyer", trade=True)
    config.declare_permission("services.order.read", "member")
    config.register_service_factory(".services.service_desk", ServiceDesk)
    config.register_service_factory(".images.service_images", ServiceImages)
    config.register_service_factory(".ordering.service_orders", ServiceOrders)
    config.register_service_factory(".ordering.workshop", Workshop)
    config.add_event_subscriber(".subscribers.go_on_with_order", OrderStateChanged)
    config.add_job(".jobs.start_processing")
    config.add_job(".jobs.complete")
    config.add_periodic_job(".jobs.catch_up", every_seconds=60)
    config.include(".notices")
    config.include(".routes")
    config.scan(".views")
    if hasattr(config, "add_webhook_type"):
        config.include(".messages")
