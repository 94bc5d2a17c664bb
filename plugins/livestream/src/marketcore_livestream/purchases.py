"""Buying credits: an amount of them, paid for through any provider, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import RefundOrder
from marketcore.ledger.accounts import PLATFORM, AccountRef, disputed
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore.payments.services import PaymentService
from marketcore_livestream.credits import CreditService
from marketcore_livestream.settings import read_prices

PURPOSE = "stream_credits"
_COLUMNS = """id, seller_id, credits, credits_gone, currency, unit_minor, credits * unit_minor AS total_minor,
              refunded_minor, payment_id, paid_at, created_at"""
_OPEN = text(
    """INSERT INTO livestream_credit_purchases (seller_id, credits, currency, unit_minor)
       VALUES (:seller, :credits, :currency, :unit) RETURNING id"""
)
_READ = text(f"SELECT {_COLUMNS} FROM livestream_credit_purchases WHERE id = :id")
_LOCK = text(f"SELECT {_COLUMNS} FROM livestream_credit_purchases WHERE id = :id FOR UPDATE")
_PAID = text("UPDATE livestream_credit_purchases SET payment_id = :payment, paid_at = market_clock() WHERE id = :id")
_GONE = text(
    """UPDATE livestream_credit_purchases
       SET refunded_minor = refunded_minor + :minor, credits_gone = credits_gone + :credits WHERE id = :id"""
)
_CONTESTED = text("SELECT -change FROM livestream_credit_entries WHERE kind = 'contested' AND cause = :dispute")


def income(currency: str) -> AccountRef:
    """What the platform has earned by credits."""
    return AccountRef("platform", PLATFORM, "stream_credits", currency, guard="none", mode="deferred")


class PurchaseService:
    """Opens purchases, gives the credits that were paid for, and takes them away for a refund or a dispute."""

    def __init__(
        self,
        session: Any,
        ledger: LedgerService,
        payments: PaymentService,
        credits: CreditService,
        prices: Mapping[str, Money],
    ) -> None:
        self._session = session
        self._ledger = ledger
        self._payments = payments
        self._credits = credits
        self._prices = prices

    def open(self, seller_id: int, credits: int, currency: str) -> UUID:
        """Write a purchase and return its id; ``Invalid`` where credits have no price, or nobody could collect it."""
        price = self._prices.get(currency)
        if price is None:
            known = ", ".join(sorted(self._prices)) or "no currency: set livestream.credit_price"
            raise Invalid(errors={"currency": f"credits are sold in {known}"})
        row = {"seller": seller_id, "credits": credits, "currency": currency, "unit": price.minor}
        purchase_id: UUID = self._session.execute(_OPEN, row).scalar_one()
        due, able = self._payments.options(PURPOSE, str(purchase_id), seller_id)
        if not able:
            raise Invalid(errors={"credits": f"no provider here can collect {due}: try another number or currency"})
        return purchase_id

    def read(self, purchase_id: UUID, seller_id: int) -> Any:
        """Return a purchase's row; ``NotFound`` for anybody else's."""
        row = self._session.execute(_READ, {"id": purchase_id}).first()
        if row is None or row.seller_id != seller_id:
            raise NotFound(f"there is no purchase {purchase_id} of yours")
        return row

    def amount_due(self, purchase_id: UUID, seller_id: int) -> Money:
        """Return what is to be paid; ``Conflict`` where it has been."""
        row = self.read(purchase_id, seller_id)
        if row.paid_at is not None:
            raise Conflict(f"purchase {purchase_id} is paid: open another one")
        return Money(row.total_minor, row.currency)

    def credit(self, purchase_id: UUID, payment_id: UUID, clearing: AccountRef) -> bool:
        """Give the credits that a captured payment has paid for; ``False`` if another payment has done so."""
        row = self._session.execute(_LOCK, {"id": purchase_id}).one()
        if row.paid_at is not None:
            return False
        self._ledger.move_once(
            "stream_credits",
            row.id,
            ("payment", payment_id),
            debit=clearing,
            credit=income(row.currency),
            minor=row.total_minor,
        )
        self._session.execute(_PAID, {"id": purchase_id, "payment": payment_id})
        self._credits.change(row.seller_id, "purchase", row.credits, purchase_id)
        return True

    def give_back(self, purchase_id: UUID, refund: RefundOrder, to: AccountRef) -> int:
        """Move the price of unused credits, ``refund.minor`` or (``None``) of all there are, to ``to``; take them away.

        ``Conflict`` for more than that, or for part of a credit.
        """
        row = self._session.execute(_LOCK, {"id": purchase_id}).one()
        unused = min(row.credits - row.credits_gone, self._credits.lock(row.seller_id))
        minor = unused * row.unit_minor if refund.minor is None else refund.minor
        credits, part = divmod(minor, row.unit_minor)
        if part or not 0 < credits <= unused:
            left = Money(unused * row.unit_minor, row.currency)
            raise Conflict(f"{unused} credits of purchase {purchase_id} are unused: whole ones, {left} in all, go back")
        self._credits.take_back(row.seller_id, "refund", credits, refund.id)
        self._ledger.move_once(
            "stream_credits_refund", row.id, ("refund", refund.id), debit=income(row.currency), credit=to, minor=minor
        )
        self._session.execute(_GONE, {"id": purchase_id, "minor": minor, "credits": credits})
        return minor

    def contest(self, purchase_id: UUID, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Move what a payer's bank contests to ``to``, and take the credits away that are still there."""
        row = self._session.execute(_LOCK, {"id": purchase_id}).one()
        taken = min(minor, row.total_minor - row.refunded_minor)
        if taken:
            wanted = min(-(-taken // row.unit_minor), row.credits - row.credits_gone)
            credits = self._credits.take_back(row.seller_id, "contested", wanted, dispute_id)
            self._ledger.move_once(
                "stream_credits_contested",
                row.id,
                ("dispute", dispute_id),
                debit=income(row.currency),
                credit=to,
                minor=taken,
            )
            self._session.execute(_GONE, {"id": purchase_id, "minor": taken, "credits": credits})
        return taken

    def settle(self, purchase_id: UUID, dispute_id: UUID, *, won: bool) -> None:
        """End a dispute: won, money and credits are back where it had taken them."""
        row = self._session.execute(_LOCK, {"id": purchase_id}).one()
        if not won:
            return
        contested = disputed(dispute_id, row.currency)
        taken = self._ledger.lock([contested])[contested].available_minor
        cause = ("dispute", dispute_id)
        self._ledger.move_once(
            "stream_credits_restored", row.id, cause, debit=contested, credit=income(row.currency), minor=taken
        )
        credits = self._session.execute(_CONTESTED, {"dispute": str(dispute_id)}).scalar() or 0
        if credits:
            self._credits.change(row.seller_id, "restored", credits, dispute_id)
        self._session.execute(_GONE, {"id": purchase_id, "minor": -taken, "credits": -credits})

    def payment_of(self, purchase_id: UUID, credits: int | None) -> tuple[UUID, int | None]:
        """Return the payment of a purchase, and what ``credits`` of it (``None``: all that are unused) have cost.

        ``NotFound`` without a purchase, ``Conflict`` without a payment.
        """
        row = self._session.execute(_READ, {"id": purchase_id}).first()
        if row is None:
            raise NotFound(f"there is no purchase {purchase_id}")
        if row.payment_id is None:
            raise Conflict(f"purchase {purchase_id} has not been paid: there is nothing to refund")
        return row.payment_id, None if credits is None else credits * row.unit_minor


def purchase_service(_context: Any, request: Any) -> PurchaseService:
    """Return the request's ``PurchaseService``."""
    from marketcore.settings import section

    prices = read_prices(section(request.registry, "livestream").get("credit_price") or {})
    payments, ledger = request.find_service(PaymentService), request.find_service(LedgerService)
    return PurchaseService(request.db, ledger, payments, request.find_service(CreditService), prices)
