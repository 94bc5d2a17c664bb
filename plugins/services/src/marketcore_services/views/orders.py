"""Orders of services: placed and begun to pay in one request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore.payments.beginning import begin_payment, begun_payment
from marketcore.payments.services import PaymentService
from marketcore.payments.views import present_payment
from marketcore.settings import section
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY
from marketcore_services import reading, schemas
from marketcore_services.ordering import ServiceOrders
from marketcore_services.presenting import present_order

READ = "services.order.read"


@view_config(
    route_name="services.orders",
    request_method="POST",
    permission="services.order.place",
    idempotent=True,
    rate_limit="payment",
    openapi={
        "body": schemas.NewServiceOrder,
        "responses": {201: schemas.PlacedDocument},
        "refusals": [409, 429],
    },
)
def place_order(request: Any) -> dict[str, Any]:
    """Order a variant of a vendor's service and begin to pay for it."""
    payment_id = begun_payment(request) or _place(request)
    payment = request.find_service(PaymentService).read(payment_id, request.identity)
    order = reading.read_placed(request.db, int(payment.reference))
    action = payment.next_action or {}
    request.response.status_int = 201
    return {
        "order_id": str(order.reference),
        "checkout_url": action["data"].get("url") if action.get("kind") == "redirect" else None,
        "order": present_order(order),
        "payment": present_payment(payment),
    }


def _place(request: Any) -> UUID:
    """Place the order and begin its payment: both are committed together before the provider hears of it."""
    given = request.valid.body
    checkout_id = request.find_service(ServiceOrders).place(
        request.authenticated_userid,
        given["vendor_id"],
        given["variant_id"],
        section(request.registry, "services")["minimum"],
    )
    return begin_payment(request, "checkout", str(checkout_id), given["provider"], given["payer"])


@view_config(
    route_name="services.orders",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.ServiceOrdersQuery, "responses": {200: schemas.ServiceOrderPage}},
)
def list_orders(request: Any) -> dict[str, Any]:
    """List your orders of services, newest first, as customer or as vendor."""
    query, user_id = request.valid.query, request.authenticated_userid
    scope = f"service orders {query['role']} {query['state']} {user_id}"
    (before,) = decode_cursor(request.registry, scope, query["cursor"], [int]) or (MAX_KEY,)
    rows = reading.page_of_orders(request.db, query["role"], user_id, query["state"], before, query["limit"] + 1)
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=present_order)


@view_config(
    route_name="services.order",
    request_method="GET",
    permission=READ,
    openapi={"responses": {200: schemas.ServiceOrderDocument}},
)
def read_order(request: Any) -> dict[str, Any]:
    """Show an order of a service to its customer, its vendor and admins."""
    reference = UUID(request.matchdict["service_order_id"])
    return present_order(reading.read_order(request.db, reference, request.identity))
