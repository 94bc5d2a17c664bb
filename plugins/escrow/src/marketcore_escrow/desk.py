"""Locks advertisements, takes their steps and those of applications, and tells of each.

Everything that changes about an advertisement, its applications and its money happens under the lock of the
advertisement's row; where a refund may follow, the payment that funded it is locked before, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.exceptions import Conflict, NotFound
from marketcore.money import Money
from marketcore.payments.services import PaymentService
from marketcore.states import step
from marketcore.web.json import present_money
from marketcore_escrow.events import AdvertisementChanged, ApplicationChanged
from marketcore_escrow.presenting import advertisement_fields
from marketcore_escrow.rules import closing_word
from marketcore_escrow.sql import ADVERTISEMENT, APPLICATION
from marketcore_escrow.states import (
    ADVERTISEMENT_TRANSITIONS,
    APPLICATION_TRANSITIONS,
    HOLDING,
    AdvertisementState,
    ApplicationState,
)

_PAYMENT = text("SELECT payment_id FROM escrow_advertisements WHERE id = :id")
_LOCK = text(
    """SELECT a.*, EXISTS (SELECT FROM escrow_contests c WHERE c.advertisement_id = a.id AND c.state = 'open')
                   AS contested
       FROM escrow_advertisements a WHERE a.id = :id FOR UPDATE OF a"""
)
_NEWS = text(f"{ADVERTISEMENT} WHERE a.id = :id")
_APPLICATION = text(f"{APPLICATION} WHERE p.id = :id")
_WITH_STATE = text(
    """SELECT * FROM escrow_applications WHERE advertisement_id = :id AND state = ANY(CAST(:states AS text[]))
       ORDER BY id"""
)
_STEP = text(
    """UPDATE escrow_advertisements
       SET state = CAST(:state AS text), payment_id = coalesce(CAST(:payment AS uuid), payment_id),
           funded_at = CASE WHEN CAST(:payment AS uuid) IS NULL THEN funded_at ELSE now.at END,
           ends_at = CASE WHEN CAST(:payment AS uuid) IS NULL THEN ends_at
                          ELSE now.at + make_interval(days => days) END,
           ended_at = CASE WHEN CAST(:state AS text) IN ('finished', 'cancelled') THEN now.at ELSE ended_at END
       FROM (SELECT market_clock() AS at) now WHERE id = :id"""
)
_STEP_APPLICATION = text(
    """UPDATE escrow_applications
       SET state = :state, due_at = :due_at, updated_at = market_clock(),
           share_minor = coalesce(CAST(:share AS bigint), share_minor),
           hold_id = coalesce(CAST(:hold AS uuid), hold_id),
           commission_bp = coalesce(CAST(:commission AS integer), commission_bp),
           disputed_by = coalesce(CAST(:disputed_by AS bigint), disputed_by),
           released_minor = released_minor + :released, fee_minor = fee_minor + :fee
       WHERE id = :id"""
)
_ANSWER_PROOF = text(
    """UPDATE escrow_proofs SET state = :state, reason = :reason, answered_at = market_clock()
       WHERE application_id = :id AND state = 'submitted'"""
)
_KEEP = text(
    """INSERT INTO escrow_steps (advertisement_id, application_id, previous, state, actor_id, note)
       VALUES (:advertisement, :application, :previous, :state, :actor, :note)"""
)
_UNWAITING = frozenset(ApplicationState) - {ApplicationState.SUBMITTED, ApplicationState.DISPUTED}


class Desk:
    """Where advertisements and applications take their steps."""

    def __init__(
        self, session: Any, payments: PaymentService, emit: Callable[..., Any], publish: Callable[..., Any]
    ) -> None:
        self._session = session
        self._payments = payments
        self._emit = emit
        self._publish = publish

    def lock(self, advertisement_id: int, *, ending: bool = False) -> Any:
        """Lock an advertisement and return its row; ``NotFound``.

        ``ending``: what is left of the budget may go back after it, so its payment is locked first.
        """
        values = {"id": advertisement_id}
        payment_id = self._session.execute(_PAYMENT, values).scalar() if ending else None
        if payment_id is not None:
            self._payments.lock(payment_id)
        row = self._session.execute(_LOCK, values).first()
        if row is None:
            raise NotFound(f"there is no advertisement {advertisement_id}")
        if ending and row.payment_id != payment_id:
            raise Conflict(f"advertisement {advertisement_id} was paid for at this very moment: try again")
        return row

    def application(self, application_id: int) -> Any:
        """Return an application's row as it stands; ``NotFound``."""
        row = self._session.execute(_APPLICATION, {"id": application_id}).first()
        if row is None:
            raise NotFound(f"there is no application {application_id}")
        return row

    def lock_application(self, application_id: int, *, ending: bool = False) -> tuple[Any, Any]:
        """Lock the advertisement of an application and return both rows; ``NotFound``."""
        advertisement = self.lock(self.application(application_id).advertisement_id, ending=ending)
        return advertisement, self.application(application_id)

    def applications(self, advertisement: Any, states: frozenset[ApplicationState]) -> list[Any]:
        """Return the applications for a locked advertisement that are in ``states``, oldest first."""
        return list(self._session.execute(_WITH_STATE, {"id": advertisement.id, "states": list(states)}))

    def holding(self, advertisement: Any) -> list[Any]:
        """Return the applications for which a share of a locked advertisement is reserved."""
        return self.applications(advertisement, HOLDING)

    def step(
        self,
        advertisement: Any,
        target: AdvertisementState,
        actor_id: int | None,
        *,
        note: str = "",
        payment_id: UUID | None = None,
    ) -> Any:
        """Take one step of a locked advertisement and tell of it; return the row afterwards."""
        previous = AdvertisementState(advertisement.state)
        step(ADVERTISEMENT_TRANSITIONS, previous, target)
        self._session.execute(_STEP, {"id": advertisement.id, "state": target, "payment": payment_id})
        self._keep(advertisement.id, None, previous, target, actor_id, note)
        row = self._session.execute(_LOCK, {"id": advertisement.id}).one()
        budget, returned = Money(row.budget_minor, row.currency), Money(row.returned_minor, row.currency)
        self._emit(AdvertisementChanged(row.id, row.owner_id, previous, target, budget, returned))
        return row

    def step_application(
        self,
        advertisement: Any,
        application: Any,
        target: ApplicationState,
        actor_id: int | None,
        *,
        note: str = "",
        **columns: Any,
    ) -> Any:
        """Take one step of an application for a locked advertisement and tell of it; return the row afterwards.

        ``columns``: ``due_at``, ``share``, ``hold``, ``commission``, ``disputed_by``, ``released``, ``fee``.
        """
        previous = ApplicationState(application.state)
        step(APPLICATION_TRANSITIONS, previous, target)
        given = dict.fromkeys(("due_at", "share", "hold", "commission", "disputed_by"))
        values = {**given, "released": 0, "fee": 0, **columns}
        self._session.execute(_STEP_APPLICATION, {"id": application.id, "state": target, **values})
        if target in _UNWAITING:
            word = closing_word(target)
            reason = note if target is ApplicationState.REJECTED else ""
            self._session.execute(_ANSWER_PROOF, {"id": application.id, "state": word, "reason": reason})
        self._keep(advertisement.id, application.id, previous, target, actor_id, note)
        row = self.application(application.id)
        self.tell_application(advertisement, row, previous, actor_id, note)
        return row

    def tell_application(
        self, advertisement: Any, application: Any, previous: str, actor_id: int | None, note: str
    ) -> None:
        """Tell both people of a step of an application."""
        currency, share = advertisement.currency, application.share_minor
        fact = ApplicationChanged(
            application.id,
            advertisement.id,
            advertisement.owner_id,
            application.applicant_id,
            str(previous),
            application.state,
            None if share is None else Money(share, currency),
            None if share is None else Money(application.released_minor, currency),
            note,
            actor_id,
        )
        self._emit(fact)
        data = {
            "advertisement_id": advertisement.id,
            "application_id": application.id,
            "title": advertisement.title,
            "state": application.state,
            "share": None if share is None else present_money(share, currency),
            "released": None if share is None else present_money(application.released_minor, currency),
            "note": note,
        }
        for user_id in sorted({advertisement.owner_id, application.applicant_id}):
            self._publish(f"user:{user_id}", "advertisement.application", data)

    def tell(self, advertisement_id: int) -> None:
        """Tell everybody who watches how an advertisement stands; called once, after the last of its steps."""
        row = self._session.execute(_NEWS, {"id": advertisement_id}).one()
        news = {"advertisement_id": row.id, **advertisement_fields(row)}
        self._publish(f"advertisement:{row.id}", "advertisement.changed", news)

    def _keep(
        self, advertisement_id: int, application_id: int | None, previous: str, state: str, actor: int | None, note: str
    ) -> None:
        values = {"advertisement": advertisement_id, "application": application_id, "actor": actor, "note": note}
        self._session.execute(_KEEP, {**values, "previous": previous, "state": state})


def desk(_context: Any, request: Any) -> Desk:
    """Return the request's ``Desk``."""
    return Desk(request.db, request.find_service(PaymentService), request.emit, request.publish)
