"""What other plugins do with wallets: read them, reserve money, take it or let it go again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from marketcore.db import clock
from marketcore.ledger.accounts import AccountRef, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Balance, Entry, Transfer
from marketcore.money import Money


class WalletService:
    """People's own money. Whatever is taken or reserved here, by whomever at once, never exceeds the balance."""

    def __init__(self, session: Any, ledger: LedgerService) -> None:
        self._session = session
        self._ledger = ledger

    def balances(self, user_id: int) -> dict[str, Balance]:
        """Return what each of a user's wallets holds, by currency."""
        accounts = self._ledger.balances_of("user", user_id)
        return {ref.currency: balance for ref, balance in accounts.items() if ref.purpose == "wallet"}

    def history(self, user_id: int, currency: str, *, before: int | None = None, limit: int = 50) -> list[Entry]:
        """Return a wallet's movements, newest first; ``before`` is the ``seq`` of the last line of a page."""
        return self._ledger.history(wallet(user_id, currency), before=before, limit=limit)

    def hold(
        self,
        user_id: int,
        amount: Money,
        cause: tuple[object, ...],
        *,
        to: AccountRef,
        ref_type: str,
        ref_id: str,
        lifetime: timedelta | None = None,
    ) -> UUID:
        """Reserve ``amount`` for the account ``to`` and return the hold's id.

        ``cause`` names the business effect, such as ``("bid", 7)``: the same cause reserves once, however often it
        is asked for. After ``lifetime`` the money is free again by itself. ``InsufficientFunds`` where the wallet
        does not cover it, ``TransferDiffers`` where the cause has reserved something else.
        """
        expires_at = None if lifetime is None else clock.now(self._session) + lifetime
        hold = Transfer(
            id=business_id("wallet_hold", *cause),
            debit=wallet(user_id, amount.currency),
            credit=to,
            minor=amount.minor,
            code="wallet_hold",
            ref_type=ref_type,
            ref_id=ref_id,
            kind="pending",
            expires_at=expires_at,
        )
        self._ledger.transfer([hold], event_id=hold.id)
        return hold.id

    def release(self, hold_id: UUID) -> None:
        """Let a hold go; once is enough. ``AlreadyPosted``, ``AlreadyVoided`` (it expired) or ``NotFound`` if not."""
        id = business_id("wallet_release", hold_id)
        self._ledger.void(hold_id, id=id, event_id=id)

    def deduct(self, hold_id: UUID, minor: int | None = None) -> None:
        """Take ``minor`` units of a hold (``None``: all of it) for good; the rest is free again.

        Once is enough. ``AlreadyPosted``, ``AlreadyVoided``, ``HoldExpired``, ``ExceedsHold`` or ``NotFound`` if it
        cannot be.
        """
        id = business_id("wallet_deduct", hold_id)
        self._ledger.post(hold_id, minor, id=id, event_id=id)


def wallet_service(_context: Any, request: Any) -> WalletService:
    """Return the request's ``WalletService``."""
    return WalletService(request.db, request.find_service(LedgerService))
