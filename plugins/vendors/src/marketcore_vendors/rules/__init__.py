"""Pure: whose profiles and papers somebody may touch, and what a review makes of a paper."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from enum import StrEnum

from marketcore.exceptions import Conflict, Forbidden, IllegalTransition, Invalid, NotFound

MAX_DOCUMENTS = 50
MAX_DAYS = 366
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


class DocumentState(StrEnum):
    """The life of a paper; only an ``approved`` one proves something."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REPLACED = "replaced"


# What its owner may take back: evidence that a decision rested on stays.
REMOVABLE = frozenset({DocumentState.SUBMITTED, DocumentState.REJECTED})


def check_vendor(user_id: int, roles: Collection[str], vendor_id: int) -> None:
    """Let admins pass, and vendors to what is theirs; ``NotFound`` for anybody else."""
    if "admin" not in roles and user_id != vendor_id:
        raise NotFound(f"there is no vendor {vendor_id} for you")


def check_removal(user_id: int, roles: Collection[str], vendor_id: int, *, owners_may: bool) -> None:
    """Let admins remove a profile, and its owner where the marketplace allows it; ``NotFound`` or ``Forbidden``."""
    check_vendor(user_id, roles, vendor_id)
    if "admin" not in roles and not owners_may:
        raise Forbidden("only an admin removes a profile here: ask the marketplace")


def check_judge(admin_id: int, vendor_id: int) -> None:
    """Refuse to let somebody decide about themselves."""
    if admin_id == vendor_id:
        raise Forbidden("nobody decides about their own verification and papers: another admin has to")


def check_proofs(required: Iterable[str], approved: Collection[str]) -> None:
    """Raise ``Conflict`` naming the kinds of papers that a verification asks for and that are not approved."""
    missing = [kind for kind in required if kind not in approved]
    if missing:
        raise Conflict(f"approve these papers first: {', '.join(missing)}", missing=missing)


def check_expiry(expires_on: date | None, today: date) -> None:
    """Refuse a paper that is not valid any more."""
    if expires_on is not None and expires_on < today:
        raise Invalid(errors={"expires_on": f"is over: papers have to be valid on {today} at least"})


def decided(state: str, *, approve: bool, reason: str) -> DocumentState:
    """Return what a review makes of a paper; a rejection says why, and each paper is decided about once."""
    if state != DocumentState.SUBMITTED:
        raise IllegalTransition(f"this paper is {state}: it has been decided about", current=state)
    if not approve and not reason.strip():
        raise Invalid(errors={"reason": "say why: the vendor is told"})
    return DocumentState.APPROVED if approve else DocumentState.REJECTED


def check_withdrawal(state: str) -> None:
    """Raise ``Conflict`` for a paper that a decision rests on."""
    if state not in REMOVABLE:
        raise Conflict(f"this paper is {state} and stays: submit a newer one", current=state)


def period(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """Return the days that figures are about, both included: the thirty up to ``today`` unless said otherwise.

    ``Invalid`` for one that ends before it begins, has more than ``MAX_DAYS`` days or lies in no reasonable century.
    """
    last = last or max(today, first or today)
    if not EARLIEST <= last <= LATEST:
        raise Invalid(errors={"to": f"must be a day between {EARLIEST} and {LATEST}"})
    first = first or max(last - timedelta(days=29), EARLIEST)
    if not EARLIEST <= first <= last:
        raise Invalid(errors={"from": f"must be a day from {EARLIEST} on and not after {last}"})
    if (last - first).days >= MAX_DAYS:
        raise Invalid(errors={"from": f"is too early: figures are about at most {MAX_DAYS} days at once"})
    return first, last
