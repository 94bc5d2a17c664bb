"""Applications: from the wish to do it to the share of the budget that is reserved for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from marketcore.db import clock
from marketcore.exceptions import Conflict, Forbidden, Invalid, NotFound
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore_escrow.desk import Desk
from marketcore_escrow.money import EscrowMoney
from marketcore_escrow.rules import check_funded, check_shares
from marketcore_escrow.services import AdvertisementService
from marketcore_escrow.states import APPLICABLE, AdvertisementState, ApplicationState

_A, _P = AdvertisementState, ApplicationState
_APPLY = text(
    """INSERT INTO escrow_applications (advertisement_id, applicant_id, message)
       VALUES (:advertisement, :applicant, :message)
       ON CONFLICT (advertisement_id, applicant_id) DO NOTHING RETURNING id"""
)
_WAITING = text("SELECT count(*) FROM escrow_applications WHERE advertisement_id = :id AND state = 'applied'")
_FIRST = text(
    """INSERT INTO escrow_steps (advertisement_id, application_id, previous, state, actor_id)
       VALUES (:advertisement, :application, 'new', 'applied', :applicant)"""
)
# The platform's share, as of a sale: what was agreed with whoever earns the money, else the default.
_RATE = text(
    """SELECT coalesce((SELECT basis_points FROM commission_rates WHERE seller_id = :user AND category_id IS NULL),
                       :otherwise)"""
)


class ApplicationService:
    """Takes applications in, and lets owners choose among them."""

    def __init__(
        self,
        session: Any,
        desk: Desk,
        advertisements: AdvertisementService,
        money: EscrowMoney,
        commission_bp: int,
        most_waiting: int,
    ) -> None:
        self._session = session
        self._desk = desk
        self._advertisements = advertisements
        self._money = money
        self._commission_bp = commission_bp
        self._most_waiting = most_waiting

    def apply(self, advertisement_id: int, applicant_id: int, message: str) -> int:
        """Write an application and return its id; once for each person, and not for one's own advertisement."""
        advertisement = self._desk.lock(advertisement_id)
        if advertisement.owner_id == applicant_id:
            raise Conflict(f"advertisement {advertisement_id} is your own")
        self._check_running(advertisement)
        if self._session.execute(_WAITING, {"id": advertisement_id}).scalar_one() >= self._most_waiting:
            raise Conflict(f"advertisement {advertisement_id} has {self._most_waiting} applications to answer: wait")
        row = {"advertisement": advertisement_id, "applicant": applicant_id}
        application_id: int | None = self._session.execute(_APPLY, {**row, "message": message}).scalar()
        if application_id is None:
            raise Conflict(f"you have applied for advertisement {advertisement_id} before")
        self._session.execute(_FIRST, {**row, "application": application_id})
        application = self._desk.application(application_id)
        self._desk.tell_application(advertisement, application, "new", applicant_id, message)
        self._desk.tell(advertisement_id)
        return application_id

    def accept(self, advertisement_id: int, owner_id: int, shares: Mapping[int, Money]) -> None:
        """Accept applications, all of ``shares`` or none, each with its share of the budget.

        ``Conflict`` before the budget is held and after the end, ``InsufficientFunds`` where the shares are more
        than is free of it.
        """
        advertisement = self._desk.lock(advertisement_id)
        if advertisement.owner_id != owner_id:
            raise NotFound(f"there is no advertisement {advertisement_id} of yours")
        check_funded(advertisement.state, advertisement_id)
        self._check_running(advertisement)
        self._advertisements.check_free_to_act(advertisement)
        chosen = [(self._applied(advertisement, id), minor) for id, minor in _minors(advertisement, shares).items()]
        check_shares([minor for _row, minor in chosen], self._money.free(advertisement), advertisement.currency)
        holds = self._money.reserve(advertisement, chosen)
        for application, minor in chosen:
            self._desk.step_application(
                advertisement,
                application,
                _P.ACCEPTED,
                owner_id,
                share=minor,
                hold=holds[application.id],
                commission=self._rate(application.applicant_id),
                due_at=advertisement.ends_at,
            )
        if advertisement.state == _A.OPEN:
            self._desk.step(advertisement, _A.RUNNING, owner_id)
        self._desk.tell(advertisement_id)

    def decline(self, application_id: int, owner_id: int, reason: str) -> None:
        """Decline an application that was not answered yet."""
        advertisement, application = self._desk.lock_application(application_id)
        check_owner(application, owner_id)
        self._desk.step_application(advertisement, application, _P.DECLINED, owner_id, note=reason)
        self._desk.tell(advertisement.id)

    def withdraw(self, application_id: int, applicant_id: int) -> None:
        """Take an application back; what was reserved for it is free again."""
        advertisement, application = self._desk.lock_application(application_id, ending=True)
        check_applicant(application, applicant_id)
        if application.state == _P.APPLIED:
            self._desk.step_application(advertisement, application, _P.WITHDRAWN, applicant_id)
        elif application.state in (_P.ACCEPTED, _P.REJECTED):
            self._advertisements.check_free_to_act(advertisement)
            self._money.release(advertisement, application, 0)
            self._desk.step_application(advertisement, application, _P.RETURNED, applicant_id, note="withdrawn")
            self._advertisements.wind_up(advertisement)
        else:
            raise Conflict(f"application {application_id} is {application.state}: it cannot be withdrawn")
        self._desk.tell(advertisement.id)

    def _applied(self, advertisement: Any, application_id: int) -> Any:
        application = self._desk.application(application_id)
        if application.advertisement_id != advertisement.id:
            raise NotFound(f"there is no application {application_id} for advertisement {advertisement.id}")
        if application.state != _P.APPLIED:
            raise Conflict(f"application {application_id} is {application.state}: it cannot be accepted")
        return application

    def _check_running(self, advertisement: Any) -> None:
        over = advertisement.ends_at is not None and clock.now(self._session) >= advertisement.ends_at
        if over or advertisement.state not in APPLICABLE:
            raise Conflict(f"advertisement {advertisement.id} is over")

    def _rate(self, applicant_id: int) -> int:
        values = {"user": applicant_id, "otherwise": self._commission_bp}
        rate: int = self._session.execute(_RATE, values).scalar_one()
        return rate


def _minors(advertisement: Any, shares: Mapping[int, Money]) -> dict[int, int]:
    for share in shares.values():
        if share.currency != advertisement.currency:
            raise Invalid(errors={"shares": f"the budget is held in {advertisement.currency}"})
    return {id: share.minor for id, share in sorted(shares.items())}


def check_owner(application: Any, user_id: int) -> None:
    """Raise ``NotFound`` for a stranger and ``Forbidden`` for the applicant."""
    if application.owner_id != user_id:
        if application.applicant_id != user_id:
            raise NotFound(f"there is no application {application.id} of yours")
        raise Forbidden("this is for the owner of the advertisement to do")


def check_applicant(application: Any, user_id: int) -> None:
    """Raise ``NotFound`` for a stranger and ``Forbidden`` for the owner of the advertisement."""
    if application.applicant_id != user_id:
        if application.owner_id != user_id:
            raise NotFound(f"there is no application {application.id} of yours")
        raise Forbidden("this is for the applicant to do")


def application_service(_context: Any, request: Any) -> ApplicationService:
    """Return the request's ``ApplicationService``."""
    from marketcore.settings import section

    find = request.find_service
    rate = section(request.registry, "orders")["commission_bp"]
    most = section(request.registry, "escrow")["most_applications"]
    money = EscrowMoney(find(LedgerService))
    return ApplicationService(request.db, find(Desk), find(AdvertisementService), money, rate, most)
