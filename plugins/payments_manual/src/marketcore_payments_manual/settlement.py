"""Money that the seller has had all along: counted as received, and settled when the order ends.

Until then it stands on the provider's clearing account, like money at any gateway. When the order ends, what the
completion has just given the seller is taken for it, and the rest - the commission, and what settled older debt -
is what the seller owes. A refund by hand is handed back out of the same cash.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.ledger.accounts import AccountRef, provider_clearing, seller_debt, seller_payable
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Entry, Transfer
from marketcore_payments_manual.rules import seller_holds

_ORDER = text(
    """SELECT o.id, o.seller_id, o.currency, p.provider, p.next_action
       FROM orders o JOIN payments p ON p.id = o.payment_id WHERE o.id = :id AND o.paid_at IS NOT NULL"""
)
# The order's row decides between a refund and the end of the order; a refund comes after it in the order of locks
# only where it is made, and this one exists already.
_HANDED_BACK = text(
    """SELECT r.amount_minor, o.id, o.seller_id, r.currency, p.provider, p.next_action
       FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN orders o ON o.id = r.order_id
       WHERE r.id = :id AND r.target = 'by_hand' FOR UPDATE OF o"""
)


class CashSettlement:
    """Keeps the books about money in sellers' hands."""

    def __init__(self, session: Any, ledger: LedgerService) -> None:
        self._session = session
        self._ledger = ledger

    def settle(self, order_id: int) -> None:
        """Settle the cash of a locked order that has just ended; once it is settled nothing happens."""
        order = self._session.execute(_ORDER, {"id": order_id}).first()
        if order is None or not seller_holds(order.provider, order.next_action):
            return
        entries, clearing = self._ledger.statement("order", str(order_id)), _clearing(order)
        outstanding = _outstanding(entries, order.provider)
        kept = min(outstanding, sum(entry.amount.minor for entry in entries if entry.code == "release"))
        payable, debt = _accounts(order)
        self._book(
            order,
            ("cash_settled", order_id),
            (("cash_kept", payable, clearing, kept), ("cash_owed", debt, clearing, outstanding - kept)),
        )

    def hand_back(self, refund_id: UUID) -> None:
        """Count a refund by hand that has just been made as paid out of the cash that its order's seller holds."""
        refund = self._session.execute(_HANDED_BACK, {"id": refund_id}).first()
        if refund is None or not seller_holds(refund.provider, refund.next_action):
            return
        hand, minor = provider_clearing("by_hand", refund.currency), refund.amount_minor
        if _outstanding(self._ledger.statement("order", str(refund.id)), refund.provider):
            parts = [("cash_returned", hand, _clearing(refund), minor)]
        else:
            payable, debt = _accounts(refund)
            less = min(minor, max(0, self._ledger.lock([payable, debt])[debt].posted_minor))
            parts = [("cash_returned_debt", hand, debt, less), ("cash_returned", hand, payable, minor - less)]
        self._book(refund, ("cash_returned", refund_id), parts)

    def _book(
        self, order: Any, effect: tuple[str, object], parts: Iterable[tuple[str, AccountRef, AccountRef, int]]
    ) -> None:
        transfers = [
            Transfer(
                id=business_id(code, *effect),
                debit=debit,
                credit=credit,
                minor=minor,
                code=code,
                ref_type="order",
                ref_id=str(order.id),
            )
            for code, debit, credit, minor in parts
            if minor
        ]
        self._ledger.transfer(transfers, event_id=business_id(*effect))


def _clearing(order: Any) -> AccountRef:
    return provider_clearing(order.provider, order.currency)


def _accounts(order: Any) -> tuple[AccountRef, AccountRef]:
    return seller_payable(order.seller_id, order.currency), seller_debt(order.seller_id, order.currency)


def _outstanding(entries: Iterable[Entry], provider: str) -> int:
    """Return how much of an order's money its entries leave on the provider's clearing account."""
    owner = f"provider:{provider}"
    return sum(entry.amount.minor * ((entry.debit_owner == owner) - (entry.credit_owner == owner)) for entry in entries)


def cash_settlement(_context: Any, request: Any) -> CashSettlement:
    """Return the request's ``CashSettlement``."""
    return CashSettlement(request.db, request.find_service(LedgerService))
