"""Confirming and rejecting payments by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore.payments.schemas import PaymentDocument
from marketcore.payments.services import PaymentService
from marketcore.payments.views import present_payment
from marketcore_payments_manual import schemas
from marketcore_payments_manual.services import ConfirmationService


@view_config(
    route_name="payments_manual.confirmation",
    request_method="POST",
    permission="payments_manual.payment.decide",
    idempotent=True,
    openapi={"body": schemas.ReceivedBody, "responses": {200: PaymentDocument}, "refusals": [409]},
)
def confirm_payment(request: Any) -> dict[str, Any]:
    """Say that the money of a payment by hand came: its seller where the seller receives it, or an admin."""
    payment_id, given = UUID(request.matchdict["payment_id"]), request.valid.body
    service = request.find_service(ConfirmationService)
    service.confirm(payment_id, given["amount"], given["receipt"], request.identity)
    return present_payment(request.find_service(PaymentService).lock(payment_id))


@view_config(
    route_name="payments_manual.rejection",
    request_method="POST",
    permission="payments_manual.payment.decide",
    idempotent=True,
    openapi={"body": schemas.RejectionBody, "responses": {200: PaymentDocument}, "refusals": [409]},
)
def reject_payment(request: Any) -> dict[str, Any]:
    """Say that the money will not come; an order that was to be paid on delivery is cancelled."""
    payment_id = UUID(request.matchdict["payment_id"])
    request.find_service(ConfirmationService).reject(payment_id, request.valid.body["reason"], request.identity)
    return present_payment(request.find_service(PaymentService).lock(payment_id))
