"""Bidders' deposits: whoever leads has that much of their wallet held, and nobody else.

The hold points at the seller: a winner who does not pay forfeits it to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from marketcore.exceptions import InsufficientFunds
from marketcore.ledger.accounts import AccountRef, seller_payable, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore_auctions.lots import Lot


class Deposits:
    """Holds, releases and forfeits deposits within the transaction of ``session``."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._ledger = LedgerService(session)

    def lock(self, lots: Iterable[Lot], bidders: Iterable[int]) -> None:
        """Lock every account that bids of ``bidders`` on ``lots`` may touch, in the one order of accounts."""
        bidders = set(bidders)
        accounts: set[AccountRef] = set()
        for lot in lots:
            if lot.row.deposit_minor:
                people = bidders | ({lot.standing.leader} if lot.standing.leader else set())
                accounts |= {wallet(person, lot.row.currency) for person in people}
                accounts.add(seller_payable(lot.row.seller_id, lot.row.currency))
        if accounts:
            self._ledger.lock(accounts)

    def check(self, lot: Lot, bidder_id: int) -> None:
        """Raise ``InsufficientFunds`` unless the bidder, who will not lead, could give the deposit."""
        account = wallet(bidder_id, lot.row.currency)
        if self._ledger.balance(account).available_minor < lot.row.deposit_minor:
            raise InsufficientFunds(f"{account} does not cover {lot.row.deposit_minor}")

    def take(self, lot: Lot, bidder_id: Any) -> UUID:
        """Hold the deposit of a bidder who is about to lead, and release the one of whoever led before.

        ``InsufficientFunds`` leaves everything as it was.
        """
        hold = Transfer(
            id=business_id("auction_deposit", lot.id, lot.seq + 1),
            debit=wallet(bidder_id, lot.row.currency),
            credit=seller_payable(lot.row.seller_id, lot.row.currency),
            minor=lot.row.deposit_minor,
            code="auction_deposit",
            ref_type="auction",
            ref_id=str(lot.id),
            kind="pending",
        )
        with self._session.begin_nested():
            self._ledger.transfer([hold], event_id=hold.id)
        self.release(lot.deposit_hold)
        return hold.id

    def pass_on(self, lot: Lot) -> None:
        """Release the deposit of a leader who has retracted, and hold the deposit of whoever leads instead.

        Somebody made to lead by that, whose wallet does not cover it any more, leads without one.
        """
        self.lock([lot], {lot.row.leader_id})
        before = lot.deposit_hold
        try:
            lot.deposit_hold = self.take(lot, lot.standing.leader) if lot.standing.leader else None
        except InsufficientFunds:
            lot.deposit_hold = None
        if lot.deposit_hold is None:
            self.release(before)

    def release(self, hold_id: UUID | None) -> None:
        """Give a deposit back."""
        if hold_id is not None:
            id = business_id("auction_deposit_release", hold_id)
            self._ledger.void(hold_id, id=id, event_id=id)

    def forfeit(self, hold_id: UUID | None) -> None:
        """Give a deposit to the seller."""
        if hold_id is not None:
            id = business_id("auction_deposit_forfeit", hold_id)
            self._ledger.post(hold_id, None, id=id, event_id=id)
