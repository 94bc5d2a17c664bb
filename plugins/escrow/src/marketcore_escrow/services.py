"""Advertisements: written, funded, and ended; what is left of the budget goes back the way it came."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.db import clock
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import RefundOrder
from marketcore.ledger.accounts import AccountRef
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore.payments.services import PaymentService
from marketcore.refunds.services import RefundService
from marketcore_escrow.desk import Desk
from marketcore_escrow.money import EscrowMoney
from marketcore_escrow.states import AdvertisementState, ApplicationState

PURPOSE = "advertisement"
_A, _P = AdvertisementState, ApplicationState
_OPEN = text(
    """INSERT INTO escrow_advertisements (owner_id, title, description, currency, budget_minor, days)
       VALUES (:owner, :title, :description, :currency, :budget, :days) RETURNING id"""
)
_READ = text("SELECT * FROM escrow_advertisements WHERE id = :id")
_RETURNED = text("UPDATE escrow_advertisements SET returned_minor = returned_minor + :minor WHERE id = :id")
_RELEASED = text("UPDATE escrow_advertisements SET released_minor = released_minor + :minor WHERE id = :id")


class AdvertisementService:
    """Writes advertisements, takes their budgets in, and ends them."""

    def __init__(
        self,
        session: Any,
        desk: Desk,
        money: EscrowMoney,
        payments: PaymentService,
        refunds: RefundService,
        longest_days: int,
    ) -> None:
        self._session = session
        self._desk = desk
        self._money = money
        self._payments = payments
        self._refunds = refunds
        self._longest_days = longest_days

    def open(self, owner_id: int, title: str, description: str, budget: Money, days: int) -> int:
        """Write an advertisement that waits for its budget and return its id; ``Invalid`` if nobody can collect it."""
        if days > self._longest_days:
            raise Invalid(errors={"days": f"an advertisement runs at most {self._longest_days} days here"})
        row = {"owner": owner_id, "title": title, "description": description, "days": days}
        values = {**row, "currency": budget.currency, "budget": budget.minor}
        advertisement_id: int = self._session.execute(_OPEN, values).scalar_one()
        _due, able = self._payments.options(PURPOSE, str(advertisement_id), owner_id)
        if not able:
            raise Invalid(errors={"budget": f"no provider here can collect {budget}: try another amount or currency"})
        return advertisement_id

    def amount_due(self, advertisement_id: int, user_id: int) -> Money:
        """Return what the owner has to pay; ``NotFound`` for anybody else, ``Conflict`` where nothing is due."""
        row = self._session.execute(_READ, {"id": advertisement_id}).first()
        if row is None or row.owner_id != user_id:
            raise NotFound(f"there is no advertisement {advertisement_id} of yours")
        if row.state != _A.UNFUNDED:
            raise Conflict(f"advertisement {advertisement_id} is {row.state}: there is nothing to pay for")
        return Money(row.budget_minor, row.currency)

    def fund(self, advertisement_id: int, payment_id: UUID, clearing: AccountRef) -> bool:
        """Let a captured payment's money stand as the budget; the advertisement's days begin.

        ``False`` if another payment has done so, or the advertisement is cancelled.
        """
        advertisement = self._desk.lock(advertisement_id)
        if advertisement.state != _A.UNFUNDED:
            return False
        self._money.fund(advertisement, payment_id, clearing)
        self._desk.step(advertisement, _A.OPEN, None, note="funded", payment_id=payment_id)
        self._desk.tell(advertisement_id)
        return True

    def cancel(self, advertisement_id: int, owner_id: int) -> None:
        """End an advertisement at its owner's wish, as long as no share of it is reserved."""
        advertisement = self._desk.lock(advertisement_id, ending=True)
        if advertisement.owner_id != owner_id:
            raise NotFound(f"there is no advertisement {advertisement_id} of yours")
        self.check_free_to_act(advertisement)
        if self._desk.holding(advertisement):
            raise Conflict(f"advertisement {advertisement_id} has accepted applications: their shares come first")
        target = _A.FINISHED if advertisement.state == _A.RUNNING else _A.CANCELLED
        self._give_back(advertisement)
        self._decline_rest(advertisement)
        self._desk.step(advertisement, target, owner_id, note="ended by its owner")
        self._desk.tell(advertisement_id)

    def wind_up(self, advertisement: Any) -> None:
        """Go on with a locked advertisement after one of its shares was decided, or its time may be over.

        When it is over, what is free goes back; without shares to decide, or with nothing left, it is finished.
        """
        holding = self._desk.holding(advertisement)
        over = advertisement.state == _A.ENDING or clock.now(self._session) >= advertisement.ends_at
        if over:
            self._give_back(advertisement)
        if not holding and (over or not self._money.free(advertisement)):
            self._decline_rest(advertisement)
            self._desk.step(advertisement, _A.FINISHED, None, note="its time is over" if over else "all is released")
        elif over and advertisement.state == _A.RUNNING:
            self._decline_rest(advertisement)
            self._desk.step(advertisement, _A.ENDING, None, note="its time is over")

    def give_back(self, advertisement_id: int, refund: RefundOrder, to: AccountRef) -> int:
        """Move what a refund takes from the free part of the budget to ``to``; ``Conflict`` if it is not there."""
        advertisement = self._desk.lock(advertisement_id)
        free = self._money.free(advertisement) if advertisement.payment_id == refund.payment_id else 0
        minor = free if refund.minor is None else refund.minor
        if not 0 < minor <= free:
            left = Money(free, advertisement.currency)
            raise Conflict(f"{left} of the budget of advertisement {advertisement_id} is free")
        self._money.give_back(advertisement, refund.id, minor, to)
        self._returned(advertisement, minor)
        return minor

    def check_free_to_act(self, advertisement: Any) -> None:
        """Raise ``Conflict`` while the payer's bank contests the budget: nothing of it moves then."""
        if advertisement.contested:
            raise Conflict(
                f"the bank of whoever paid for advertisement {advertisement.id} contests it: nothing moves until that "
                "is decided"
            )

    def _give_back(self, advertisement: Any) -> None:
        """Let what is free go back: first to what the owner owes here, the rest as a refund of the payment."""
        if advertisement.payment_id is None:
            return
        self._returned(advertisement, self._money.settle_owner(advertisement))
        if self._money.free(advertisement):
            reason = f"what was left of advertisement {advertisement.id}"
            self._refunds.request(advertisement.payment_id, reason=reason)

    def note_released(self, advertisement: Any, minor: int) -> None:
        """Write that ``minor`` units of the budget of a locked advertisement were released."""
        if minor:
            self._session.execute(_RELEASED, {"id": advertisement.id, "minor": minor})

    def _returned(self, advertisement: Any, minor: int) -> None:
        if minor:
            self._session.execute(_RETURNED, {"id": advertisement.id, "minor": minor})

    def _decline_rest(self, advertisement: Any) -> None:
        for application in self._desk.applications(advertisement, frozenset({_P.APPLIED})):
            self._desk.step_application(advertisement, application, _P.DECLINED, None, note="the advertisement ended")


def advertisement_service(_context: Any, request: Any) -> AdvertisementService:
    """Return the request's ``AdvertisementService``."""
    from marketcore.settings import section

    find = request.find_service
    money = EscrowMoney(find(LedgerService))
    longest = section(request.registry, "escrow")["longest_days"]
    return AdvertisementService(request.db, find(Desk), money, find(PaymentService), find(RefundService), longest)
