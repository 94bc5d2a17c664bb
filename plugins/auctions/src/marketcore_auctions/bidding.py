"""The bidding engine: what a bid does to an auction. Pure: no clock, no database, no chance.

A bid is a *maximum* that stays secret while the house bids for the bidder, one increment above the others' best
(a proxy bid). Everything follows from the best maximum of each bidder: who leads, and at what price. ``decide`` keeps
just the two numbers that matter and is applied bid after bid; ``standing_of`` starts from all of them and must say
the same. Amounts are minor units of the auction's one currency; bidders are whatever names them, ids or pseudonyms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class SoftClosePolicy(StrEnum):
    """What a bid shortly before the end does to the end: nothing, add time to it, or set a full countdown again."""

    NONE = "none"
    EXTEND = "extend"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class SoftClose:
    """``policy`` for bids in the last ``window``, by ``extension``, never past the auction's latest end."""

    policy: SoftClosePolicy = SoftClosePolicy.NONE
    window: timedelta = timedelta(0)
    extension: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was promised when the auction was published. It never changes.

    ``increments`` are ``(from price, step)`` pairs, rising, the first from 0. The clock of a ``conducted`` auction is
    in somebody's hands, who may stop it and let the hammer fall; without ``ends_at`` nothing else ends it.
    """

    start_minor: int
    increments: tuple[tuple[int, int], ...]
    starts_at: datetime
    ends_at: datetime | None
    latest_end_at: datetime | None
    reserve_minor: int | None = None
    buy_now_minor: int | None = None
    soft_close: SoftClose = SoftClose()
    conducted: bool = False

    def step(self, price: int) -> int:
        """Return the increment above ``price``."""
        return self.increments[bisect_right(self.increments, (price, _ABOVE_ALL)) - 1][1]


_ABOVE_ALL = 2**63


@dataclass(frozen=True, slots=True)
class Standing:
    """How an auction stands: who leads with which maximum, and the best maximum of anybody else.

    Since ``paused_at`` its clock stands, with ``remaining`` on it; it has stood before for ``paused_for`` in all.
    """

    ends_at: datetime | None
    leader: Any = None
    leader_max: int = 0
    runner_up_max: int = 0
    bids: int = 0
    extensions: int = 0
    paused_at: datetime | None = None
    remaining: timedelta | None = None
    paused_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The bid counts. ``changed`` is false for the leader's same maximum again, which does nothing."""

    standing: Standing
    changed: bool = True


class Refusal(StrEnum):
    """Why a bid does not count."""

    NOT_STARTED = "not_started"
    OVER = "over"
    TOO_LOW = "too_low"
    BELOW_OWN_MAXIMUM = "below_own_maximum"
    PAUSED = "paused"
    RUNNING = "running"
    NOT_CONDUCTED = "not_conducted"


def price_of(terms: Terms, standing: Standing) -> int:
    """Return the price that the leader would pay now; the starting price while there is no bid."""
    if standing.leader is None:
        return terms.start_minor
    price = terms.start_minor
    if standing.runner_up_max:
        price = min(standing.leader_max, standing.runner_up_max + terms.step(standing.runner_up_max))
    if terms.reserve_minor is not None and standing.leader_max >= terms.reserve_minor:
        price = max(price, terms.reserve_minor)
    return max(price, terms.start_minor)


def next_minimum(terms: Terms, standing: Standing) -> int:
    """Return the least maximum that a new bidder has to give."""
    price = price_of(terms, standing)
    return price if standing.leader is None else price + terms.step(price)


def reserve_met(terms: Terms, standing: Standing) -> bool:
    """Whether the leader would get the lot if the auction ended now."""
    return standing.leader is not None and standing.leader_max >= (terms.reserve_minor or 0)


def can_buy_now(terms: Terms, standing: Standing) -> bool:
    """Whether the lot can be bought at once: until the first bid, or until a reserve price is met."""
    if terms.buy_now_minor is None:
        return False
    return standing.leader is None or (terms.reserve_minor is not None and not reserve_met(terms, standing))


def is_over(standing: Standing, now: datetime) -> bool:
    """Whether the time is up; while the clock stands, or where there is none, it never is."""
    return standing.ends_at is not None and now >= standing.ends_at


def decide(terms: Terms, standing: Standing, bidder: Any, maximum: int, now: datetime) -> Accepted | Refusal:
    """Return what a bid of ``bidder`` up to ``maximum`` does at ``now``. Between equal maxima the earlier one leads."""
    if now < terms.starts_at:
        return Refusal.NOT_STARTED
    if is_over(standing, now):
        return Refusal.OVER
    if standing.paused_at is not None:
        return Refusal.PAUSED
    if bidder == standing.leader:
        return _raise_own(standing, maximum)
    if maximum < next_minimum(terms, standing):
        return Refusal.TOO_LOW
    return Accepted(_soft_close(terms, _challenge(standing, bidder, maximum), now))


