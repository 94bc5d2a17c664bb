"""The lives of advertisements and applications, as data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class AdvertisementState(StrEnum):
    """``unfunded``: people may apply, nobody can be accepted. ``open``: the budget is held. ``running``: somebody was
    accepted. ``ending``: its time is over, and shares are still to be decided."""

    UNFUNDED = "unfunded"
    OPEN = "open"
    RUNNING = "running"
    ENDING = "ending"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class ApplicationState(StrEnum):
    """``submitted``: a proof waits for an answer. ``released``, ``returned`` and ``split`` say where the share went."""

    APPLIED = "applied"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    ACCEPTED = "accepted"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    DISPUTED = "disputed"
    RELEASED = "released"
    RETURNED = "returned"
    SPLIT = "split"


class ProofState(StrEnum):
    """``closed``: nobody answered it; a dispute, a withdrawal or the clock decided."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    CLOSED = "closed"


_A = AdvertisementState
ADVERTISEMENT_TRANSITIONS: Mapping[AdvertisementState, frozenset[AdvertisementState]] = {
    _A.UNFUNDED: frozenset({_A.OPEN, _A.CANCELLED}),
    _A.OPEN: frozenset({_A.RUNNING, _A.FINISHED, _A.CANCELLED}),
    _A.RUNNING: frozenset({_A.ENDING, _A.FINISHED}),
    _A.ENDING: frozenset({_A.FINISHED}),
}
_P = ApplicationState
APPLICATION_TRANSITIONS: Mapping[ApplicationState, frozenset[ApplicationState]] = {
    _P.APPLIED: frozenset({_P.ACCEPTED, _P.DECLINED, _P.WITHDRAWN}),
    _P.ACCEPTED: frozenset({_P.SUBMITTED, _P.RETURNED, _P.DISPUTED}),
    _P.SUBMITTED: frozenset({_P.RELEASED, _P.REJECTED, _P.RETURNED, _P.DISPUTED}),
    _P.REJECTED: frozenset({_P.SUBMITTED, _P.RETURNED, _P.DISPUTED}),
    _P.DISPUTED: frozenset({_P.RELEASED, _P.RETURNED, _P.SPLIT}),
}
# Advertisements that somebody may still apply for, and those whose owner may accept.
APPLICABLE = frozenset({_A.UNFUNDED, _A.OPEN, _A.RUNNING})
ACCEPTING = frozenset({_A.OPEN, _A.RUNNING})
# Applications for which a share of the budget is reserved.
HOLDING = frozenset({_P.ACCEPTED, _P.SUBMITTED, _P.REJECTED, _P.DISPUTED})


def listed(states: type[StrEnum]) -> str:
    """Return the states as SQL lists them."""
    return ",".join(f"'{state}'" for state in states)
