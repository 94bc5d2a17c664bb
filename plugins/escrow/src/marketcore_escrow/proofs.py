"""Proofs and what follows from them: approval, rejection, dispute and decision, and the word of the clock.

A share is released or returned once, by whoever comes first to the advertisement's row: its owner, an admin, or a
deadline. The ledger resolves its hold once as well.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.db import clock
from marketcore.exceptions import Conflict, Forbidden
from marketcore.ledger.services import LedgerService
from marketcore.media.services import MediaService
from marketcore.money import Money
from marketcore.testing.crash import crash_point
from marketcore_escrow.applications import check_applicant, check_owner
from marketcore_escrow.desk import Desk
from marketcore_escrow.money import EscrowMoney
from marketcore_escrow.rules import answer_due, decided, outcome_of, proof_due, when_unanswered
from marketcore_escrow.services import AdvertisementService
from marketcore_escrow.states import ACCEPTING, AdvertisementState, ApplicationState

_A, _P = AdvertisementState, ApplicationState
_SHOW = text(
    """INSERT INTO escrow_proofs (application_id, link, media_id, note) VALUES (:application, :link, :media, :note)
       RETURNING id"""
)
_SHOWN = text("SELECT count(*) FROM escrow_proofs WHERE application_id = :id")
_DUE = text(
    """SELECT a.id FROM escrow_advertisements a
       WHERE (a.state IN ('open', 'running') AND a.ends_at <= market_clock()
              OR a.id IN (SELECT p.advertisement_id FROM escrow_applications p WHERE p.due_at <= market_clock()))
         AND NOT EXISTS (SELECT FROM escrow_contests c WHERE c.advertisement_id = a.id AND c.state = 'open')
         AND a.id <> ALL(CAST(:failed AS bigint[]))
       ORDER BY a.id LIMIT :limit"""
)
_SHOWABLE = frozenset({_P.ACCEPTED, _P.REJECTED})
_DISPUTABLE = frozenset({_P.ACCEPTED, _P.SUBMITTED, _P.REJECTED})


class ProofService:
    """Takes proofs in and decides what becomes of shares."""

    def __init__(
        self,
        session: Any,
        desk: Desk,
        advertisements: AdvertisementService,
        money: EscrowMoney,
        media: MediaService,
        settings: dict[str, Any],
    ) -> None:
        self._session = session
        self._desk = desk
        self._advertisements = advertisements
        self._money = money
        self._media = media
        self._settings = settings

    def show_link(self, application_id: int, applicant_id: int, link: str, note: str) -> None:
        """Show what is to be seen at ``link`` as the proof of the work."""
        advertisement, application = self._desk.lock_application(application_id)
        self._check_showable(application, applicant_id)
        self._show(advertisement, application, link, None, note)

    def show_image(self, application_id: int, applicant_id: int, data: bytes) -> None:
        """Show an image as the proof of the work; ``Invalid`` for what is none."""
        known = self._desk.application(application_id)
        # Looked at twice: nothing is kept for those who may not show it, and nothing is locked while it is kept.
        self._check_showable(known, applicant_id)
        upload = self._media.keep(data)
        advertisement, application = self._desk.lock_application(application_id)
        self._check_showable(application, applicant_id)
        media = self._media.record(applicant_id, upload, private=True)
        self._show(advertisement, application, None, media.id, "")

    def approve(self, application_id: int, owner_id: int) -> None:
        """Release the share of a proof that convinces."""
        advertisement, application = self._desk.lock_application(application_id, ending=True)
        check_owner(application, owner_id)
        self._advertisements.check_free_to_act(advertisement)
        if application.state != _P.SUBMITTED:
            raise Conflict(f"application {application_id} is {application.state}: there is no proof to approve")
        self._settle(advertisement, application, application.share_minor, owner_id)
        self._end(advertisement)

    def reject(self, application_id: int, owner_id: int, reason: str) -> None:
        """Reject a proof with a reason; the applicant may show a better one, at least for some days."""
        advertisement, application = self._desk.lock_application(application_id)
        check_owner(application, owner_id)
        now = self._in_time(application)
        if application.state != _P.SUBMITTED:
            raise Conflict(f"application {application_id} is {application.state}: there is no proof to reject")
        due = proof_due(now, advertisement.ends_at, self._settings["resubmit_days"])
        self._desk.step_application(advertisement, application, _P.REJECTED, owner_id, note=reason, due_at=due)
        self._desk.tell(advertisement.id)

    def dispute(self, application_id: int, user_id: int, reason: str) -> None:
        """Freeze a share: nothing of it is released or returned until an admin decides."""
        advertisement, application = self._desk.lock_application(application_id)
        if user_id != application.applicant_id:
            check_owner(application, user_id)
        self._in_time(application)
        if application.state not in _DISPUTABLE:
            raise Conflict(f"application {application_id} is {application.state}: there is nothing to dispute")
        self._desk.step_application(advertisement, application, _P.DISPUTED, user_id, note=reason, disputed_by=user_id)
        self._desk.tell(advertisement.id)

    def decide(self, application_id: int, admin_id: int, outcome: str, to_applicant: Money | None, reason: str) -> int:
        """Decide a dispute: ``release``, ``return``, or ``split`` with the part that goes to the applicant.

        Return how many minor units were released.
        """
        advertisement, application = self._desk.lock_application(application_id, ending=True)
        if admin_id in (advertisement.owner_id, application.applicant_id):
            raise Forbidden("nobody decides a dispute of their own")
        self._advertisements.check_free_to_act(advertisement)
        if application.state != _P.DISPUTED:
            raise Conflict(f"application {application_id} is {application.state}: there is no dispute to decide")
        released = decided(outcome, application.share_minor, to_applicant, advertisement.currency)
        self._settle(advertisement, application, released, admin_id, reason)
        self._end(advertisement)
        return released

    def due(self, failed: set[int], limit: int = 100) -> list[int]:
        """Return the ids of advertisements that a deadline of has passed, but for those in ``failed``."""
        return list(self._session.execute(_DUE, {"failed": list(failed), "limit": limit}).scalars())

    def settle_due(self, advertisement_id: int) -> None:
        """Do what the deadlines of an advertisement and its shares say; those that have not passed do nothing."""
        advertisement = self._desk.lock(advertisement_id, ending=True)
        if advertisement.contested:
            return
        # The lock may have been waited for: somebody may have answered meanwhile.
        now = clock.now(self._session)
        overdue = [row for row in self._desk.holding(advertisement) if row.due_at is not None and row.due_at <= now]
        for application in overdue:
            target = when_unanswered(application.state, self._settings["unanswered"])
            released = application.share_minor if target is _P.RELEASED else 0
            self._settle(advertisement, application, released, None, "the time for it was over")
        if overdue or (advertisement.state in ACCEPTING and advertisement.ends_at <= now):
            self._end(advertisement)

    def _check_showable(self, application: Any, applicant_id: int) -> None:
        check_applicant(application, applicant_id)
        self._in_time(application)
        if application.state not in _SHOWABLE:
            raise Conflict(f"application {application.id} is {application.state}: there is nothing to prove now")
        most = self._settings["most_proofs"]
        if self._session.execute(_SHOWN, {"id": application.id}).scalar_one() >= most:
            raise Conflict(f"application {application.id} has had {most} proofs: dispute it")

    def _in_time(self, application: Any) -> Any:
        now = clock.now(self._session)
        if application.due_at is not None and application.due_at <= now:
            raise Conflict(f"the time of application {application.id} is over", due_at=application.due_at.isoformat())
        return now

    def _show(self, advertisement: Any, application: Any, link: str | None, media_id: int | None, note: str) -> None:
        row = {"application": application.id, "link": link, "media": media_id, "note": note}
        self._session.execute(_SHOW, row)
        due = answer_due(clock.now(self._session), self._settings["review_days"])
        applicant_id = application.applicant_id
        self._desk.step_application(advertisement, application, _P.SUBMITTED, applicant_id, note=note, due_at=due)
        self._desk.tell(advertisement.id)

    def _settle(
        self, advertisement: Any, application: Any, released: int, actor_id: int | None, note: str = ""
    ) -> None:
        """Give ``released`` units of a share to the applicant; the rest of it is free again."""
        parts = self._money.release(advertisement, application, released)
        target = outcome_of(application.share_minor, released)
        self._advertisements.note_released(advertisement, released)
        self._desk.step_application(
            advertisement, application, target, actor_id, note=note, released=released, fee=parts.fee
        )
        crash_point("escrow.released")

    def _end(self, advertisement: Any) -> None:
        self._advertisements.wind_up(advertisement)
        self._desk.tell(advertisement.id)


def proof_service(_context: Any, request: Any) -> ProofService:
    """Return the request's ``ProofService``."""
    from marketcore.settings import section

    find = request.find_service
    money, settings = EscrowMoney(find(LedgerService)), section(request.registry, "escrow")
    return ProofService(request.db, find(Desk), find(AdvertisementService), money, find(MediaService), settings)
