"""The proof: an auction's log run through the engine again has to say the same.

Nothing is needed but the log: no database, no clock, no names. Whoever downloads it can do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from marketcore_auctions.bidding import (
    Accepted,
    Best,
    Refusal,
    SoftClose,
    SoftClosePolicy,
    Standing,
    Terms,
    award,
    can_buy_now,
    decide,
    hammer,
    is_over,
    pause,
    price_of,
    resume,
    standing_of,
)
from marketcore_auctions.chain import GENESIS, Entry, hash_of, read_entry
from marketcore_auctions.rules import check_increments

Conduct = Callable[[Terms, Standing, datetime], Standing | Refusal]


@dataclass
class Replayed:
    """What the engine makes of a log; ``differences`` are what it does not agree with.

    ``awards`` are the awards in order, as (bidder, price); ``terms`` and ``standing`` are where the log ends.
    """

    outcome: str = "open"
    winner: str | None = None
    price_minor: int | None = None
    currency: str = ""
    bids: int = 0
    entries: int = 0
    head: str = GENESIS
    terms: Terms | None = None
    standing: Standing | None = None
    awards: list[tuple[str | None, int | None]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def differ(self, what: str) -> None:
        """Note a difference."""
        self.differences.append(what)


class Replay:
    """Runs through one log, that of ``auction`` if it is given; ``take`` every entry in order, then see ``result``."""

    def __init__(self, auction: int | None = None) -> None:
        self.result = Replayed()
        self._bests: dict[Any, Best] = {}
        self._auction = auction
        self._steps: dict[str, Callable[[Entry, Terms, Standing], None]] = {
            "bid": self._bid,
            "retracted": self._retracted,
            "awarded": self._awarded,
            "bought": self._bought,
            "unsold": self._unsold,
            "cancelled": self._cancelled,
            "paused": lambda *told: self._conducted(pause, *told),
            "resumed": lambda *told: self._conducted(resume, *told),
            "hammered": lambda *told: self._conducted(hammer, *told),
        }

    def take(self, text: str, stated_hash: str) -> Entry | None:
        """Check one entry's place in the chain, let the engine do what it tells, and return it (if it is one)."""
        result = self.result
        result.entries += 1
        number = result.entries
        if hash_of(text) != stated_hash:
            self._differ(number, "its hash is not that of its text")
        try:
            entry = read_entry(text)
        except ValueError as error:
            self._differ(number, f"it cannot be read: {error}")
            return None
        self._check_chain(number, entry)
        result.head = stated_hash
        if entry.kind == "opened":
            self._open(number, entry)
        elif result.terms is None or result.standing is None or entry.kind not in self._steps:
            self._differ(number, f"{entry.kind!r} does not belong here")
        else:
            self._steps[entry.kind](entry, result.terms, result.standing)
        return entry

    def _check_chain(self, number: int, entry: Entry) -> None:
        self._auction = self._auction or entry.auction
        if entry.seq != number:
            self._differ(number, f"its number is {entry.seq}")
        if entry.prev != self.result.head:
            self._differ(number, "it does not follow the entry before it")
        if entry.auction != self._auction:
            self._differ(number, f"it is of auction {entry.auction}")

    def _open(self, number: int, entry: Entry) -> None:
        result = self.result
        if result.terms is not None or entry.terms is None:
            self._differ(number, "an auction is opened once, with its terms")
            return
        try:
            result.terms, result.currency = terms_told(entry.terms), str(entry.terms["currency"])
        except (LookupError, TypeError, ValueError) as error:
            self._differ(number, f"its terms cannot be read: {type(error).__name__}: {error}")
            return
        result.standing = Standing(result.terms.ends_at)
        self._compare(entry, result.terms, result.standing)

    def _bid(self, entry: Entry, terms: Terms, standing: Standing) -> None:
        self._check_running(entry, standing)
        if entry.bidder is None or entry.maximum is None:
            self._differ(entry.seq, "a bid is somebody's, up to a maximum")
            return
        verdict = decide(terms, standing, entry.bidder, entry.maximum, entry.at)
        if not isinstance(verdict, Accepted) or not verdict.changed:
            self._differ(entry.seq, f"the engine refuses this bid: {verdict}")
            return
        self.result.standing = verdict.standing
        self.result.bids += 1
        known = self._bests.get(entry.bidder)
        if known is None or entry.maximum > known.maximum:
            self._bests[entry.bidder] = Best(entry.maximum, entry.seq)
        if standing_of(self._bests, verdict.standing) != verdict.standing:
            self._differ(entry.seq, "the lead does not follow from the bidders' best maxima")
        self._compare(entry, terms, verdict.standing)

    def _retracted(self, entry: Entry, terms: Terms, standing: Standing) -> None:
        self._check_running(entry, standing)
        if self._bests.pop(entry.bidder, None) is None:
            self._differ(entry.seq, "nothing was there to retract")
        self.result.standing = standing_of(self._bests, standing)
        self._compare(entry, terms, self.result.standing)

    def _awarded(self, entry: Entry, terms: Terms, standing: Standing) -> None:
        won = award(terms, self._bests, entry.without)
        if won is None or (won.bidder, won.price_minor) != (entry.bidder, entry.price):
            self._differ(entry.seq, f"it awards {entry.bidder} for {entry.price}, the engine {won}")
        if not is_over(standing, entry.at):
            self._differ(entry.seq, f"it is closed at {entry.at}, before its end {standing.ends_at}")
        self._check_round(entry)
        self._compare(entry, terms, standing, price=entry.price)
        self._end("sold", entry.bidder, entry.price)

    def _check_round(self, entry: Entry) -> None:
        awards, outcome = self.result.awards, self.result.outcome
        if entry.round != len(awards) + 1 or outcome != ("sold" if awards else "open"):
            self._differ(entry.seq, f"award {entry.round} does not belong after {len(awards)} awards ({outcome})")
        if not {bidder for bidder, _price in awards} <= set(entry.without):
            self._differ(entry.seq, "it does not leave out whom the lot was awarded to before")

    def _bought(self, entry: Entry, terms: Terms, standing: Standing) -> None:
        self._check_running(entry, standing)
        if not can_buy_now(terms, standing) or entry.price != terms.buy_now_minor:
            self._differ(entry.seq, "it could not be bought at once, or not for that price")
        self._compare(entry, terms, standing, price=entry.price)
        self._end("sold", entry.bidder, entry.price)

    def _unsold(self, entry: Entry, terms: Terms, standing: Standing) -> None:
        if self.result.outcome == "open":
            won = award(terms, self._bests, entry.without)
            if won is not None or not is_over(standing, entry.at):
                self._differ(entry.seq, f"it ends unsold, but the engine awards {won} at {standing.ends_at}")
        elif self.result.outcome != "sold":
            self._differ(entry.seq, f"it had ended: {self.result.outcome}")
        self._compare(entry, terms, standing)
        self._end("unsold", None, None)

    def _cancelled(self, entry: Entry, terms: Terms, standing: Standing) -> None:
        self._check_running(entry, standing)
        self._compare(entry, terms, standing)
        self._end("cancelled", None, None)

    def _conducted(self, change: Conduct, entry: Entry, terms: Terms, standing: Standing) -> None:
        self._check_running(entry, standing)
        changed = change(terms, standing, entry.at)
        if not isinstance(changed, Standing):
            self._differ(entry.seq, f"the engine refuses that it is {entry.kind}: {changed}")
            return
        self.result.standing = changed
        self._compare(entry, terms, changed)

    def _check_running(self, entry: Entry, standing: Standing) -> None:
        if self.result.outcome != "open" or is_over(standing, entry.at):
            self._differ(entry.seq, f"{entry.kind!r} after the end")

    def _compare(self, entry: Entry, terms: Terms, standing: Standing, *, price: int | None = None) -> None:
        said = (entry.price, entry.leader, entry.ends_at)
        found = (price_of(terms, standing) if price is None else price, standing.leader, standing.ends_at)
        if said != found:
            self._differ(entry.seq, f"it says (price, leader, end) {said}, the engine {found}")

    def _end(self, outcome: str, winner: str | None, price: int | None) -> None:
        self.result.outcome, self.result.winner, self.result.price_minor = outcome, winner, price
        if outcome == "sold":
            self.result.awards.append((winner, price))

    def _differ(self, number: int, what: str) -> None:
        self.result.differ(f"entry {number}: {what}")


def replay(entries: Iterable[tuple[str, str]], auction: int | None = None) -> Replayed:
    """Return what the engine makes of a whole log, given as (text, hash) in order."""
    run = Replay(auction)
    for text, stated_hash in entries:
        run.take(text, stated_hash)
    return run.result


def terms_told(told: dict[str, Any]) -> Terms:
    """Return the terms that the first entry of a log tells; an error of Python's says that they are none."""
    conducted = bool(told.get("conducted", False))
    starts_at = datetime.fromisoformat(told["starts_at"])
    ends = {
        name: None if conducted and told[name] is None else datetime.fromisoformat(told[name])
        for name in ("ends_at", "latest_end_at")
    }
    soft_close = SoftClose(
        SoftClosePolicy(told["soft_close"]),
        timedelta(seconds=told["window_seconds"]),
        timedelta(seconds=told["extension_seconds"]),
    )
    return Terms(
        start_minor=told["start"],
        increments=check_increments([(price, step) for price, step in told["increments"]]),
        reserve_minor=told["reserve"],
        buy_now_minor=told["buy_now"],
        soft_close=soft_close,
        conducted=conducted,
        starts_at=starts_at,
        **ends,
    )
