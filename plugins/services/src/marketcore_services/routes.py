"""Addresses of services, variants and orders of them."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN

ID = "[0-9]{1,18}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("services.services", "/api/v1/services")
    config.add_route("services.offers", "/api/v1/services/customer")
    config.add_route("services.offer", f"/api/v1/services/customer/{{service_id:{ID}}}")
    config.add_route("services.service", f"/api/v1/services/{{service_id:{ID}}}")
    config.add_route("services.approval", f"/api/v1/services/{{service_id:{ID}}}/approval")
    config.add_route("services.images", f"/api/v1/services/{{service_id:{ID}}}/images")
    config.add_route("services.image", f"/api/v1/services/{{service_id:{ID}}}/images/{{media_id:{ID}}}")
    config.add_route("services.variants", "/api/v1/service-variants")
    config.add_route("services.variant", f"/api/v1/service-variants/{{variant_id:{ID}}}")
    config.add_route("services.orders", "/api/v1/service-orders")
    config.add_route("services.order", f"/api/v1/service-orders/{{service_order_id:{UUID_PATTERN}}}")
