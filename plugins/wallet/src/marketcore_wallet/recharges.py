"""Recharging: an amount somebody wants in their wallet, paid through any provider but the wallet itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import RefundOrder
from marketcore.ledger.accounts import AccountRef, disputed, wallet
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore.payments.services import PaymentService

PURPOSE = "wallet_recharge"
_COLUMNS = "id, user_id, currency, amount_minor, refunded_minor, payment_id, paid_at, created_at"
_OPEN = text(
    "INSERT INTO wallet_recharges (user_id, currency, amount_minor) VALUES (:user, :currency, :minor) RETURNING id"
)
_READ = text(f"SELECT {_COLUMNS} FROM wallet_recharges WHERE id = :id")
_LOCK = text(f"SELECT {_COLUMNS} FROM wallet_recharges WHERE id = :id FOR UPDATE")
_PAID = text("UPDATE wallet_recharges SET payment_id = :payment, paid_at = market_clock() WHERE id = :id")
_GIVEN_BACK = text("UPDATE wallet_recharges SET refunded_minor = refunded_minor + :minor WHERE id = :id")


class RechargeService:
    """Opens recharges, credits what was paid for them, and takes it back for a refund."""

    def __init__(
        self, session: Any, ledger: LedgerService, payments: PaymentService, currencies: Collection[str]
    ) -> None:
        self._session = session
        self._ledger = ledger
        self._payments = payments
        self._currencies = currencies

    def open(self, user_id: int, amount: Money) -> UUID:
        """Write a recharge of ``amount`` and return its id; ``Invalid`` where nobody could collect it."""
        if amount.currency not in self._currencies:
            raise Invalid(errors={"amount.currency": f"wallets hold {', '.join(self._currencies)} here"})
        row = {"user": user_id, "currency": amount.currency, "minor": amount.minor}
        recharge_id: UUID = self._session.execute(_OPEN, row).scalar_one()
        _due, able = self._payments.options(PURPOSE, str(recharge_id), user_id)
        if not able:
            raise Invalid(errors={"amount": f"no provider here can collect {amount}: try another amount or currency"})
        return recharge_id

    def read(self, recharge_id: UUID, user_id: int) -> Any:
        """Return a recharge's row; ``NotFound`` for anybody else's."""
        row = self._session.execute(_READ, {"id": recharge_id}).first()
        if row is None or row.user_id != user_id:
            raise NotFound(f"there is no recharge {recharge_id} of yours")
        return row

    def amount_due(self, recharge_id: UUID, user_id: int) -> Money:
        """Return what is to be paid; ``Conflict`` where it has been."""
        row = self.read(recharge_id, user_id)
        if row.paid_at is not None:
            raise Conflict(f"recharge {recharge_id} is paid: open another one")
        return Money(row.amount_minor, row.currency)

    def credit(self, recharge_id: UUID, payment_id: UUID, clearing: AccountRef) -> bool:
        """Put a captured payment's money into the wallet; ``False`` if another payment has done so."""
        row = self._session.execute(_LOCK, {"id": recharge_id}).one()
        if row.paid_at is not None:
            return False
        self._ledger.move_once(
            "recharge", row.id, ("payment", payment_id), debit=clearing, credit=_purse(row), minor=row.amount_minor
        )
        self._session.execute(_PAID, {"id": recharge_id, "payment": payment_id})
        return True

    def give_back(self, recharge_id: UUID, refund: RefundOrder, to: AccountRef) -> int:
        """Move ``refund.minor`` (``None``: all there is) of a recharge to ``to``, as far as it is still there.

        Returns how many minor units; ``Conflict`` where more is asked for than is left of the recharge or the wallet.
        """
        row = self._session.execute(_LOCK, {"id": recharge_id}).one()
        left = self._still_there(row)
        minor = left if refund.minor is None else refund.minor
        if not 0 < minor <= left:
            raise Conflict(f"{Money(left, row.currency)} of recharge {recharge_id} is still in the wallet")
        self._ledger.move_once(
            "recharge_refund", row.id, ("refund", refund.id), debit=_purse(row), credit=to, minor=minor
        )
        self._session.execute(_GIVEN_BACK, {"id": recharge_id, "minor": minor})
        return minor

    def contest(self, recharge_id: UUID, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Move what a payer's bank contests of a recharge to ``to``, as far as it is still there; return how much."""
        row = self._session.execute(_LOCK, {"id": recharge_id}).one()
        taken = min(minor, self._still_there(row))
        if taken:
            self._ledger.move_once(
                "recharge_contested", row.id, ("dispute", dispute_id), debit=_purse(row), credit=to, minor=taken
            )
            self._session.execute(_GIVEN_BACK, {"id": recharge_id, "minor": taken})
        return taken

    def settle(self, recharge_id: UUID, dispute_id: UUID, *, won: bool) -> None:
        """End a dispute: won, what it took is in the wallet again."""
        row = self._session.execute(_LOCK, {"id": recharge_id}).one()
        contested = disputed(dispute_id, row.currency)
        if won:
            taken = self._ledger.lock([contested])[contested].available_minor
            self._ledger.move_once(
                "recharge_restored", row.id, ("dispute", dispute_id), debit=contested, credit=_purse(row), minor=taken
            )
            self._session.execute(_GIVEN_BACK, {"id": recharge_id, "minor": -taken})

    def payment_of(self, recharge_id: UUID, wanted: Money | None) -> UUID:
        """Return the payment that paid a recharge of which ``wanted`` (``None``: all there is) is to go back.

        ``NotFound`` without a recharge, ``Conflict`` without a payment, ``Invalid`` for another currency.
        """
        row = self._session.execute(_READ, {"id": recharge_id}).first()
        if row is None:
            raise NotFound(f"there is no recharge {recharge_id}")
        if row.payment_id is None:
            raise Conflict(f"recharge {recharge_id} has not been paid: there is nothing to refund")
        if wanted is not None and wanted.currency != row.currency:
            raise Invalid(errors={"amount.currency": f"the recharge was paid in {row.currency}"})
        paid: UUID = row.payment_id
        return paid

    def _still_there(self, row: Any) -> int:
        purse = _purse(row)
        there = self._ledger.lock([purse])[purse].available_minor
        return max(0, min(row.amount_minor - row.refunded_minor, there))


def _purse(row: Any) -> AccountRef:
    return wallet(row.user_id, row.currency)


def recharge_service(_context: Any, request: Any) -> RechargeService:
    """Return the request's ``RechargeService``."""
    from marketcore.settings import section

    payments, ledger = request.find_service(PaymentService), request.find_service(LedgerService)
    return RechargeService(request.db, ledger, payments, section(request.registry, "wallet")["currencies"])
