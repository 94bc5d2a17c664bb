"""Refunds over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore import audit
from marketcore.exceptions import Invalid, NotFound
from marketcore.orders.reading import read_order
from marketcore.orders.rules import Actor, capacities
from marketcore.payments.services import PaymentService
from marketcore.refunds import schemas
from marketcore.refunds.services import RefundService
from marketcore.web.json import present_money, utc


def present_refund(row: Any) -> dict[str, Any]:
    """Return a refund's document."""
    return {
        "id": str(row.id),
        "payment_id": str(row.payment_id),
        "order_id": row.order_id,
        "target": row.target,
        "amount": present_money(row.amount_minor, row.currency),
        "state": row.state,
        "reason": row.reason,
        "failure": row.failure,
        "receipt": row.provider_receipt,
        "replaced_by": str(row.replaced_by) if row.replaced_by else None,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def _minor(request: Any, order: Any) -> int | None:
    amount = request.valid.body["amount"]
    if amount is None:
        return None
    if amount.currency != order.currency:
        raise Invalid(errors={"amount.currency": f"the order was paid in {order.currency}"})
    minor: int = amount.minor
    return minor


@view_config(
    route_name="refunds.order",
    request_method="POST",
    permission="refunds.refund.request",
    idempotent=True,
    openapi={"body": schemas.RefundBody, "responses": {201: schemas.RefundDocument}, "refusals": [409]},
)
def request_refund(request: Any) -> dict[str, Any]:
    """Give back an order's money, or part of it: its seller and admins may."""
    order = read_order(request.db, request.valid.path["order_id"], request.identity)
    if not {Actor.SELLER, Actor.ADMIN} & capacities(order, request.identity):
        raise NotFound(f"order {order.id} is not yours to refund")
    service, given = request.find_service(RefundService), request.valid.body
    refund_id = service.request(
        service.payment_of(order.id),
        _minor(request, order),
        order_id=order.id,
        target=given["target"],
        reason=given["reason"],
        by=request.authenticated_userid,
    )
    audit.record(request.db, audit.actor_of(request.identity), "refund.request", "refund", refund_id, order=order.id)
    request.response.status_int = 201
    return present_refund(service.read(refund_id))


@view_config(
    route_name="refunds.order",
    request_method="GET",
    permission="orders.order.read",
    openapi={"responses": {200: schemas.Refunds}},
)
def list_refunds(request: Any) -> dict[str, Any]:
    """Show an order's refunds to its buyer, its seller and admins."""
    order = read_order(request.db, request.valid.path["order_id"], request.identity)
    return {"items": [present_refund(row) for row in request.find_service(RefundService).of_order(order.id)]}


@view_config(
    route_name="refunds.refund",
    request_method="GET",
    permission="orders.order.read",
    openapi={"responses": {200: schemas.RefundDocument}},
)
def read_refund(request: Any) -> dict[str, Any]:
    """Show a refund to the parties of its order, to whoever paid, and to admins."""
    return present_refund(request.find_service(RefundService).read_for(_refund_id(request), request.identity))


@view_config(
    route_name="refunds.retry",
    request_method="POST",
    permission="refunds.refund.decide",
    idempotent=True,
    openapi={"body": schemas.RetryBody, "responses": {201: schemas.RefundDocument}, "refusals": [409]},
)
def retry_refund(request: Any) -> dict[str, Any]:
    """Send a failed refund again, by the same way or another."""
    service, refund_id, target = request.find_service(RefundService), _refund_id(request), request.valid.body["target"]
    again = service.retry(refund_id, target, request.authenticated_userid)
    audit.record(request.db, audit.actor_of(request.identity), "refund.retry", "refund", refund_id, target=target)
    request.response.status_int = 201
    return present_refund(service.read(again))


@view_config(
    route_name="refunds.confirmation",
    request_method="POST",
    permission="refunds.refund.decide",
    idempotent=True,
    openapi={"body": schemas.ConfirmationBody, "responses": {200: schemas.RefundDocument}, "refusals": [409]},
)
def confirm_refund(request: Any) -> dict[str, Any]:
    """Say that a refund by hand has been made."""
    service, refund_id, receipt = (
        request.find_service(RefundService),
        _refund_id(request),
        request.valid.body["receipt"],
    )
    service.confirm(refund_id, receipt)
    audit.record(request.db, audit.actor_of(request.identity), "refund.confirm", "refund", refund_id, receipt=receipt)
    return present_refund(service.read(refund_id))


@view_config(
    route_name="refunds.set_aside",
    request_method="POST",
    permission="refunds.refund.decide",
    idempotent=True,
    openapi={"body": schemas.SetAsideBody, "responses": {200: schemas.SetAsideOutcome}, "refusals": [409]},
)
def decide_set_aside(request: Any) -> dict[str, Any]:
    """Decide about money that could not be used: apply it after all, or send it back."""
    payment_id, given = UUID(request.matchdict["payment_id"]), request.valid.body
    actor = audit.actor_of(request.identity)
    audit.record(request.db, actor, f"set_aside.{given['action']}", "payment", payment_id, reason=given["reason"])
    if given["action"] == "apply":
        request.find_service(PaymentService).use_set_aside(payment_id)
        return {"refund": None}
    service = request.find_service(RefundService)
    refund_id = service.request_set_aside(
        payment_id, target=given["target"], reason=given["reason"], by=request.authenticated_userid
    )
    return {"refund": present_refund(service.read(refund_id))}


def _refund_id(request: Any) -> UUID:
    return UUID(request.matchdict["refund_id"])
