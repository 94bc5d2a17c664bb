"""Talking to providers: always outside any transaction, and no fault of theirs ever becomes a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.interfaces import Outcome, PaymentAttempt, ProviderResult, WebhookEvent
from marketcore.payments.services import COLUMNS, PaymentService, attempt_of
from marketcore.settings import section
from marketcore.states import PaymentState
from marketcore.testing.crash import crash_point

log = structlog.get_logger(__name__)
_READ = text(f"SELECT {COLUMNS} FROM payments WHERE id = :id")


def submit(registry: Any, payment_id: UUID, token: str) -> PaymentState:
    """Hand a committed attempt to its provider and apply the answer; returns the state afterwards."""
    row = perform(registry, _read, payment_id)
    provider = registry["payment_routing"].by_name(row.provider)
    attempt = attempt_of(row, callback_url(registry, provider.webhook_slug, token), return_url(registry, payment_id))
    crash_point("payments.before_start")
    result = guarded(provider.start, attempt)
    crash_point("payments.after_start")
    return perform(registry, _apply, payment_id, result, "start")


def ask(registry: Any, payment_id: UUID, source: str, hint: WebhookEvent | None = None) -> PaymentState:
    """Ask the provider for the truth about a payment and apply it; returns the state afterwards.

    ``hint`` is an unsigned callback. It is not believed, but where our own submission was never answered it tells
    which attempt to ask about, and after a confirmed success it may add the receipt for the payer.
    """
    row = perform(registry, _read, payment_id)
    attempt = attempt_of(row, return_url=return_url(registry, payment_id))
    if hint and attempt.reference is None:
        attempt = replace(attempt, reference=hint.reference)
    # A provider whose plugin is switched off knows nothing either: the payment waits, and in the end a person looks.
    result = guarded(lambda asked: registry["payment_routing"].by_name(row.provider).fetch(asked), attempt)
    if result.outcome is Outcome.SUCCEEDED:
        result = _with_hint(result, attempt, hint)
    crash_point("payments.after_fetch")
    return perform(registry, _apply, payment_id, result, source)


def guarded(call: Callable[[PaymentAttempt], ProviderResult], attempt: PaymentAttempt) -> ProviderResult:
    """Return what ``call`` says; an exception means that nobody knows what happened, so: unknown."""
    try:
        return call(attempt)
    except Exception as error:
        log.exception("provider_call_failed", payment_id=str(attempt.id))
        return ProviderResult(Outcome.UNKNOWN, detail=type(error).__name__)


def callback_url(registry: Any, slug: str, token: str) -> str:
    """Return the address, unguessable and of this attempt alone, at which a provider reports."""
    base = section(registry, "payments")["callback_url"] or section(registry, "marketcore")["public_url"]
    return f"{base.rstrip('/')}/hooks/{slug}/{token}"


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
