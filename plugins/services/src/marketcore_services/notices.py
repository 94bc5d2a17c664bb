"""What vendors and customers are told of services, by the channels they chose."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import OrderStateChanged
from marketcore.notifications.services import NotificationService
from marketcore.states import OrderState
from marketcore_services.events import ServiceDecided

_ORDER = text(
    """SELECT o.reference, w.service_name, w.variant_name FROM services_orders w JOIN orders o ON o.id = w.order_id
       WHERE w.order_id = :id"""
)
_TOLD = {OrderState.PROCESSING: "service.work_begun", OrderState.COMPLETED: "service.work_done"}


def tell_vendor(request: Any, fact: ServiceDecided) -> None:
    """Tell a vendor that customers see a service, or do not any more, and why."""
    type = "service.approved" if fact.approved else "service.unapproved"
    data = {"service_id": fact.service_id, "name": fact.name, "reason": fact.reason}
    request.find_service(NotificationService).notify(fact.vendor_id, type, data, key=f"service {fact.service_id}")


def tell_customer(request: Any, event: OrderStateChanged) -> None:
    """Tell a customer that the work has begun, and that it is done."""
    type = _TOLD.get(OrderState(event.state))
    row = request.db.execute(_ORDER, {"id": event.order_id}).first() if type else None
    if row is not None:
        data = {"order_id": str(row.reference), "service": row.service_name, "variant": row.variant_name}
        request.find_service(NotificationService).notify(event.buyer_id, type, data)


def includeme(config: Any) -> None:
    """Add the types and what tells them."""
    templates = "marketcore_services:templates"
    config.add_notification_type("service.approved", title="Your service is approved", templates=templates)
    config.add_notification_type("service.unapproved", title="Your service is not approved", templates=templates)
    config.add_notification_type(
        "service.work_begun", title="Work you ordered has begun", templates=templates, channels="in_app"
    )
    config.add_notification_type("service.work_done", title="Work you ordered is done", templates=templates)
    config.add_event_subscriber(tell_vendor, ServiceDecided)
    config.add_event_subscriber(tell_customer, OrderStateChanged)
