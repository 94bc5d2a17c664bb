"""Who has which part in a complaint, and what may still be done about it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from marketcore.exceptions import Conflict, Forbidden, Invalid, NotFound


class Part(StrEnum):
    """In which capacity somebody speaks in a complaint."""

    COMPLAINANT = "complainant"
    RESPONDENT = "respondent"
    STAFF = "staff"


class Kind(StrEnum):
    """What a complaint is about."""

    ORDER = "order"
    PRODUCT = "product"
    USER = "user"


CATEGORIES = ("not_received", "not_as_described", "damaged", "counterfeit", "payment", "conduct", "other")
STATES = ("open", "resolved", "rejected", "withdrawn")


def is_heard(complaint: Any) -> bool:
    """Whether the respondent takes part: not where somebody reports a person, who need not know of it."""
    return complaint.user_id is None


def part_of(complaint: Any, identity: Any) -> Part:
    """Return the part of ``identity``; ``NotFound`` for whoever the complaint is none of the business of."""
    if complaint.complainant_id == identity.user_id:
        return Part.COMPLAINANT
    if complaint.respondent_id == identity.user_id:
        if is_heard(complaint):
            return Part.RESPONDENT
    elif "admin" in identity.roles:
        return Part.STAFF
    raise NotFound(f"there is no complaint {complaint.id} of yours")


def check_open(complaint: Any) -> None:
    """Raise ``Conflict`` if the complaint has ended."""
    if complaint.state != "open":
        raise Conflict(f"complaint {complaint.id} is {complaint.state}: it has ended")


def check_impartial(complaint: Any, user_id: int) -> None:
    """Raise ``Forbidden`` for an admin who would decide about a complaint of their own."""
    if user_id in (complaint.complainant_id, complaint.respondent_id):
        raise Forbidden("somebody else has to decide about a complaint that concerns you")


def check_wish_to_freeze(kind: Kind, *, is_buyer: bool, allowed: bool) -> None:
    """Raise ``Invalid`` if a complainant cannot ask for money to be frozen."""
    if kind is not Kind.ORDER or not is_buyer:
        raise Invalid(errors={"freeze": "the money of an order is frozen for its buyer: leave this out"})
    if not allowed:
        raise Invalid(errors={"freeze": "money is frozen by admins alone here: leave this out"})


def check_refund(complaint: Any, outcome: str, refund: str, amount: Any) -> None:
    """Raise ``Invalid`` if a decision's ``refund`` (none, all, part) does not fit the rest of it."""
    if refund != "none" and complaint.order_id is None:
        raise Invalid(errors={"refund": "the complaint is about no order: there is nothing to refund"})
    if refund != "none" and outcome != "resolved":
        raise Invalid(errors={"refund": "a rejected complaint gives nothing back"})
    if (refund == "part") != (amount is not None):
        raise Invalid(errors={"amount": "give it with 'refund': 'part', and only then"})
