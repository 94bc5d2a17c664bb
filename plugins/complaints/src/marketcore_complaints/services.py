"""Complaints: made, talked about and withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from marketcore.exceptions import Conflict, NotFound
from marketcore.orders.freezing import FrozenOrders
from marketcore_complaints.rules import Kind, Part, check_open, check_wish_to_freeze, part_of
from marketcore_complaints.telling import ComplaintTeller

# Whose each thing is: the other party of an order, the seller of a product, the person.
_RESPONDENTS = {
    Kind.ORDER: text(
        """SELECT CASE WHEN buyer_id = :user THEN seller_id ELSE buyer_id END AS respondent_id,
                  buyer_id = :user AS is_buyer
           FROM orders WHERE id = :id AND :user IN (buyer_id, seller_id)"""
    ),
    Kind.PRODUCT: text("SELECT seller_id AS respondent_id, false AS is_buyer FROM products WHERE id = :id"),
    Kind.USER: text("SELECT id AS respondent_id, false AS is_buyer FROM users WHERE id = :id"),
}
# The partial unique indexes decide whether there is an open one already, also between two tabs.
_OPEN = text(
    """INSERT INTO complaints_complaints (order_id, product_id, user_id, complainant_id, respondent_id, category,
                                          subject)
       VALUES (:order_id, :product_id, :user_id, :complainant, :respondent, :category, :subject)
       ON CONFLICT DO NOTHING RETURNING id"""
)
_LOCK = text("SELECT * FROM complaints_complaints WHERE id = :id FOR UPDATE")
_FROZEN = text("UPDATE complaints_complaints SET freeze_id = :freeze WHERE id = :id")
_SAY = text(
    """INSERT INTO complaints_messages (complaint_id, author_id, part, body)
       VALUES (:complaint, :author, :part, :body) RETURNING id"""
)
_COUNT = text("SELECT count(*) FROM complaints_messages WHERE complaint_id = :id")
_WITHDRAW = text(
    "UPDATE complaints_complaints SET state = 'withdrawn', ended_at = market_clock() WHERE id = :id RETURNING *"
)


class ComplaintService:
    """Takes complaints and what is said about them."""

    def __init__(
        self, session: Any, frozen: FrozenOrders, teller: ComplaintTeller, settings: Mapping[str, Any]
    ) -> None:
        self._session = session
        self._frozen = frozen
        self._teller = teller
        self._settings = settings

    def open(self, kind: Kind, about_id: int, complainant_id: int, told: Mapping[str, Any], *, freeze: bool) -> int:
        """Complain about ``about_id`` with what is ``told`` (category, subject, body); return the complaint's id.

        ``freeze`` sets the order's held money apart until the complaint has ended. ``Conflict`` while an earlier
        complaint about the same is open, and where there is no money to freeze.
        """
        about = self._session.execute(_RESPONDENTS[kind], {"id": about_id, "user": complainant_id}).first()
        if about is None:
            raise NotFound(f"there is no {kind} {about_id} to complain about")
        if about.respondent_id == complainant_id:
            raise Conflict(f"{kind} {about_id} is your own")
        if freeze:
            check_wish_to_freeze(kind, is_buyer=about.is_buyer, allowed=self._settings["buyers_may_freeze"])
        complaint_id = self._insert(kind, about_id, complainant_id, about.respondent_id, told)
        self._write(complaint_id, complainant_id, Part.COMPLAINANT, told["body"])
        if freeze:
            self.freeze(complaint_id, about_id)
        self._teller.opened(self.lock(complaint_id))
        return complaint_id

    def say(self, complaint_id: int, identity: Any, body: str) -> int:
        """Say something about an open complaint that ``identity`` takes part in; return the message's id."""
        complaint = self.lock(complaint_id)
        part = part_of(complaint, identity)
        check_open(complaint)
        most = self._settings["max_messages"]
        if self._session.execute(_COUNT, {"id": complaint_id}).scalar_one() >= most:
            raise Conflict(f"complaint {complaint_id} has {most} messages: it has to be decided now")
        message_id = self._write(complaint_id, identity.user_id, part, body)
        self._teller.said(complaint, message_id, identity.user_id, part)
        return message_id

    def withdraw(self, complaint_id: int, identity: Any) -> None:
        """Take one's own complaint back; what was frozen for it is where it was. ``Conflict`` once it has ended."""
        complaint = self.lock(complaint_id)
        if part_of(complaint, identity) is not Part.COMPLAINANT:
            raise NotFound(f"complaint {complaint_id} is not yours to withdraw")
        check_open(complaint)
        if complaint.freeze_id:
            self._frozen.lift(complaint.freeze_id)
        ended = self._session.execute(_WITHDRAW, {"id": complaint_id}).one()
        self._teller.ended(ended, by=identity.user_id)

    def freeze(self, complaint_id: int, order_id: int, *, released: bool = False) -> None:
        """Freeze the money of the order that the locked complaint is about."""
        freeze_id = self._frozen.freeze(order_id, f"complaint {complaint_id}", released=released)
        self._session.execute(_FROZEN, {"id": complaint_id, "freeze": freeze_id})

    def lock(self, complaint_id: int) -> Any:
        """Lock a complaint until the end of the transaction; ``NotFound`` if there is none."""
        row = self._session.execute(_LOCK, {"id": complaint_id}).first()
        if row is None:
            raise NotFound(f"there is no complaint {complaint_id} of yours")
        return row

    def _insert(
        self, kind: Kind, about_id: int, complainant_id: int, respondent_id: int, told: Mapping[str, Any]
    ) -> int:
        about = {f"{other}_id": about_id if other is kind else None for other in Kind}
        people = {"complainant": complainant_id, "respondent": respondent_id}
        row = {**about, **people, "category": told["category"], "subject": told["subject"]}
        complaint_id: int | None = self._session.execute(_OPEN, row).scalar_one_or_none()
        if complaint_id is None:
            raise Conflict(f"your complaint about {kind} {about_id} is still open: say more there")
        return complaint_id

    def _write(self, complaint_id: int, author_id: int, part: Part, body: str) -> int:
        row = {"complaint": complaint_id, "author": author_id, "part": part, "body": body}
        message_id: int = self._session.execute(_SAY, row).scalar_one()
        return message_id


def complaint_service(_context: Any, request: Any) -> ComplaintService:
    """Return the request's ``ComplaintService``."""
    from marketcore.settings import section

    frozen, teller = request.find_service(FrozenOrders), request.find_service(ComplaintTeller)
    return ComplaintService(request.db, frozen, teller, section(request.registry, "complaints"))
