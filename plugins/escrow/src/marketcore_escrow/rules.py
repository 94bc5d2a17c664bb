"""What escrow decides: who may get how much of a budget, where a share goes, and when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from marketcore.exceptions import Conflict, InsufficientFunds, Invalid
from marketcore.money import Money, commission
from marketcore_escrow.states import ApplicationState, ProofState

LONGEST_LINK = 500
_P = ApplicationState


@dataclass(frozen=True, slots=True)
class Parts:
    """Where a share goes: to the applicant, to what the applicant owes, to the platform, and back to the budget."""

    payee: int
    debt: int
    fee: int
    back: int


def check_shares(wanted: Sequence[int], free: int, currency: str) -> None:
    """Raise ``InsufficientFunds`` where ``wanted`` together are more than stands free of the budget."""
    if sum(wanted) > free:
        left = Money(free, currency)
        raise InsufficientFunds(
            f"{left} of the budget is not promised to anybody yet, the shares are {Money(sum(wanted), currency)}",
            available=left.amount,
            currency=currency,
        )


def divide(share: int, released: int, commission_bp: int, owed: int) -> Parts:
    """Return where the ``released`` units of a share go; what the applicant owes the platform is settled first."""
    if not 0 <= released <= share:
        raise ValueError(f"{released} of a share of {share} cannot be released")
    fee = commission(released, commission_bp)
    debt = min(max(0, owed), released - fee)
    return Parts(payee=released - fee - debt, debt=debt, fee=fee, back=share - released)


def decided(outcome: str, share: int, to_applicant: Money | None, currency: str) -> int:
    """Return how many units of a disputed share an admin gives the applicant; ``Invalid`` for words that do not fit."""
    if (outcome == "split") != (to_applicant is not None):
        raise Invalid(errors={"to_applicant": "say how much with the outcome split, and with no other"})
    if to_applicant is None:
        return share if outcome == "release" else 0
    if to_applicant.currency != currency:
        raise Invalid(errors={"to_applicant.currency": f"the budget is held in {currency}"})
    if not 0 < to_applicant.minor < share:
        raise Invalid(errors={"to_applicant.amount": f"a part of {Money(share, currency)}, neither nothing nor all"})
    return to_applicant.minor


def outcome_of(share: int, released: int) -> ApplicationState:
    """Return the state of an application ``released`` units of whose share went to the applicant."""
    if released == share:
        return _P.RELEASED
    return _P.SPLIT if released else _P.RETURNED


def when_unanswered(state: str, policy: str) -> ApplicationState:
    """Return what becomes of a share whose deadline has passed: a proof nobody answered goes as ``policy`` says."""
    if state == _P.SUBMITTED and policy == "release":
        return _P.RELEASED
    return _P.RETURNED


def answer_due(now: datetime, review_days: int) -> datetime:
    """Return until when a proof shown ``now`` has to be answered."""
    return now + timedelta(days=review_days)


def proof_due(now: datetime, ends_at: datetime, resubmit_days: int) -> datetime:
    """Return until when a better proof may be shown after a rejection: at least ``resubmit_days``."""
    return max(ends_at, now + timedelta(days=resubmit_days))


def closing_word(state: str) -> ProofState:
    """Return what becomes of a waiting proof when its application takes the step to ``state``."""
    if state == _P.RELEASED:
        return ProofState.APPROVED
    return ProofState.REJECTED if state == _P.REJECTED else ProofState.CLOSED


def check_funded(state: str, advertisement_id: int) -> None:
    """Raise ``Conflict`` unless the budget of an advertisement in ``state`` is held and its time is not over."""
    if state == "unfunded":
        raise Conflict(
            f"advertisement {advertisement_id} is not funded: pay for it before you accept anybody", state=state
        )
    if state not in ("open", "running"):
        raise Conflict(f"advertisement {advertisement_id} is {state}: nobody can be accepted any more", state=state)


def link_fault(link: str) -> str | None:
    """Return what is wrong with ``link`` as a proof, or ``None``: an address of the web that names a host."""
    if len(link) > LONGEST_LINK:
        return f"must be at most {LONGEST_LINK} characters long"
    if any(character.isspace() or not character.isprintable() for character in link) or "\\" in link:
        return "must be one address without blanks"
    try:
        parts = urlsplit(link)
        named, port = parts.hostname, parts.port
    except ValueError:
        return "must be an address such as https://example.com/post/1"
    if parts.scheme.lower() not in ("http", "https") or not link.lower().startswith(f"{parts.scheme.lower()}://"):
        return "must begin with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "must not carry a name or a password"
    return None if named and port != 0 else "must name a host"
