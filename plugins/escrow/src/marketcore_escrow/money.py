"""An advertisement's money: held as a whole, reserved for those who were accepted, released, and given back.

The budget stands on an account of the advertisement's own. A share is a hold on it that points at the applicant, and
that account is guarded: shares never exceed what is there, whoever accepts how many at once. Every method wants the
advertisement's row locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from marketcore.ledger.accounts import AccountRef, commission, seller_debt, seller_payable
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore_escrow.rules import Parts, divide


def budget_account(advertisement: Any) -> AccountRef:
    """Return the ledger account that the budget of ``advertisement`` stands on."""
    return AccountRef("advertisement", str(advertisement.id), "held", advertisement.currency)


class EscrowMoney:
    """Moves budgets and shares."""

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger

    def fund(self, advertisement: Any, payment_id: UUID, clearing: AccountRef) -> None:
        """Let a captured payment's money stand for the advertisement."""
        budget = budget_account(advertisement)
        transfer = _move(advertisement, ("capture", payment_id), clearing, budget, advertisement.budget_minor)
        self._ledger.transfer([transfer], event_id=business_id("capture", payment_id))

    def free(self, advertisement: Any) -> int:
        """Return how much of the budget is held for nobody yet; it stays true until the transaction ends."""
        budget = budget_account(advertisement)
        return self._ledger.lock([budget])[budget].available_minor

    def reserve(self, advertisement: Any, shares: Sequence[tuple[Any, int]]) -> dict[int, UUID]:
        """Hold a share for each applicant, all of them or none; return the holds by application."""
        budget = budget_account(advertisement)
        holds = {application.id: hold_id(application.id) for application, _minor in shares}
        transfers = [
            Transfer(
                id=holds[application.id],
                debit=budget,
                credit=seller_payable(application.applicant_id, advertisement.currency),
                minor=minor,
                code="share_held",
                ref_type="advertisement",
                ref_id=str(advertisement.id),
                kind="pending",
            )
            for application, minor in shares
        ]
        self._ledger.transfer(transfers, event_id=business_id("shares", *sorted(holds)))
        return holds

    def release(self, advertisement: Any, application: Any, released: int) -> Parts:
        """Give ``released`` units of a share to its applicant and the platform; the rest is free again."""
        payee, currency = application.applicant_id, advertisement.currency
        payable, debt, budget = (
            seller_payable(payee, currency),
            seller_debt(payee, currency),
            budget_account(advertisement),
        )
        owed = self._ledger.lock([payable, debt, budget])[debt].posted_minor
        parts = divide(application.share_minor, released, application.commission_bp, owed)
        event = business_id("share_released", application.id)
        self._resolve(application, parts.payee, event)
        # What the hold let go is moved on at once: nobody else can have it, for the row is locked.
        others = (("share_debt_settled", debt, parts.debt), ("share_commission", commission(currency), parts.fee))
        moves = [
            _move(advertisement, (code, application.id), budget, account, minor)
            for code, account, minor in others
            if minor
        ]
        self._ledger.transfer(moves, event_id=event)
        return parts

    def _resolve(self, application: Any, minor: int, event: UUID) -> None:
        id = business_id("share_resolved", application.id)
        if minor:
            self._ledger.post(application.hold_id, minor, id=id, event_id=event)
        else:
            self._ledger.void(application.hold_id, id=id, event_id=event)

    def give_back(self, advertisement: Any, cause: UUID, minor: int, to: AccountRef) -> None:
        """Move ``minor`` free units of the budget to ``to``, for a refund."""
        self._one(advertisement, ("budget_returned", cause), budget_account(advertisement), to, minor)

    def settle_owner(self, advertisement: Any) -> int:
        """Let what the owner owes be paid from what is free of the budget; return how much that was."""
        debt = seller_debt(advertisement.owner_id, advertisement.currency)
        budget = budget_account(advertisement)
        found = self._ledger.lock([debt, budget])
        minor = min(max(0, found[debt].posted_minor), found[budget].available_minor)
        cause = (advertisement.returned_minor, advertisement.released_minor)
        self._one(advertisement, ("budget_debt_settled", cause), budget, debt, minor)
        return minor

    def contest(self, advertisement: Any, dispute_id: UUID, minor: int, to: AccountRef) -> tuple[int, int]:
        """Move ``minor`` units to ``to``: what is free of the budget, and for the rest a debt of the owner.

        Shares stay: those they are for have not been paid, or have earned them. Returns both parts.
        """
        debt, budget = seller_debt(advertisement.owner_id, advertisement.currency), budget_account(advertisement)
        held = min(minor, self._ledger.lock([debt, budget, to])[budget].available_minor)
        self._one(advertisement, ("dispute", dispute_id), budget, to, held)
        self._one(advertisement, ("dispute_debt", dispute_id), debt, to, minor - held)
        return held, minor - held

    def restore(self, advertisement: Any, dispute_id: UUID, source: AccountRef, held: int, owed: int) -> None:
        """Move back what ``contest`` took; a debt that was settled meanwhile is the owner's to be paid out."""
        currency = advertisement.currency
        debt, payable = seller_debt(advertisement.owner_id, currency), seller_payable(advertisement.owner_id, currency)
        found = self._ledger.lock([debt, payable, source, budget_account(advertisement)])
        settled = min(owed, max(0, found[debt].posted_minor))
        self._one(advertisement, ("dispute_restored", dispute_id), source, budget_account(advertisement), held)
        self._one(advertisement, ("dispute_restored_debt", dispute_id), source, debt, settled)
        self._one(advertisement, ("dispute_restored_paid", dispute_id), source, payable, owed - settled)

    def _one(
        self, advertisement: Any, effect: tuple[str, object], debit: AccountRef, credit: AccountRef, minor: int
    ) -> None:
        if minor:
            transfer = _move(advertisement, effect, debit, credit, minor)
            self._ledger.transfer([transfer], event_id=transfer.id)


def hold_id(application_id: int) -> UUID:
    """Return the id of the hold for an application's share: there is one, for it is accepted once."""
    return business_id("share_held", application_id)


def _move(
    advertisement: Any, effect: tuple[str, object], debit: AccountRef, credit: AccountRef, minor: int
) -> Transfer:
    code, cause = effect
    return Transfer(
        id=business_id(code, cause, advertisement.id),
        debit=debit,
        credit=credit,
        minor=minor,
        code=code,
        ref_type="advertisement",
        ref_id=str(advertisement.id),
    )
