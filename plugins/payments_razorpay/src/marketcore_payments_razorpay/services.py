"""A payer's visits: which payment a page is about, and what leaving the checkout means for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.db import clock
from marketcore.interfaces import PaymentAttempt, ProviderResult
from marketcore.payments.services import COLUMNS, PaymentService, attempt_of
from marketcore.states import PAYMENT_OPEN, PaymentState

_READ = text(f"SELECT {COLUMNS} FROM payments WHERE id = :id AND provider = 'razorpay'")


@dataclass(frozen=True, slots=True)
class Visit:
    """A payment as its payer's browser meets it; ``payable`` says whether the checkout may be opened now."""

    attempt: PaymentAttempt
    state: PaymentState
    payable: bool

    @property
    def is_open(self) -> bool:
        """Whether the payment may still change by itself."""
        return self.state in PAYMENT_OPEN


class VisitService:
    """Reads payments for the payer's pages and applies the one thing a payer can say there: no."""

    def __init__(self, session: Any, payments: PaymentService) -> None:
        self._session = session
        self._payments = payments

    def visit(self, payment_id: UUID) -> Visit | None:
        """Return the payment of Razorpay's with this id, if there is one."""
        row = self._session.execute(_READ, {"id": payment_id}).first()
        if row is None:
            return None
        attempt, state = attempt_of(row), PaymentState(row.state)
        in_time = clock.now(self._session) < attempt.expires_at
        payable = state is PaymentState.PENDING and attempt.reference is not None and in_time
        return Visit(attempt, state, payable)

    def leave(self, payment_id: UUID, result: ProviderResult) -> None:
        """Apply that the payer has left the checkout and nothing was paid."""
        self._payments.apply_provider_state(payment_id, result, "browser")


def visit_service(_context: Any, request: Any) -> VisitService:
    """Return the request's ``VisitService``."""
    return VisitService(request.db, request.find_service(PaymentService))
