"""A payer leaves the checkout: outside any transaction, for the provider is asked first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketcore.db.session import perform
from marketcore.interfaces import Outcome, PaymentAttempt, ProviderResult
from marketcore.payments.asking import ask
from marketcore_payments_razorpay.provider import RazorpayProvider
from marketcore_payments_razorpay.services import VisitService


def leave(registry: Any, provider: RazorpayProvider, attempt: PaymentAttempt) -> None:
    """End an attempt that its payer gives up, unless money has moved or may be moving."""
    result = provider.abandon(attempt)
    if result.outcome is Outcome.DECLINED:
        perform(registry, _decline, attempt.id, result)
    else:
        ask(registry, attempt.id, "browser")


def _decline(request: Any, payment_id: UUID, result: ProviderResult) -> None:
    request.find_service(VisitService).leave(payment_id, result)
