"""Payouts: reserved at the request, handed over once approved, booked when the provider has said how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import text

from marketcore.directives import table
from marketcore.events import PayoutChanged
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import ProviderResult
from marketcore.ledger.accounts import seller_debt, seller_payable
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore.payments.operations import new_code, record
from marketcore.payments.rules import refusal
from marketcore.payouts.destinations import DestinationService
from marketcore.payouts.money import PayoutMoney
from marketcore.payouts.rules import cancelled, decided, needs_nobody, too_little
from marketcore.settings import section
from marketcore.states import PayoutState

log = structlog.get_logger(__name__)

_INSERT = text(
    """INSERT INTO payouts (id, code, user_id, destination_id, provider, source, currency, amount_minor, state)
       VALUES (:id, :code, :user, :destination, :provider, :source, :currency, :minor, 'requested') RETURNING *"""
)
_READ = text("SELECT * FROM payouts WHERE id = :id")
_LOCK = text("SELECT * FROM payouts WHERE id = :id FOR UPDATE")
# Should the job that hands it over get lost, the reconciler does it.
_STEP = text(
    """UPDATE payouts SET state = :state, decided_by = :by, reason = :reason, failure = '', updated_at = market_clock(),
              next_check_at = CASE WHEN :approved THEN market_clock() + interval '60 seconds' END
       WHERE id = :id"""
)


class PayoutService:
    """Requests and decides about payouts, and books what becomes of each.

    ``minimum`` and ``auto_approve`` are in minor units by currency.
    """

    def __init__(
        self,
        request: Any,
        destinations: DestinationService,
        ledger: LedgerService,
        *,
        minimum: Mapping[str, int],
        auto_approve: Mapping[str, int],
    ) -> None:
        self._request = request
        self._session = request.db
        self._destinations = destinations
        self._ledger = ledger
        self._money = PayoutMoney(ledger)
        self._minimum = minimum
        self._auto_approve = auto_approve

    def request(self, user_id: int, destination_id: UUID, amount: Money, source: str) -> UUID:
        """Reserve ``amount`` of a user's ``earnings`` or ``wallet`` for an active destination; return the payout's id.

        ``NotFound`` for somebody else's destination, ``Conflict`` for one that cannot be paid to and for users who owe
        the marketplace, ``Invalid`` for an amount nobody can send, ``InsufficientFunds`` for one they do not have.
        """
        destination = self._destinations.usable(destination_id, user_id)
        self._check_amount(destination.provider, amount)
        self._refuse_debtors(user_id)
        values = {
            "id": uuid4(),
            "code": new_code(),
            "user": user_id,
            "destination": destination_id,
            "provider": destination.provider,
            "source": source,
            "currency": amount.currency,
            "minor": amount.minor,
        }
        payout = self._session.execute(_INSERT, values).one()
        self._money.reserve(payout)
        self._tell(payout, PayoutState.REQUESTED)
        if needs_nobody(amount, self._auto_approve):
            self._step(payout, PayoutState.APPROVED, "auto", by=None)
        payout_id: UUID = payout.id
        return payout_id

    def decide(self, payout_id: UUID, admin_id: int, *, approve: bool, reason: str) -> None:
        """Approve a requested payout, or reject one that has not been handed over; nobody decides about their own."""
        payout = self._lock(payout_id)
        target = decided(payout.state, payout.user_id, admin_id, approve=approve)
        if approve:
            self._destinations.usable(payout.destination_id, payout.user_id)
        elif not reason.strip():
            raise Invalid(errors={"reason": "say why: the payee is told"})
        self._step(payout, target, "decision", by=admin_id, reason=reason)

    def cancel(self, payout_id: UUID, user_id: int) -> None:
        """Take back a request nobody has approved yet; ``NotFound`` for somebody else's."""
        payout = self._lock(payout_id)
        if payout.user_id != user_id:
            raise _no_payout(payout_id)
        self._step(payout, cancelled(payout.state), "payee", by=user_id)

    def read(self, payout_id: UUID, identity: Any) -> Any:
        """Return a payout for its payee or an admin; ``NotFound`` for anybody else."""
        payout = self._session.execute(_READ, {"id": payout_id}).first()
        if payout is None or not (payout.user_id == identity.user_id or "admin" in identity.roles):
            raise _no_payout(payout_id)
        return payout

    def settle(self, payout: Any, target: PayoutState, result: ProviderResult) -> None:
        """Book a step that a provider has reported; ``payout`` is as it was before."""
        if target is PayoutState.PAID:
            self._money.pay(payout)
        elif target is PayoutState.FAILED:
            self._money.release(payout)
        elif target is PayoutState.RETURNED:
            self._money.take_back(payout)
        if target in (PayoutState.FAILED, PayoutState.RETURNED):
            log.error("payout_came_to_nothing", payout_id=str(payout.id), state=str(target), reason=result.reason)
        self._tell(payout, target)

    def _lock(self, payout_id: UUID) -> Any:
        payout = self._session.execute(_LOCK, {"id": payout_id}).first()
        if payout is None:
            raise _no_payout(payout_id)
        return payout

    def _check_amount(self, provider_name: str, amount: Money) -> None:
        provider = table(self._request.registry, "payout providers").get(provider_name)
        if provider is None:
            raise Conflict(f"{provider_name} does not pay out here any more: take another destination")
        why = refusal(provider.payout_capabilities, amount)
        fault = f"{provider_name} {why}" if why else too_little(amount, self._minimum)
        if fault:
            raise Invalid(errors={"amount": fault})

    def _refuse_debtors(self, user_id: int) -> None:
        # Locked, so that a debt being made right now is either seen here or finds the reservation made.
        currencies = {account.currency for account in self._ledger.balances_of("user", user_id)}
        debts = [seller_debt(user_id, currency) for currency in currencies]
        earned = [seller_payable(user_id, currency) for currency in currencies]
        balances = self._ledger.lock([*debts, *earned])
        owed = [Money(balances[debt].posted_minor, debt.currency) for debt in debts if balances[debt].posted_minor > 0]
        if owed:
            total = ", ".join(sorted(map(str, owed)))
            raise Conflict(f"you owe the marketplace {total}: what you sell next settles it, then you can be paid out")

    def _step(self, payout: Any, target: PayoutState, source: str, *, by: int | None, reason: str = "") -> None:
        record(self._session, "payout", payout.id, payout.state, target, source, detail=reason)
        approved = target is PayoutState.APPROVED
        values = {"id": payout.id, "state": target, "by": by, "reason": reason, "approved": approved}
        self._session.execute(_STEP, values)
        if approved:
            self._request.enqueue("payouts.submit_payout", payout_id=str(payout.id))
        else:
            self._money.release(payout)
        self._tell(payout, target)

    def _tell(self, payout: Any, state: PayoutState) -> None:
        amount = Money(payout.amount_minor, payout.currency)
        self._request.emit(PayoutChanged(payout.id, payout.user_id, str(state), amount))


def _no_payout(payout_id: UUID) -> NotFound:
    return NotFound(f"there is no payout {payout_id} of yours")


def payout_service(_context: Any, request: Any) -> PayoutService:
    """Return the request's ``PayoutService``."""
    settings = section(request.registry, "payouts")
    return PayoutService(
        request,
        request.find_service(DestinationService),
        request.find_service(LedgerService),
        minimum=settings.get("minimum", {}),
        auto_approve=settings.get("auto_approve", {}),
    )
