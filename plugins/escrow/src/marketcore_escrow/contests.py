"""Budgets that the bank of whoever paid them contests: everything stands still until that is decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.ledger.accounts import AccountRef, disputed
from marketcore.ledger.services import LedgerService
from marketcore_escrow.desk import Desk
from marketcore_escrow.money import EscrowMoney

_PAID_BY = text("SELECT payment_id FROM disputes WHERE id = :dispute")
_KEEP = text(
    """INSERT INTO escrow_contests (dispute_id, advertisement_id, held_minor, debt_minor)
       VALUES (:dispute, :id, :held, :debt)"""
)
_CONTESTED = text("UPDATE escrow_advertisements SET contested_minor = contested_minor + :minor WHERE id = :id")
_CONTEST = text("SELECT * FROM escrow_contests WHERE dispute_id = :dispute")
# Nobody could answer in the meantime.
_MORE_TIME = text(
    """UPDATE escrow_applications SET due_at = greatest(due_at, market_clock() + make_interval(days => :days))
       WHERE advertisement_id = :id AND state = 'submitted'"""
)
_CLOSE = text("UPDATE escrow_contests SET state = :state WHERE dispute_id = :dispute")


class ContestService:
    """Takes contested money from advertisements, and puts it back."""

    def __init__(self, session: Any, desk: Desk, money: EscrowMoney, review_days: int) -> None:
        self._session = session
        self._desk = desk
        self._money = money
        self._review_days = review_days

    def take(self, advertisement_id: int, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Move what is contested to ``to``: what is free of the budget, and for the rest a debt of its owner.

        Returns how much; nothing for a payment that did not become the budget.
        """
        advertisement = self._desk.lock(advertisement_id)
        if self._session.execute(_PAID_BY, {"dispute": dispute_id}).scalar() != advertisement.payment_id:
            return 0
        held, debt = self._money.contest(advertisement, dispute_id, minor, to)
        values = {"dispute": dispute_id, "id": advertisement_id, "held": held, "debt": debt}
        self._session.execute(_KEEP, values)
        self._session.execute(_CONTESTED, {"id": advertisement_id, "minor": held})
        self._desk.tell(advertisement_id)
        return minor

    def settle(self, advertisement_id: int, dispute_id: UUID, *, won: bool) -> None:
        """End a dispute; won, the money is the budget's again, and what the owner owed for it is settled.

        Proofs that nobody could answer meanwhile may be answered now, for as long as any other.
        """
        advertisement = self._desk.lock(advertisement_id)
        contest = self._session.execute(_CONTEST, {"dispute": dispute_id}).one()
        self._session.execute(_CLOSE, {"dispute": dispute_id, "state": "won" if won else "lost"})
        if won:
            source = disputed(dispute_id, advertisement.currency)
            self._money.restore(advertisement, dispute_id, source, contest.held_minor, contest.debt_minor)
            self._session.execute(_CONTESTED, {"id": advertisement_id, "minor": -contest.held_minor})
        self._session.execute(_MORE_TIME, {"id": advertisement_id, "days": self._review_days})
        self._desk.tell(advertisement_id)


def contest_service(_context: Any, request: Any) -> ContestService:
    """Return the request's ``ContestService``."""
    from marketcore.settings import section

    find, settings = request.find_service, section(request.registry, "escrow")
    return ContestService(request.db, find(Desk), EscrowMoney(find(LedgerService)), settings["review_days"])
