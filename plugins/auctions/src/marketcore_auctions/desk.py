"""The one bid path: every bid of a process, over HTTP or a socket, goes through its desk.

The desk carries bids out in flights, one at a time. A flight locks its auctions in id order, *then* reads the clock,
lets the engine decide every bid in the order of arrival, writes all of it and the live events in one round trip, the
commit included, and answers. Several processes stay right because the rows decide; their bids meet at the locks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.batching import Batcher
from marketcore.db.planning import hide_values
from marketcore.db.session import ATTEMPTS, collided, wait_before_retry
from marketcore.db.together import execute_together
from marketcore.exceptions import Blocked, InsufficientFunds, Invalid, MarketError, NotFound
from marketcore.live.publisher import EventBatch, LiveEvent, make_event
from marketcore.money import Money
from marketcore.testing.crash import crash_point
from marketcore.web.json import present_money, utc
from marketcore_auctions.bidding import Accepted, Refusal, next_minimum
from marketcore_auctions.deposits import Deposits
from marketcore_auctions.lots import Lot, locking, lots_of, saving
from marketcore_auctions.refusals import AuctionClosed, AuctionNotStarted, AuctionPaused, BidTooLow, OwnAuction
from marketcore_auctions.rules import masked

# A statement of its own, after the locks: a bid that waited for them past the end is late.
_NOW_AND_BIDDERS = text(
    hide_values(
        """SELECT c.now, u.id, u.username, u.blocked_at IS NOT NULL AS blocked
           FROM (SELECT market_clock() AS now OFFSET 0) c LEFT JOIN users u ON u.id = ANY(:ids)""",
        ids="bigint[]",
    )
)


@dataclass(frozen=True, slots=True)
class Bid:
    """Somebody's wish to pay at most ``maximum`` for an auction's lot."""

    auction_id: int
    bidder_id: int
    maximum: Money


class BidDesk:
    """Takes bids and answers them. One per process; make it with the registry of its application."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self._batcher: Batcher[Bid, dict[str, Any]] = Batcher(self._carry_out, name="bids")

    def place(self, bid: Bid, *, by_myself: bool = False) -> Future[dict[str, Any]]:
        """Queue ``bid``; the future has its document (see ``schemas.BidDocument``) or raises why it is refused.

        ``NotFound``, ``OwnAuction``, ``Blocked``, ``Invalid`` (another currency), ``AuctionNotStarted``,
        ``AuctionPaused``, ``AuctionClosed``, ``BidTooLow`` (with ``next_minimum``) or ``InsufficientFunds`` (for the
        deposit). To send a bid again is harmless: the leader's same maximum changes nothing and is answered the same.
        Who is going to wait for the answer anyway places the bid ``by_myself`` (see ``Batcher.submit``).
        """
        return self._batcher.submit(bid, by_myself=by_myself)

    def close(self) -> None:
        """Answer what waits and end the thread."""
        self._batcher.close()

    def _carry_out(self, bids: list[Bid]) -> Sequence[dict[str, Any] | BaseException]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._fly(bids)
            except Exception as error:
                if attempt == ATTEMPTS or not collided(error):
                    raise
                wait_before_retry()
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _fly(self, bids: list[Bid]) -> Sequence[dict[str, Any] | BaseException]:
        with self._registry["engine"].connect() as connection:
            flight = Flight(self._registry, connection, bids)
            flight.decide()
            crash_point("auctions.bids_decided")
            hints = flight.write(commit=True)
        crash_point("auctions.bids_committed")
        self._registry["live sender"].send(hints)
        return flight.answers()


