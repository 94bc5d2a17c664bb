"""Paying for credits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketcore.exceptions import NotFound
from marketcore.interfaces import RefundOrder
from marketcore.ledger.accounts import AccountRef
from marketcore.money import Money
from marketcore_livestream.purchases import PurchaseService


class CreditsPurpose:
    """A payment for ``stream_credits``/``<purchase id>``."""

    def amount_due(self, request: Any, reference: str, user_id: int) -> Money:
        """Return what the seller's purchase costs."""
        due: Money = request.find_service(PurchaseService).amount_due(_purchase_id(reference), user_id)
        return due

    def captured(self, request: Any, reference: str, payment_id: UUID, amount: Money, clearing: AccountRef) -> bool:
        """Give the credits."""
        given: bool = request.find_service(PurchaseService).credit(UUID(reference), payment_id, clearing)
        return given

    def given_back(self, request: Any, refund: RefundOrder, to: AccountRef) -> int:
        """Take unused credits away for a refund."""
        given: int = request.find_service(PurchaseService).give_back(UUID(refund.reference), refund, to)
        return given

    def contested(self, request: Any, reference: str, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Take the money that a payer's bank contests, and the credits that are still there."""
        taken: int = request.find_service(PurchaseService).contest(UUID(reference), dispute_id, minor, to)
        return taken

    def settled(self, request: Any, reference: str, dispute_id: UUID, won: bool) -> None:
        """Give both back if the bank has decided so."""
        request.find_service(PurchaseService).settle(UUID(reference), dispute_id, won=won)


def _purchase_id(reference: str) -> UUID:
    try:
        purchase_id = UUID(reference)
    except ValueError:
        purchase_id = None
    # One way of writing it only: a second one would let two payments be open for one purchase.
    if purchase_id is None or str(purchase_id) != reference:
        raise NotFound(f"there is no purchase {reference} of yours")
    return purchase_id


credits_purpose = CreditsPurpose()
