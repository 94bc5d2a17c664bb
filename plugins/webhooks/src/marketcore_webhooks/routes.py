"""Addresses."""

from __future__ import annotations

from typing import Any

ENDPOINT = "/api/v1/webhook-endpoints/{endpoint_id:[0-9]{1,18}}"
DELIVERY = "/api/v1/webhook-deliveries/{delivery_id:[0-9]{1,18}}"


def includeme(config: Any) -> None:
    """Add this plugin's addresses."""
    config.add_route("webhooks.endpoints", "/api/v1/webhook-endpoints")
    config.add_route("webhooks.endpoint", ENDPOINT)
    config.add_route("webhooks.endpoint.secret", f"{ENDPOINT}/secret")
    config.add_route("webhooks.endpoint.test", f"{ENDPOINT}/test")
    config.add_route("webhooks.endpoint.replay", f"{ENDPOINT}/replay")
    config.add_route("webhooks.deliveries", "/api/v1/webhook-deliveries")
    config.add_route("webhooks.delivery", DELIVERY)
    config.add_route("webhooks.delivery.replay", f"{DELIVERY}/replay")
