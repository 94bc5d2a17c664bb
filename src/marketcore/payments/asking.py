"""Talking to providers about payments: outside any transaction, and no fault of theirs ever becomes a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.exceptions import InsufficientFunds
from marketcore.interfaces import Outcome, PaymentAttempt, ProviderResult, WebhookEvent
from marketcore.payments.operations import guarded, provider_called
from marketcore.payments.services import COLUMNS, PaymentService, attempt_of
from marketcore.settings import section
from marketcore.states import PaymentState
from marketcore.testing.crash import crash_point

_READ = text(f"SELECT {COLUMNS} FROM payments WHERE id = :id")


class PaymentOperation:
    """Payments, as the reconciler and the inbox see them."""

    subject = "payment"
    table = "payments"
    note = "reason"

    def ask(self, registry: Any, operation_id: UUID, source: str, hint: WebhookEvent | None = None) -> str:
        """Ask the provider about a payment; see ``ask`` of this module."""
        return str(ask(registry, operation_id, source, hint))

    def apply(self, request: Any, operation_id: UUID, result: ProviderResult, source: str) -> str:
        """Apply what a provider says of a payment."""
        return str(request.find_service(PaymentService).apply_provider_state(operation_id, result, source))


def submit(registry: Any, payment_id: UUID, callback_url: str) -> PaymentState:
    """Hand a committed attempt to its provider and apply the answer; returns the state afterwards."""
    row = perform(registry, _read, payment_id)
    provider = provider_called(registry, row.provider)
    attempt = attempt_of(row, callback_url, return_url(registry, payment_id))
    crash_point("payments.before_start")
    if "internal" in provider.capabilities.features:
        return perform(registry, _collect, provider, attempt)
    result = guarded(provider.start, attempt)
    crash_point("payments.after_start")
    return _applied(registry, provider, attempt, result, "start")


def ask(registry: Any, payment_id: UUID, source: str, hint: WebhookEvent | None = None) -> PaymentState:
    """Ask the provider for the truth about a payment and apply it; returns the state afterwards.

    ``hint`` is an unsigned callback. It is not believed, but where our own submission was never answered it tells
    which attempt to ask about, and after a confirmed success it may add the receipt for the payer.
    """
    row = perform(registry, _read, payment_id)
    attempt = attempt_of(row, return_url=return_url(registry, payment_id))
    if hint and attempt.reference is None:
        attempt = replace(attempt, reference=hint.reference)
    try:
        provider = provider_called(registry, row.provider)
    except LookupError:
        # A provider whose plugin is switched off knows nothing: the payment waits, and in the end a person looks.
        return PaymentState(row.state)
    if "internal" in provider.capabilities.features:
        # Collected or not in one transaction: an attempt that is still being submitted never got that far.
        return perform(registry, _collect, provider, attempt)
    result = guarded(provider.fetch, attempt)
    if result.outcome is Outcome.SUCCEEDED:
        result = _with_hint(result, attempt, hint)
    crash_point("payments.after_fetch")
    return _applied(registry, provider, attempt, result, source)


def _applied(
    registry: Any, provider: Any, attempt: PaymentAttempt, result: ProviderResult, source: str
) -> PaymentState:
    """Apply ``result``, and take at once what has only been reserved."""
    state = perform(registry, _apply, attempt.id, result, source)
    if result.outcome is not Outcome.AUTHORIZED or "capture" not in provider.capabilities.features:
        return state
    reserved = replace(
        attempt, reference=result.reference or attempt.reference, receipt=result.receipt or attempt.receipt
    )
    crash_point("payments.before_capture")
    taken = guarded(lambda asked: provider.capture(asked, result.amount or asked.amount), reserved)
    crash_point("payments.after_capture")
    return perform(registry, _apply, attempt.id, taken, "capture")


def return_url(registry: Any, payment_id: UUID) -> str:
    """Return the address at which a payer's browser comes back."""
    return f"{section(registry, 'marketcore')['public_url'].rstrip('/')}/api/v1/payments/{payment_id}"


def _with_hint(result: ProviderResult, attempt: PaymentAttempt, hint: WebhookEvent | None) -> ProviderResult:
    claimed = hint.result if hint else None
    matches = claimed is not None and claimed.amount == attempt.amount and hint.reference == attempt.reference  # type: ignore[union-attr]
    return replace(
        result,
        reference=result.reference or attempt.reference,
        receipt=result.receipt or (claimed.receipt if matches and claimed else None),
    )


def _read(request: Any, payment_id: UUID) -> Any:
    return request.db.execute(_READ, {"id": payment_id}).one()


def _apply(request: Any, payment_id: UUID, result: ProviderResult, source: str) -> PaymentState:
    state: PaymentState = request.find_service(PaymentService).apply_provider_state(payment_id, result, source)
    crash_point("payments.before_commit")
    return state


def _collect(request: Any, provider: Any, attempt: PaymentAttempt) -> PaymentState:
    """Let a provider within the marketplace take the money and apply that, in one transaction."""
    payments = request.find_service(PaymentService)
    state = PaymentState(payments.lock(attempt.id).state)
    if state is not PaymentState.SUBMITTING:
        return state
    try:
        with request.db.begin_nested():
            result = provider.collect(request, attempt)
    except InsufficientFunds as refusal:
        result = ProviderResult(Outcome.DECLINED, reason="insufficient_funds", detail=str(refusal))
    return _apply(request, attempt.id, result, "start")
