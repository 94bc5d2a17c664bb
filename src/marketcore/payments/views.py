"""Payments over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore.payments import schemas
from marketcore.payments.beginning import begin_payment
from marketcore.payments.services import PaymentService
from marketcore.web.json import present_money, utc


def present_payment(row: Any) -> dict[str, Any]:
    """Return a payment's document."""
    return {
        "id": str(row.id),
        "code": row.code,
        "purpose": row.purpose,
        "reference": row.reference,
        "provider": row.provider,
        "amount": present_money(row.amount_minor, row.currency),
        "state": row.state,
        "reason": row.reason,
        "next_action": row.next_action,
        "receipt": row.provider_receipt,
        "expires_at": utc(row.expires_at),
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


@view_config(
    route_name="payments.payments",
    request_method="POST",
    permission="payments.payment.start",
    idempotent=True,
    rate_limit="payment",
    openapi={"body": schemas.PaymentBody, "responses": {202: schemas.PaymentDocument}, "refusals": [409, 429]},
)
def start_payment(request: Any) -> dict[str, Any]:
    """Start to pay: the provider is asked to collect, and the outcome follows (see `state`)."""
    given = request.valid.body
    payment_id = begin_payment(request, given["purpose"], given["reference"], given["provider"], given["payer"])
    request.response.status_int = 202
    return present_payment(request.find_service(PaymentService).read(payment_id, request.identity))


@view_config(
    route_name="payments.payment",
    request_method="GET",
    permission="payments.payment.read",
    openapi={"responses": {200: schemas.PaymentDocument}},
)
def read_payment(request: Any) -> dict[str, Any]:
    """Show a payment of yours."""
    payment_id = UUID(request.matchdict["payment_id"])
    return present_payment(request.find_service(PaymentService).read(payment_id, request.identity))


@view_config(
    route_name="payments.options",
    request_method="GET",
    permission="payments.payment.read",
    openapi={"query": schemas.OptionsQuery, "responses": {200: schemas.PaymentOptions}, "refusals": [409]},
)
def payment_options(request: Any) -> dict[str, Any]:
    """Show what is due and who can collect it."""
    query = request.valid.query
    amount, found = request.find_service(PaymentService).options(
        query["purpose"], query["reference"], request.authenticated_userid
    )
    options = [_present_option(provider) for provider in found]
    return {"amount": present_money(amount.minor, amount.currency), "options": options}


def _present_option(provider: Any) -> dict[str, Any]:
    fields = [node.name for node in provider.payer_schema.children]
    return {"provider": provider.name, "title": provider.title, "payer_fields": fields}
