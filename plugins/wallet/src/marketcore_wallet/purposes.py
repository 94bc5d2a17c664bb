"""Paying for a recharge."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketcore.exceptions import NotFound
from marketcore.interfaces import RefundOrder
from marketcore.ledger.accounts import AccountRef
from marketcore.money import Money
from marketcore_wallet.recharges import RechargeService


class RechargePurpose:
    """A payment for ``wallet_recharge``/``<recharge id>``."""

    excluded_providers = ("wallet",)

    def amount_due(self, request: Any, reference: str, user_id: int) -> Money:
        """Return what the recharge's owner wants to put into the wallet."""
        due: Money = request.find_service(RechargeService).amount_due(_recharge_id(reference), user_id)
        return due

    def captured(self, request: Any, reference: str, payment_id: UUID, amount: Money, clearing: AccountRef) -> bool:
        """Put the money into the wallet."""
        credited: bool = request.find_service(RechargeService).credit(UUID(reference), payment_id, clearing)
        return credited

    def given_back(self, request: Any, refund: RefundOrder, to: AccountRef) -> int:
        """Take a refund's money out of the wallet, as far as it is still there."""
        given: int = request.find_service(RechargeService).give_back(UUID(refund.reference), refund, to)
        return given

    def contested(self, request: Any, reference: str, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Take what a payer's bank contests out of the wallet, as far as it is still there."""
        taken: int = request.find_service(RechargeService).contest(UUID(reference), dispute_id, minor, to)
        return taken

    def settled(self, request: Any, reference: str, dispute_id: UUID, won: bool) -> None:
        """Put it back if the bank has decided so."""
        request.find_service(RechargeService).settle(UUID(reference), dispute_id, won=won)


def _recharge_id(reference: str) -> UUID:
    try:
        recharge_id = UUID(reference)
    except ValueError:
        recharge_id = None
    # One way of writing it only: a second one would let two payments be open for one recharge.
    if recharge_id is None or str(recharge_id) != reference:
        raise NotFound(f"there is no recharge {reference} of yours")
    return recharge_id


recharge_purpose = RechargePurpose()
