"""Money that arrived and could not be used: kept where a person finds it, instead of guessing what it is for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.ledger.accounts import AccountRef, provider_clearing, unapplied_receipts
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money

log = structlog.get_logger(__name__)

_LEFT = text(
    """SELECT t.currency, CAST(sum(CASE WHEN credit.purpose = 'unapplied_receipts' THEN t.amount ELSE -t.amount END)
                                AS bigint) AS minor
       FROM ledger_transfers t
       JOIN ledger_accounts credit ON credit.id = t.credit_id JOIN ledger_accounts debit ON debit.id = t.debit_id
       WHERE t.ref_type = 'payment' AND t.ref_id = :id AND t.kind IN ('single', 'post')
         AND 'unapplied_receipts' IN (credit.purpose, debit.purpose)
       GROUP BY t.currency
       HAVING sum(CASE WHEN credit.purpose = 'unapplied_receipts' THEN t.amount ELSE -t.amount END) > 0"""
)


class UnappliedReceipts:
    """What payments have brought that paid for nothing."""

    def __init__(self, session: Any, ledger: LedgerService) -> None:
        self._session = session
        self._ledger = ledger

    def keep(self, payment: Any, received: Money, clearing: AccountRef) -> None:
        """Set ``received`` of a locked payment aside."""
        self._move("unapplied", payment.id, clearing, unapplied_receipts(received.currency), received.minor)
        log.error("money_not_applied", payment_id=str(payment.id), received=str(received), asked=payment.amount_minor)

    def left(self, payment_id: UUID) -> Money | None:
        """Return what of a payment is still set aside, or ``None``."""
        row = self._session.execute(_LEFT, {"id": str(payment_id)}).first()
        return Money(row.minor, row.currency) if row else None

    def release(self, payment: Any) -> AccountRef:
        """Put a locked payment's money back on its provider's clearing account, from where it can be used."""
        left = self.left(payment.id)
        assert left is not None, "the caller has seen that something is left"  # noqa: S101
        clearing = provider_clearing(payment.provider, left.currency)
        self._move("reapplied", payment.id, unapplied_receipts(left.currency), clearing, left.minor)
        return clearing

    def _move(self, code: str, payment_id: UUID, debit: AccountRef, credit: AccountRef, minor: int) -> None:
        transfer = Transfer(
            id=business_id(code, payment_id),
            debit=debit,
            credit=credit,
            minor=minor,
            code=code,
            ref_type="payment",
            ref_id=str(payment_id),
        )
        self._ledger.transfer([transfer], event_id=transfer.id)