def _raise_own(standing: Standing, maximum: int) -> Accepted | Refusal:
    if maximum < standing.leader_max:
        return Refusal.BELOW_OWN_MAXIMUM
    if maximum == standing.leader_max:
        return Accepted(standing, changed=False)
    return Accepted(replace(standing, leader_max=maximum, bids=standing.bids + 1))


def _challenge(standing: Standing, bidder: Any, maximum: int) -> Standing:
    bids = standing.bids + 1
    if maximum > standing.leader_max:
        return replace(standing, leader=bidder, leader_max=maximum, runner_up_max=standing.leader_max, bids=bids)
    return replace(standing, runner_up_max=max(standing.runner_up_max, maximum), bids=bids)


def _soft_close(terms: Terms, standing: Standing, now: datetime) -> Standing:
    rule, ends_at, latest = terms.soft_close, standing.ends_at, terms.latest_end_at
    if rule.policy is SoftClosePolicy.NONE or ends_at is None or latest is None or ends_at - now > rule.window:
        return standing
    base = ends_at if rule.policy is SoftClosePolicy.EXTEND else now
    end = min(max(ends_at, base + rule.extension), latest + standing.paused_for)
    if end <= ends_at:
        return standing
    return replace(standing, ends_at=end, extensions=standing.extensions + 1)


def pause(terms: Terms, standing: Standing, now: datetime) -> Standing | Refusal:
    """Return ``standing`` with its clock stopped at ``now``; what is left on it is kept."""
    refusal = _conducting(terms, standing, now)
    if refusal or standing.paused_at is not None:
        return refusal or Refusal.PAUSED
    remaining = None if standing.ends_at is None else standing.ends_at - now
    return replace(standing, ends_at=None, paused_at=now, remaining=remaining)


def resume(terms: Terms, standing: Standing, now: datetime) -> Standing | Refusal:
    """Return ``standing`` with its clock going on from where it stood; its latest end moves by the pause."""
    refusal = _conducting(terms, standing, now)
    if refusal or standing.paused_at is None:
        return refusal or Refusal.RUNNING
    ends_at = None if standing.remaining is None else now + standing.remaining
    paused_for = standing.paused_for + (now - standing.paused_at)
    return replace(standing, ends_at=ends_at, paused_at=None, remaining=None, paused_for=paused_for)


def hammer(terms: Terms, standing: Standing, now: datetime) -> Standing | Refusal:
    """Return ``standing`` with its end at ``now``, whether its clock goes or stands."""
    refusal = _conducting(terms, standing, now)
    if refusal:
        return refusal
    pause_now = timedelta(0) if standing.paused_at is None else now - standing.paused_at
    paused_for = standing.paused_for + pause_now
    return replace(standing, ends_at=now, paused_at=None, remaining=None, paused_for=paused_for)


def _conducting(terms: Terms, standing: Standing, now: datetime) -> Refusal | None:
    if not terms.conducted:
        return Refusal.NOT_CONDUCTED
    if now < terms.starts_at:
        return Refusal.NOT_STARTED
    return Refusal.OVER if is_over(standing, now) else None


@dataclass(frozen=True, slots=True)
class Best:
    """A bidder's best maximum, and the place in the log where it was first given."""

    maximum: int
    seq: int


def standing_of(bests: Mapping[Any, Best], standing: Standing, without: Collection[Any] = ()) -> Standing:
    """Return ``standing`` with the lead decided anew from every bidder's best, as if ``without`` had never bid."""
    ranked = sorted((-best.maximum, best.seq, bidder) for bidder, best in bests.items() if bidder not in without)
    if not ranked:
        return replace(standing, leader=None, leader_max=0, runner_up_max=0)
    runner_up = -ranked[1][0] if len(ranked) > 1 else 0
    return replace(standing, leader=ranked[0][2], leader_max=-ranked[0][0], runner_up_max=runner_up)


@dataclass(frozen=True, slots=True)
class Award:
    """Who gets the lot, and for how much."""

    bidder: Any
    price_minor: int


def award(terms: Terms, bests: Mapping[Any, Best], without: Collection[Any] = ()) -> Award | None:
    """Return the winner among all bidders but ``without``; ``None`` where nobody reaches the reserve price."""
    standing = standing_of(bests, Standing(terms.ends_at), without)
    if not reserve_met(terms, standing):
        return None
    return Award(standing.leader, price_of(terms, standing))
