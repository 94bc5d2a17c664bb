"""Outgoing webhooks: users' own systems are told, signed and at least once, of what happens to their things."""

from __future__ import annotations

from typing import Any

from marketcore.events import (
    DisputeChanged,
    EmailVerified,
    MoneySetAside,
    OrderPlaced,
    OrderStateChanged,
    PaymentCaptured,
    PaymentFailed,
    PayoutChanged,
    RefundChanged,
    SellerVerified,
    UserBlocked,
    UserRegistered,
    ViolationRecorded,
)
from marketcore.plugins import Plugin
from marketcore_webhooks.services.deliveries import DeliveryService
from marketcore_webhooks.services.endpoints import EndpointService
from marketcore_webhooks.settings import WebhookSettings

plugin = Plugin("webhooks", "Outgoing webhooks (Standard Webhooks)")


def includeme(config: Any) -> None:
    """Add endpoints and deliveries, what writes messages, and what sends them."""
    config.add_settings_schema("webhooks", WebhookSettings())
    config.add_migrations("webhooks", "marketcore_webhooks:migrations")
    config.declare_permission("webhooks.endpoint.read", "member")
    config.declare_permission("webhooks.endpoint.manage", "member", trade=True)
    config.declare_permission("webhooks.platform.manage", "admin")
    config.include(".declaring")
    config.include(".destinations")
    config.include(".courier")
    config.register_service_factory(".services.endpoints.endpoint_service", EndpointService)
    config.register_service_factory(".services.deliveries.delivery_service", DeliveryService)
    config.add_event_subscriber(".subscribers.write_message", OrderPlaced)
    config.add_event_subscriber(".subscribers.write_message", OrderStateChanged)
    config.add_event_subscriber(".subscribers.write_message", PaymentCaptured)
    config.add_event_subscriber(".subscribers.write_message", PaymentFailed)
    config.add_event_subscriber(".subscribers.write_message", MoneySetAside)
    config.add_event_subscriber(".subscribers.write_message", RefundChanged)
    config.add_event_subscriber(".subscribers.write_message", PayoutChanged)
    config.add_event_subscriber(".subscribers.write_message", DisputeChanged)
    config.add_event_subscriber(".subscribers.write_message", ViolationRecorded)
    config.add_event_subscriber(".subscribers.write_message", UserRegistered)
    config.add_event_subscriber(".subscribers.write_message", UserBlocked)
    config.add_event_subscriber(".subscribers.write_message", EmailVerified)
    config.add_event_subscriber(".subscribers.write_message", SellerVerified)
    config.add_periodic_job(".jobs.send_due", every_seconds=1)
    config.add_periodic_job(".jobs.forget_old_messages", every_seconds=3600)
    config.include(".routes")
    config.scan(".views")
