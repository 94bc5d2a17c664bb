"""Work on paybill payments outside requests: it asks Daraja, so none of it runs inside a transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.interfaces import PaymentAttempt, ProviderResult
from marketcore.jobs.binding import outside_transaction
from marketcore.payments.services import COLUMNS, PaymentService, attempt_of
from marketcore.settings import section
from marketcore_payments_mpesa.errors import Rejected
from marketcore_payments_mpesa.paybill.routes import CONFIRMATION, VALIDATION
from marketcore_payments_mpesa.provider import MpesaProvider, match

log = structlog.get_logger(__name__)
_READ = text(f"SELECT {COLUMNS} FROM payments WHERE id = :id")
_RECEIPT = text("SELECT provider_receipt FROM payments WHERE id = :id")


@outside_transaction
def apply_paybill_payment(registry: Any, payment_id: str, receipt: str) -> None:
    """Apply a confirmed payment once the list of payments has it; until then fail, to be tried again."""
    attempt = perform(registry, _read, UUID(payment_id))
    listed = registry["payment_routing"].by_name(MpesaProvider.name).listed(attempt)
    if receipt not in {payment.receipt for payment in listed}:
        raise LookupError(f"the paybill payment {receipt} for {attempt.code} was confirmed but is not listed")
    result = match(attempt, listed)
    kept = perform(registry, _apply, attempt.id, result) if result.receipt == receipt else None
    if kept != receipt:
        log.error("paybill_payment_surplus", payment_id=payment_id, receipt=receipt, applied=kept)


@outside_transaction
def register_paybill(registry: Any) -> None:
    """Give Daraja the addresses for paybill payments. Production takes them once and then always says so."""
    payments, core = section(registry, "payments"), section(registry, "marketcore")
    base = (payments["callback_url"] or core["public_url"]).rstrip("/")
    token = section(registry, "payments_mpesa")["c2b_secret"]
    urls = [base + path.format(token=token) for path in (CONFIRMATION, VALIDATION)]
    try:
        registry["payment_routing"].by_name(MpesaProvider.name).register_paybill(*urls)
    except Rejected as error:
        log.info("paybill_registered_before", reason=error.message)


def _read(request: Any, payment_id: UUID) -> PaymentAttempt:
    return attempt_of(request.db.execute(_READ, {"id": payment_id}).one())


def _apply(request: Any, payment_id: UUID, result: ProviderResult) -> str | None:
    request.find_service(PaymentService).apply_provider_state(payment_id, result, "paybill")
    receipt: str | None = request.db.execute(_RECEIPT, {"id": payment_id}).scalar_one()
    return receipt
