"""When a buyer has broken their word, and what a block says of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from marketcore.states import OrderState


class Kind(StrEnum):
    """How a promise to buy was broken."""

    UNPAID = "unpaid"
    BACKED_OUT = "backed_out"


_WORDS: Mapping[str, str] = {Kind.UNPAID: "was not paid for in time", Kind.BACKED_OUT: "was won and called off"}
_OF_AWARDS: Mapping[str, Kind] = {"lapsed": Kind.UNPAID, "removed": Kind.BACKED_OUT}


def broken(change: Any, origin: str, *, for_checkouts: bool) -> Kind | None:
    """Return how the step ``change`` (an ``OrderStateChanged``) breaks its buyer's word, or ``None``.

    ``origin`` is the checkout's: an award binds, an offer never does, a cart does where ``for_checkouts`` says so;
    what was put into a cart may still be called off.
    """
    if change.previous != OrderState.PENDING_PAYMENT:
        return None
    if change.state == OrderState.EXPIRED:
        return Kind.UNPAID if origin == "award" or (origin == "cart" and for_checkouts) else None
    backed_out = change.state == OrderState.CANCELLED and change.actor_id == change.buyer_id
    return Kind.BACKED_OUT if backed_out and origin == "award" else None


def broken_by_award(outcome: str) -> Kind | None:
    """Return how the end of a ``CartAward`` breaks its winner's word, or ``None``."""
    return _OF_AWARDS.get(outcome)


def is_reached(limit: int, standing: int) -> bool:
    """Whether ``standing`` violations block an account; a limit of 0 blocks nobody."""
    return 0 < limit <= standing


def reason(standing: int, latest: Sequence[tuple[str, str]]) -> str:
    """Return what a blocked buyer reads; ``latest`` holds (what it was about, kind), the newest first."""
    told = "; ".join(f"{about} {_WORDS.get(kind, kind)}" for about, kind in latest)
    return f"too many violations ({standing}): {told}"
