"""A payout's money: reserved at the request, gone when it is paid, and back where it was when it is not."""

from __future__ import annotations

from typing import Any

from marketcore.ledger.accounts import AccountRef, provider_clearing, seller_debt, seller_payable, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.payouts.rules import RELEASED
from marketcore.states import PayoutState


class PayoutMoney:
    """Moves what is paid out. Every method but ``reserve`` wants the payout's row locked, as it was before the step."""

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger

    def reserve(self, payout: Any) -> None:
        """Hold the amount on the account it comes from; ``InsufficientFunds`` if that does not cover it."""
        hold = _transfer(payout, "payout", _source(payout), _clearing(payout), payout.amount_minor, kind="pending")
        self._ledger.transfer([hold], event_id=hold.id)

    def pay(self, payout: Any) -> None:
        """Let the money go; where it had been given back, the payee's accounts stand for it now."""
        if PayoutState(payout.state) in RELEASED:
            self._pay_late(payout)
        else:
            paid = business_id("payout_paid", payout.id)
            self._ledger.post(business_id("payout", payout.id), id=paid, event_id=paid)

    def release(self, payout: Any) -> None:
        """Give the reserved money back."""
        released = business_id("payout_released", payout.id)
        self._ledger.void(business_id("payout", payout.id), id=released, event_id=released)

    def take_back(self, payout: Any) -> None:
        """Book money that came back from where it had gone; what the payee owes is settled first."""
        source, debt = _source(payout), seller_debt(payout.user_id, payout.currency)
        owed = max(0, self._ledger.lock([source, debt])[debt].posted_minor)
        settled = min(owed, payout.amount_minor)
        parts = (("payout_returned", source, payout.amount_minor - settled), ("payout_debt_settled", debt, settled))
        self._book(payout, [(code, _clearing(payout), account, minor) for code, account, minor in parts])

    def _pay_late(self, payout: Any) -> None:
        source, debt = _source(payout), seller_debt(payout.user_id, payout.currency)
        available = max(0, self._ledger.lock([source, debt])[source].available_minor)
        theirs = min(available, payout.amount_minor)
        parts = (("payout_late", source, theirs), ("payout_late_debt", debt, payout.amount_minor - theirs))
        self._book(payout, [(code, account, _clearing(payout), minor) for code, account, minor in parts])

    def _book(self, payout: Any, parts: list[tuple[str, AccountRef, AccountRef, int]]) -> None:
        transfers = [_transfer(payout, code, debit, credit, minor) for code, debit, credit, minor in parts if minor]
        self._ledger.transfer(transfers, event_id=transfers[0].id)


def _source(payout: Any) -> AccountRef:
    account = wallet if payout.source == "wallet" else seller_payable
    return account(payout.user_id, payout.currency)


def _clearing(payout: Any) -> AccountRef:
    return provider_clearing(payout.provider, payout.currency)


def _transfer(payout: Any, code: str, debit: AccountRef, credit: AccountRef, minor: int, **more: Any) -> Transfer:
    return Transfer(
        id=business_id(code, payout.id),
        debit=debit,
        credit=credit,
        minor=minor,
        code=code,
        ref_type="payout",
        ref_id=str(payout.id),
        **more,
    )