class Flight:
    """One transaction full of bids."""

    def __init__(self, registry: Any, connection: Any, bids: list[Bid]) -> None:
        self._registry = registry
        self._connection = connection
        self._bids = bids
        self._verdicts: list[int | MarketError] = []
        self._fields: dict[int, dict[str, Any]] = {}
        bidders = {bid.bidder_id for bid in bids}
        locked, people = execute_together(
            connection, locking(bid.auction_id for bid in bids), (_NOW_AND_BIDDERS, {"ids": list(bidders)})
        )
        self._lots = lots_of(locked)
        self._now: datetime = people[0].now
        self._people = {person.id: person for person in people}
        self._deposits = self._open_deposits(bidders)

    def _open_deposits(self, bidders: set[int]) -> Deposits | None:
        if not any(lot.row.deposit_minor for lot in self._lots.values()):
            return None
        deposits = Deposits(Session(self._connection))
        deposits.lock(self._lots.values(), bidders)
        return deposits

    def decide(self) -> None:
        """Let the engine decide every bid in the order of arrival."""
        for bid in self._bids:
            try:
                self._verdicts.append(self._decide(bid))
            except MarketError as refusal:
                self._verdicts.append(refusal)

    def _decide(self, bid: Bid) -> int:
        lot = self._lots.get(bid.auction_id)
        if lot is None:
            raise NotFound(f"there is no auction {bid.auction_id}")
        person = self._people.get(bid.bidder_id)
        if person is None:
            raise NotFound(f"there is no user {bid.bidder_id}")
        if person.blocked:
            raise Blocked("this account is blocked: it may read, but not bid")
        if lot.row.seller_id == bid.bidder_id:
            raise OwnAuction(f"auction {lot.id} is your own: sellers do not bid")
        if bid.maximum.currency != lot.row.currency:
            raise Invalid(errors={"maximum.currency": f"must be {lot.row.currency}"})
        verdict = lot.decide(bid.bidder_id, bid.maximum.minor, self._now)
        if isinstance(verdict, Refusal):
            raise explained(lot, verdict)
        if verdict.changed:
            self._accept(lot, verdict, bid, person.username)
        return lot.seq

    def _accept(self, lot: Lot, verdict: Accepted, bid: Bid, username: str) -> None:
        if self._deposits and lot.row.deposit_minor and bid.bidder_id != lot.standing.leader:
            self._secure(self._deposits, lot, bid.bidder_id, leads=verdict.standing.leader == bid.bidder_id)
        lot.accept(verdict, bid.bidder_id, masked(username), bid.maximum.minor, self._now)

    def _secure(self, deposits: Deposits, lot: Lot, bidder_id: int, *, leads: bool) -> None:
        try:
            if leads:
                lot.deposit_hold = deposits.take(lot, bidder_id)
            else:
                deposits.check(lot, bidder_id)
        except InsufficientFunds as error:
            wanted = Money(lot.row.deposit_minor, lot.row.currency)
            raise InsufficientFunds(f"to bid here, your wallet has to hold a deposit of {wanted}") from error

    def write(self, *, commit: bool) -> list[tuple[str, bytes]]:
        """Write what has changed, ending the transaction or not; return the hints to send after its end."""
        self._fields = {lot.id: lot.live_fields() for lot in self._lots.values()}
        changed = [lot for lot in self._lots.values() if lot.entries]
        if not changed:
            return []
        batch = EventBatch(event for lot in changed for event in self._events(lot))
        written = (batch.statement, batch.parameters)
        _saved, rows = execute_together(self._connection, saving(changed), written, commit=commit)
        return batch.hints(rows)

    def _events(self, lot: Lot) -> list[LiveEvent]:
        fields = self._fields[lot.id]
        events = [make_event(self._registry, f"auction:{lot.id}", "auction.bid", lot.news(self._now, fields))]
        before = lot.row.leader_id
        if before is not None and before != lot.standing.leader:
            events.append(make_event(self._registry, f"user:{before}", "auction.outbid", outbid(lot, fields)))
        return events

    def answers(self) -> list[dict[str, Any] | BaseException]:
        """Return one answer per bid: how its auction stands after the flight, or why it was refused."""
        shared = {lot.id: self._shared_answer(lot) for lot in self._lots.values()}
        return [
            verdict if isinstance(verdict, MarketError) else self._answer(bid, verdict, shared[bid.auction_id])
            for bid, verdict in zip(self._bids, self._verdicts, strict=True)
        ]

    def _shared_answer(self, lot: Lot) -> dict[str, Any]:
        fields = self._fields[lot.id]
        told = {name: fields[name] for name in ("price", "bids", "ends_at")}
        least = present_money(next_minimum(lot.terms, lot.standing), lot.row.currency)
        return {"auction_id": lot.id, **told, "next_minimum": least, "server_now": utc(self._now)}

    def _answer(self, bid: Bid, seq: int, shared: dict[str, Any]) -> dict[str, Any]:
        leading = self._lots[bid.auction_id].standing.leader == bid.bidder_id
        maximum = present_money(bid.maximum.minor, bid.maximum.currency)
        return {**shared, "seq": seq, "leading": leading, "maximum": maximum}


def outbid(lot: Lot, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of the event that tells somebody of having lost the lead."""
    return {"auction_id": lot.id, "title": lot.row.title} | {
        name: fields[name] for name in ("price", "next_minimum", "ends_at")
    }


def explained(lot: Lot, refusal: Refusal) -> MarketError:
    """Return the exception that tells a bidder of ``refusal``, with what to do instead."""
    if refusal is Refusal.NOT_STARTED:
        return AuctionNotStarted(f"auction {lot.id} begins later", starts_at=utc(lot.terms.starts_at))
    if refusal is Refusal.OVER:
        return AuctionClosed(f"auction {lot.id} is over", ends_at=utc(lot.standing.ends_at))
    if refusal is Refusal.PAUSED:
        return AuctionPaused(f"auction {lot.id} is paused: bid again when it goes on")
    if refusal is Refusal.BELOW_OWN_MAXIMUM:
        own = present_money(lot.standing.leader_max, lot.row.currency)
        return BidTooLow("you lead with a higher maximum already", next_minimum=own)
    least = Money(next_minimum(lot.terms, lot.standing), lot.row.currency)
    return BidTooLow(f"bid {least} or more", next_minimum=present_money(least.minor, least.currency))


def bid_desk(_context: Any, request: Any) -> BidDesk:
    """Return the process's ``BidDesk``."""
    desk: BidDesk = request.registry["bid desk"]
    return desk
