"""An order's money: held, released to its seller, and taken back from wherever it is by then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from marketcore.ledger.accounts import AccountRef, commission, order_held, seller_debt, seller_payable
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.orders.rules import is_held, platform_share


class OrderMoney:
    """Moves what was paid for orders. Every method wants the order's row locked."""

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger

    def hold(self, orders: Iterable[Any], payment_id: UUID, clearing: AccountRef) -> None:
        """Let a captured payment's money stand for ``orders``."""
        transfers = [
            _transfer(order, ("capture", payment_id), clearing, order_held(order.id, order.currency), order.total_minor)
            for order in orders
        ]
        self._ledger.transfer(transfers, event_id=business_id("capture", payment_id))

    def release(self, order: Any) -> None:
        """Give what is held to the seller and the platform; what the seller owes is settled first."""
        held, debt = order_held(order.id, order.currency), seller_debt(order.seller_id, order.currency)
        owed = max(0, self._ledger.lock(self.accounts([order]))[debt].posted_minor)
        gone = order.refunded_minor + order.disputed_minor
        left = order.total_minor - gone
        fee = order.commission_minor - platform_share(order, gone)
        settled = min(left - fee, owed)
        parts = (
            ("release", seller_payable(order.seller_id, order.currency), left - fee - settled),
            ("debt_settled", debt, settled),
            ("commission", commission(order.currency), fee),
        )
        transfers = [_transfer(order, (code, "order"), held, account, minor) for code, account, minor in parts if minor]
        if transfers:
            self._ledger.transfer(transfers, event_id=business_id("completion", order.id))

    def take_back(self, order: Any, minor: int, code: str, cause: UUID, to: AccountRef) -> None:
        """Move ``minor`` of the order's money to ``to``: from what is held, or from those who have it by now.

        Released money comes from seller and platform in the proportion in which they got it; what the seller does
        not have any more becomes a debt.
        """
        if is_held(order):
            sources = [("", order_held(order.id, order.currency), minor)]
        else:
            sources = self._released(order, minor)
        transfers = [_transfer(order, (code + part, cause), account, to, amount) for part, account, amount in sources]
        self._ledger.transfer(transfers, event_id=business_id(code, cause, order.id))

    def restore(self, order: Any, minor: int, code: str, cause: UUID, source: AccountRef) -> None:
        """Move ``minor``, which ``take_back`` took under ``code`` for ``cause``, from ``source`` to where it came from.

        What became the seller's debt by it and was settled meanwhile is the seller's again.
        """
        if is_held(order):
            targets = [("", order_held(order.id, order.currency), minor)]
        else:
            targets = self._restored(order, minor, business_id(f"{code}_debt", cause, order.id))
        back = f"{code}_restored"
        transfers = [
            _transfer(order, (back + part, cause), source, account, amount) for part, account, amount in targets
        ]
        self._ledger.transfer(transfers, event_id=business_id(back, cause, order.id))

    def accounts(self, orders: Iterable[Any]) -> list[AccountRef]:
        """Return the accounts that a release of ``orders`` will lock."""
        return [
            account
            for order in orders
            for account in (
                order_held(order.id, order.currency),
                seller_payable(order.seller_id, order.currency),
                seller_debt(order.seller_id, order.currency),
            )
        ]

    def _released(self, order: Any, minor: int) -> list[tuple[str, AccountRef, int]]:
        gone = order.refunded_minor + order.disputed_minor
        fee = platform_share(order, gone + minor) - platform_share(order, gone)
        payable = seller_payable(order.seller_id, order.currency)
        available = max(0, self._ledger.lock(self.accounts([order]))[payable].available_minor)
        theirs = min(minor - fee, available)
        parts = (
            ("", payable, theirs),
            ("_debt", seller_debt(order.seller_id, order.currency), minor - fee - theirs),
            ("_commission", commission(order.currency), fee),
        )
        return [(part, account, amount) for part, account, amount in parts if amount]

    def _restored(self, order: Any, minor: int, debt_id: UUID) -> list[tuple[str, AccountRef, int]]:
        gone = order.refunded_minor + order.disputed_minor
        # Not what was taken then, but what makes the platform's share right again for all that is gone now: others
        # may have taken their parts since, and units must not depend on whose dispute ends first.
        fee = platform_share(order, gone) - platform_share(order, gone - minor)
        debt = seller_debt(order.seller_id, order.currency)
        owed = max(0, self._ledger.lock(self.accounts([order]))[debt].posted_minor)
        made = sum(
            entry.amount.minor for entry in self._ledger.statement("order", str(order.id)) if entry.id == debt_id
        )
        settled = min(made, owed, minor - fee)
        parts = (
            ("", seller_payable(order.seller_id, order.currency), minor - fee - settled),
            ("_debt", debt, settled),
            ("_commission", commission(order.currency), fee),
        )
        return [(part, account, amount) for part, account, amount in parts if amount]


def _transfer(order: Any, effect: tuple[str, object], debit: AccountRef, credit: AccountRef, minor: int) -> Transfer:
    code, cause = effect
    return Transfer(
        id=business_id(code, cause, order.id),
        debit=debit,
        credit=credit,
        minor=minor,
        code=code,
        ref_type="order",
        ref_id=str(order.id),
    )
