"""Services in outgoing webhooks, where the plugin ``webhooks`` is enabled: thin documents of ids and states."""

from __future__ import annotations

from typing import Any

from marketcore_services.events import ServiceDecided, ServiceOrdered

Told = tuple[str, dict[str, Any], tuple[int, ...]]


def tell_decision(fact: ServiceDecided) -> Told:
    """Tell the vendor how a service was decided about."""
    type = "service.approved" if fact.approved else "service.unapproved"
    return type, {"service_id": fact.service_id}, (fact.vendor_id,)


def tell_order(fact: ServiceOrdered) -> Told:
    """Tell the vendor that a service was ordered."""
    data = {"service_id": fact.service_id, "variant_id": fact.variant_id, "order_id": fact.order_id}
    return "service.ordered", data, (fact.vendor_id,)


def includeme(config: Any) -> None:
    """Let webhooks tell of services."""
    config.add_webhook_type(ServiceDecided, ["service.approved", "service.unapproved"], tell_decision)
    config.add_webhook_type(ServiceOrdered, ["service.ordered"], tell_order)
