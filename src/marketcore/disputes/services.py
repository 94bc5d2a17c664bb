"""Disputes: opened, won or lost at the word of a provider, forward only and each with one effect."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import text

from marketcore.directives import table
from marketcore.events import DisputeChanged
from marketcore.interfaces import DisputeReport
from marketcore.ledger.accounts import disputed, provider_clearing
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money
from marketcore.payments.operations import record
from marketcore.payments.services import PaymentService
from marketcore.states import DISPUTE_TRANSITIONS, DisputeState, PaymentState

log = structlog.get_logger(__name__)

# Our own id first: a reference or a receipt is what the provider makes of it.
_PAYMENT = text(
    """SELECT id FROM payments WHERE provider = :provider
         AND (id = CAST(:id AS uuid) OR provider_reference = CAST(:reference AS text)
              OR provider_receipt = CAST(:receipt AS text))
       ORDER BY (id = CAST(:id AS uuid)) IS TRUE DESC, (provider_reference = CAST(:reference AS text)) IS TRUE DESC
       LIMIT 1"""
)
_READ = text("SELECT * FROM disputes WHERE provider = :provider AND provider_reference = :reference FOR UPDATE")
_OPEN = text(
    """INSERT INTO disputes (id, payment_id, provider, provider_reference, currency, amount_minor, state, reason,
                             due_by)
       VALUES (:id, :payment, :provider, :reference, :currency, :minor, 'open', :reason, :due_by)"""
)
_TAKEN = text("UPDATE disputes SET taken_minor = :minor WHERE id = :id")
_KEEP_UP = text(
    """UPDATE disputes SET due_by = coalesce(:due_by, due_by), reason = coalesce(nullif(:reason, ''), reason)
       WHERE id = :id AND state = 'open'"""
)
_CLOSE = text("UPDATE disputes SET state = :state, closed_at = market_clock() WHERE id = :id")
_ORDERS = text("SELECT order_id FROM dispute_parts WHERE dispute_id = :id ORDER BY order_id")


class DisputeService:
    """Books what providers say of disputes."""

    def __init__(self, request: Any, payments: PaymentService, ledger: LedgerService) -> None:
        self._request = request
        self._session = request.db
        self._payments = payments
        self._ledger = ledger

    def apply(self, provider: str, report: DisputeReport) -> UUID:
        """Apply what ``provider`` says of a dispute; return the dispute's id.

        Reports may be repeated and come in any order: an end that comes first opens the dispute as well. What would
        lead back is kept in the history and changes nothing. ``LookupError``: no captured payment fits it (yet).
        """
        target = DisputeState(report.state)
        payment = self._payment(provider, report)
        dispute = self._find(provider, report.reference) or self._open(payment, report)
        if dispute.payment_id != payment.id:
            raise LookupError(f"dispute {report.reference} is about payment {dispute.payment_id}, not {payment.id}")
        self._compare(dispute, report)
        if target != dispute.state:
            self._close(payment, dispute, target)
        return UUID(str(dispute.id))

    def _payment(self, provider: str, report: DisputeReport) -> Any:
        known = {"id": report.payment_id, "reference": report.payment_reference, "receipt": report.payment_receipt}
        payment_id = self._session.execute(_PAYMENT, {**known, "provider": provider}).scalar()
        if payment_id is None:
            raise LookupError(f"no payment of {provider} fits dispute {report.reference}")
        payment = self._payments.lock(payment_id)
        if payment.state != PaymentState.CAPTURED:
            raise LookupError(f"dispute {report.reference} is about payment {payment_id}, which is {payment.state}")
        return payment

    def _find(self, provider: str, reference: str) -> Any:
        return self._session.execute(_READ, {"provider": provider, "reference": reference}).first()

    def _open(self, payment: Any, report: DisputeReport) -> Any:
        dispute_id = uuid4()
        values = {
            "id": dispute_id,
            "payment": payment.id,
            "provider": payment.provider,
            "reference": report.reference,
            "currency": report.amount.currency,
            "minor": report.amount.minor,
            "reason": report.reason[:100],
            "due_by": report.due_by,
        }
        self._session.execute(_OPEN, values)
        self._session.execute(_TAKEN, {"id": dispute_id, "minor": self._take(payment, dispute_id, report.amount)})
        dispute = self._find(payment.provider, report.reference)
        self._tell(dispute, "new", DisputeState.OPEN)
        return dispute

    def _take(self, payment: Any, dispute_id: UUID, amount: Money) -> int:
        """Let whatever was paid for stand for the dispute; return how much of it could."""
        contested = getattr(self._purpose(payment), "contested", None)
        taken = 0
        if contested is not None and amount.currency == payment.currency:
            account = disputed(dispute_id, amount.currency)
            taken = contested(self._request, payment.reference, dispute_id, amount.minor, account)
        if not taken:
            log.error("dispute_takes_nothing", dispute_id=str(dispute_id), purpose=payment.purpose, amount=str(amount))
        return taken

    def _compare(self, dispute: Any, report: DisputeReport) -> None:
        self._session.execute(_KEEP_UP, {"id": dispute.id, "due_by": report.due_by, "reason": report.reason[:100]})
        known = Money(dispute.amount_minor, dispute.currency)
        if report.amount != known:
            log.error("dispute_amount_differs", dispute_id=str(dispute.id), kept=str(known), told=str(report.amount))

    def _close(self, payment: Any, dispute: Any, target: DisputeState) -> None:
        if target not in DISPUTE_TRANSITIONS.get(DisputeState(dispute.state), frozenset()):
            record(self._session, "dispute", dispute.id, dispute.state, target, "webhook", applied=False)
            if target is not DisputeState.OPEN:
                log.error("dispute_step_refused", dispute_id=str(dispute.id), current=dispute.state, target=target)
            return
        if dispute.taken_minor:
            self._purpose(payment).settled(self._request, payment.reference, dispute.id, target is DisputeState.WON)
        if dispute.taken_minor and target is DisputeState.LOST:
            self._book_loss(dispute)
        self._session.execute(_CLOSE, {"id": dispute.id, "state": target})
        self._tell(dispute, dispute.state, target)

    def _book_loss(self, dispute: Any) -> None:
        transfer = Transfer(
            id=business_id("dispute_lost", dispute.id),
            debit=disputed(dispute.id, dispute.currency),
            credit=provider_clearing(dispute.provider, dispute.currency),
            minor=dispute.taken_minor,
            code="dispute_lost",
            ref_type="dispute",
            ref_id=str(dispute.id),
        )
        self._ledger.transfer([transfer], event_id=transfer.id)

    def _purpose(self, payment: Any) -> Any:
        return table(self._request.registry, "payment purposes").get(payment.purpose)

    def _tell(self, dispute: Any, previous: str, state: DisputeState) -> None:
        record(self._session, "dispute", dispute.id, previous, state, "webhook")
        amount = Money(dispute.amount_minor, dispute.currency)
        self._request.emit(DisputeChanged(dispute.id, dispute.payment_id, str(state), amount))
        for order_id in self._session.execute(_ORDERS, {"id": dispute.id}).scalars():
            data = {"order_id": order_id, "dispute_id": str(dispute.id), "state": str(state)}
            self._request.publish(f"order:{order_id}", "order.dispute", data)


def dispute_service(_context: Any, request: Any) -> DisputeService:
    """Return the request's ``DisputeService``."""
    return DisputeService(request, request.find_service(PaymentService), request.find_service(LedgerService))
