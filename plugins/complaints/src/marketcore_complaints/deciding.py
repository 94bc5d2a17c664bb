"""What admins decide: money frozen or not, a complaint resolved or rejected, and what goes back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore import audit
from marketcore.exceptions import Conflict, Invalid
from marketcore.money import Money
from marketcore.orders.freezing import FrozenOrders
from marketcore.refunds.services import RefundService
from marketcore_complaints.rules import check_impartial, check_open, check_refund
from marketcore_complaints.services import ComplaintService
from marketcore_complaints.telling import ComplaintTeller

_CURRENCY = text("SELECT currency FROM orders WHERE id = :id")
_FROZEN = text("SELECT id FROM order_freezes WHERE id = :id AND state = 'open'")
_DECIDE = text(
    """UPDATE complaints_complaints SET state = :state, outcome = :outcome, refund_id = :refund, decided_by = :by,
              ended_at = market_clock()
       WHERE id = :id RETURNING *"""
)


class Decisions:
    """Decides about complaints; every decision is in the audit log."""

    def __init__(
        self,
        session: Any,
        complaints: ComplaintService,
        frozen: FrozenOrders,
        refunds: RefundService,
        teller: ComplaintTeller,
    ) -> None:
        self._session = session
        self._complaints = complaints
        self._frozen = frozen
        self._refunds = refunds
        self._teller = teller

    def freeze(self, complaint_id: int, identity: Any) -> None:
        """Freeze the order's money, also what its seller has already; nothing happens where it is frozen for this."""
        complaint = self._mine_to_decide(complaint_id, identity)
        if self._is_frozen(complaint):
            return
        if complaint.order_id is None:
            raise Conflict(f"complaint {complaint_id} is about no order: there is no money to freeze")
        self._complaints.freeze(complaint_id, complaint.order_id, released=True)
        audit.record(self._session, audit.actor_of(identity), "complaint.freeze", "complaint", complaint_id)
        self._teller.step(complaint, "frozen")

    def unfreeze(self, complaint_id: int, identity: Any) -> None:
        """Let the order's money go back to where it was; the complaint stays open."""
        complaint = self._mine_to_decide(complaint_id, identity)
        if not self._is_frozen(complaint):
            return
        self._frozen.lift(complaint.freeze_id)
        audit.record(self._session, audit.actor_of(identity), "complaint.unfreeze", "complaint", complaint_id)
        self._teller.step(complaint, "unfrozen")

    def decide(
        self, complaint_id: int, identity: Any, outcome: str, reason: str, refund: str, amount: Money | None
    ) -> None:
        """End a complaint as ``resolved`` or ``rejected``; what is frozen is freed, and refunded as far as decided.

        ``refund``: ``none``, ``all`` that is left of the order, or ``part``, which is ``amount``. ``Conflict`` says
        why that much cannot go back; nothing is decided then.
        """
        complaint = self._mine_to_decide(complaint_id, identity)
        check_refund(complaint, outcome, refund, amount)
        if complaint.freeze_id:
            self._frozen.lift(complaint.freeze_id)
        refund_id = None if refund == "none" else self._give_back(complaint, amount, identity)
        values = {"id": complaint_id, "state": outcome, "outcome": reason, "refund": refund_id, "by": identity.user_id}
        ended = self._session.execute(_DECIDE, values).one()
        detail = {"outcome": outcome, "refund": refund_id, "reason": reason}
        audit.record(self._session, audit.actor_of(identity), "complaint.decide", "complaint", complaint_id, **detail)
        self._teller.ended(ended, by=identity.user_id)

    def _mine_to_decide(self, complaint_id: int, identity: Any) -> Any:
        complaint = self._complaints.lock(complaint_id)
        check_impartial(complaint, identity.user_id)
        check_open(complaint)
        return complaint

    def _is_frozen(self, complaint: Any) -> bool:
        return (
            complaint.freeze_id is not None
            and self._session.execute(_FROZEN, {"id": complaint.freeze_id}).first() is not None
        )

    def _give_back(self, complaint: Any, amount: Money | None, identity: Any) -> UUID:
        currency = self._session.execute(_CURRENCY, {"id": complaint.order_id}).scalar_one()
        if amount is not None and amount.currency != currency:
            raise Invalid(errors={"amount.currency": f"the order was paid in {currency}"})
        return self._refunds.request(
            self._refunds.payment_of(complaint.order_id),
            amount.minor if amount else None,
            order_id=complaint.order_id,
            reason=f"complaint {complaint.id}",
            by=identity.user_id,
        )


def decisions(_context: Any, request: Any) -> Decisions:
    """Return the request's ``Decisions``."""
    return Decisions(
        request.db,
        request.find_service(ComplaintService),
        request.find_service(FrozenOrders),
        request.find_service(RefundService),
        request.find_service(ComplaintTeller),
    )
