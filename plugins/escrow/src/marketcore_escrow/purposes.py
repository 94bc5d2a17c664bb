"""Paying for an advertisement's budget, by any provider; a wallet is one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketcore.exceptions import NotFound
from marketcore.interfaces import RefundOrder
from marketcore.ledger.accounts import AccountRef
from marketcore.money import Money
from marketcore_escrow.contests import ContestService
from marketcore_escrow.services import AdvertisementService


class AdvertisementPurpose:
    """A payment for ``advertisement``/``<advertisement id>``, made by its owner."""

    def amount_due(self, request: Any, reference: str, user_id: int) -> Money:
        """Return the budget, while it is not held."""
        due: Money = request.find_service(AdvertisementService).amount_due(_advertisement_id(reference), user_id)
        return due

    def captured(self, request: Any, reference: str, payment_id: UUID, amount: Money, clearing: AccountRef) -> bool:
        """Hold the money as the budget."""
        held: bool = request.find_service(AdvertisementService).fund(int(reference), payment_id, clearing)
        return held

    def given_back(self, request: Any, refund: RefundOrder, to: AccountRef) -> int:
        """Take a refund's money from what is free of the budget."""
        given: int = request.find_service(AdvertisementService).give_back(int(refund.reference), refund, to)
        return given

    def contested(self, request: Any, reference: str, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Take what a payer's bank contests, and let the advertisement stand still."""
        taken: int = request.find_service(ContestService).take(int(reference), dispute_id, minor, to)
        return taken

    def settled(self, request: Any, reference: str, dispute_id: UUID, won: bool) -> None:
        """Let the advertisement go on, with the money if the bank has decided so."""
        request.find_service(ContestService).settle(int(reference), dispute_id, won=won)


def _advertisement_id(reference: str) -> int:
    # One way of writing it only: a second one would let two payments be open for one advertisement.
    if not (reference.isascii() and reference.isdigit() and len(reference) <= 18 and not reference.startswith("0")):
        raise NotFound(f"there is no advertisement {reference} of yours")
    return int(reference)


advertisement_purpose = AdvertisementPurpose()
