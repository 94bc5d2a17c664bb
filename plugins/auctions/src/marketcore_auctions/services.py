"""What happens to auctions besides bids: their end, purchases, awards, retractions and cancellations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import text

from marketcore.db import clock
from marketcore.db.session import collided
from marketcore.events import ListingPublished
from marketcore.exceptions import Blocked, Conflict, NotFound
from marketcore.money import Money
from marketcore.orders.awards import CartAwards
from marketcore.orders.checkout import CheckoutService
from marketcore.testing.crash import crash_point
from marketcore.web.json import present_money, utc
from marketcore_auctions.bidding import Award, award, can_buy_now, is_over, reserve_met, standing_of
from marketcore_auctions.deposits import Deposits
from marketcore_auctions.events import AuctionClosed as AuctionClosedFact
from marketcore_auctions.events import AuctionWon, AwardDefaulted, LotHeld
from marketcore_auctions.lots import Lot, bests_of, lock_lots, save
from marketcore_auctions.opening import open_again
from marketcore_auctions.refusals import AuctionClosed, AuctionNotStarted, HasBids, OwnAuction, TooLateToRetract
from marketcore_auctions.rules import masked, may_retract
from marketcore_auctions.telling import Teller

log = structlog.get_logger(__name__)

# A clock that is read once, by a query of its own, lets the index of open auctions stop at the first that is not over.
_DUE = text(
    """SELECT listing_id FROM auctions_standings
       WHERE state = 'open' AND ends_at <= (SELECT market_clock()) AND listing_id <> ALL(CAST(:failed AS bigint[]))
       ORDER BY ends_at, listing_id LIMIT :limit FOR UPDATE SKIP LOCKED"""
)
_LISTING = text("UPDATE listings SET state = :state, price_minor = :price WHERE id = :id")
_SOLD = text("UPDATE listings SET state = 'closed' WHERE id = :id")
# The expired order has put the piece back. Money that comes for it after all must not find it there any more.
_GIVE_UP = text("UPDATE listings SET quantity = 0 WHERE id = :id")
_AWARD = text(
    """INSERT INTO auctions_awards
         (auction_id, round, bidder_id, price_minor, order_id, cart_award_id, due_at, deposit_hold)
       VALUES (:auction, :round, :bidder, :price, :order, :cart_award, :due, :hold)"""
)
_AWARDS_OF = text("SELECT * FROM auctions_awards WHERE order_id = :order ORDER BY auction_id FOR UPDATE")
_AUCTIONS_OF = text("SELECT auction_id FROM auctions_awards WHERE order_id = :order")
_AWARD_IN_CART = text("SELECT * FROM auctions_awards WHERE cart_award_id = :award FOR UPDATE")
_AUCTION_IN_CART = text("SELECT auction_id FROM auctions_awards WHERE cart_award_id = :award")
_ORDERED = text("UPDATE auctions_awards SET order_id = :order WHERE cart_award_id = :award")
_AWARD_STATE = text("UPDATE auctions_awards SET state = :state, deposit_hold = NULL WHERE id = :id")
_AWARDED = text("SELECT bidder_id FROM auctions_awards WHERE auction_id = :auction")
_BLOCKED = text("SELECT id FROM users WHERE id = ANY(CAST(:ids AS bigint[])) AND blocked_at IS NOT NULL")
_USER = text("SELECT id, username, blocked_at IS NOT NULL AS blocked FROM users WHERE id = :id")
_ORDER = text(
    """SELECT o.state, h.actor_id FROM orders o JOIN order_history h ON h.order_id = o.id
       WHERE o.id = :id ORDER BY h.seq DESC LIMIT 1"""
)
_WATCH = text(
    """INSERT INTO auctions_interests (user_id, auction_id, watching)
       SELECT :user, listing_id, :watching FROM auctions_auctions WHERE listing_id = :auction
       ON CONFLICT (user_id, auction_id) DO UPDATE SET watching = excluded.watching RETURNING auction_id"""
)


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that an award has become, to be paid until ``due_at``."""

    order_id: int
    checkout_id: int
    price: Money
    due_at: datetime


class AuctionService:
    """Ends auctions and awards their lots, each change with its entry in the log."""

    def __init__(
        self,
        session: Any,
        checkout: CheckoutService,
        carts: CartAwards,
        emit: Any,
        publish: Any,
        settings: dict[str, Any],
    ) -> None:
        self._session = session
        self._checkout = checkout
        self._carts = carts
        self._deposits = Deposits(session)
        self._emit = emit
        self._publish = publish
        self._teller = Teller(session, emit, publish)
        self._payment_time = timedelta(minutes=settings["payment_minutes"])
        self._second_chances = settings["second_chances"]
        self._retraction_hours = settings["retraction_hours"]

    def close_due(self, limit: int = 50, failed: set[int] | None = None) -> int:
        """Close auctions whose time is up; return how many. Those that somebody else closes are left to them.

        Those in ``failed`` are left out, and one that cannot be closed is put into it: it keeps no other open.
        """
        failed = set() if failed is None else failed
        ids = list(self._session.execute(_DUE, {"limit": limit, "failed": list(failed)}).scalars())
        closed = 0
        for auction_id, lot in lock_lots(self._session, ids).items():
            try:
                with self._session.begin_nested():
                    closed += self._close_if_over(lot)
            except Exception as error:
                if collided(error):
                    raise
                failed.add(auction_id)
                log.exception("auction_not_closed", auction_id=auction_id)
        crash_point("auctions.closed")
        return closed

    def close(self, auction_id: int) -> bool:
        """Close one auction if its time is up; return whether this call did it."""
        return self._close_if_over(self._lock(auction_id))

    def _close_if_over(self, lot: Lot) -> bool:
        # The lock may have been waited for: what was due before may have been extended, or closed.
        now = clock.now(self._session)
        if lot.state != "open" or not is_over(lot.standing, now):
            return False
        self.end(lot, now)
        return True

    def end(self, lot: Lot, now: datetime) -> None:
        """Close a locked auction whose time is up at ``now``: award its lot, or end it unsold."""
        self._teller.tell_bids_of(lot.id)
        blocked = self._blocked([lot.standing.leader]) if lot.standing.leader else set()
        if blocked:
            won, without = self._next_award(lot, set())
        else:
            met = reserve_met(lot.terms, lot.standing)
            won, without = (Award(lot.standing.leader, lot.price_minor) if met else None), set()
        if won is None or won.bidder != lot.standing.leader:
            self._release(lot)
        if won is None:
            self._end_unsold(lot, now, without=without)
            return
        lot.close("sold")
        self._award(lot, won, 1, without, now)
        self._told_closed(lot, won, now)

    def _award(self, lot: Lot, won: Award, round: int, without: Collection[Any], now: datetime) -> None:
        """Note the award in the log and order the lot for whoever won it, or put it into their cart."""
        winner: Any = won.bidder
        left_out = tuple(sorted(str(lot.pseudonym(bidder)) for bidder in without))
        lot.note("awarded", now, bidder_id=winner, price=won.price_minor, round=round, without=left_out)
        if lot.row.hold_minutes is None:
            self._order(lot, won, round, now)
        else:
            self._hold(lot, won, round, now)

    def _hold(self, lot: Lot, won: Award, round: int, now: datetime) -> None:
        winner: Any = won.bidder
        save(self._session, [lot])
        due = now + timedelta(minutes=lot.row.hold_minutes)
        self._set_listing(lot, "paused", won.price_minor)
        held = self._carts.hold(winner, lot.id, won.price_minor, due)
        self._note_award(lot, won, round, due, cart_award=held)
        self._emit(LotHeld(lot.id, winner, Money(won.price_minor, lot.row.currency), due))

    def _order(self, lot: Lot, won: Award, round: int, now: datetime) -> Placed:
        winner: Any = won.bidder
        save(self._session, [lot])
        due = now + self._payment_time
        self._set_listing(lot, "paused", won.price_minor)
        order = self._checkout.award(
            winner, lot.id, won.price_minor, due, note=f"auction {lot.id}, round {round}", binding=round == 1
        )
        self._note_award(lot, won, round, due, order=order.id)
        placed = Placed(order.id, order.checkout_id, Money(won.price_minor, lot.row.currency), due)
        self._tell_winner(lot, winner, placed, round)
        return placed

    def _note_award(self, lot: Lot, won: Award, round: int, due: datetime, **where: int) -> None:
        """Write the award, with the ``order`` or the ``cart_award`` that it has become."""
        row = {"auction": lot.id, "round": round, "bidder": won.bidder, "price": won.price_minor, "due": due}
        hold = lot.deposit_hold if won.bidder == lot.standing.leader else None
        self._session.execute(_AWARD, {"order": None, "cart_award": None, **row, **where, "hold": hold})

    def _tell_winner(self, lot: Lot, winner: int, placed: Placed, round: int) -> None:
        self._emit(AuctionWon(lot.id, winner, placed.order_id, placed.price, placed.due_at, round))
        self._publish(
            f"user:{winner}",
            "auction.won",
            {
                "auction_id": lot.id,
                "title": lot.row.title,
                "order_id": placed.order_id,
                "checkout_id": placed.checkout_id,
                "price": present_money(placed.price.minor, placed.price.currency),
                "due_at": utc(placed.due_at),
                "round": round,
            },
        )

    def _end_unsold(self, lot: Lot, now: datetime, *, without: Collection[Any] = ()) -> None:
        lot.close("unsold")
        left_out = tuple(sorted(str(lot.pseudonym(bidder)) for bidder in without))
        lot.note("unsold", now, without=left_out)
        save(self._session, [lot])
        self._set_listing(lot, "closed", lot.price_minor)
        self._told_closed(lot, None, now)

    def _told_closed(self, lot: Lot, won: Award | None, now: datetime) -> None:
        price = None if won is None else Money(won.price_minor, lot.row.currency)
        self._emit(AuctionClosedFact(lot.id, lot.row.seller_id, lot.outcome or "", price))
        self._publish(
            f"auction:{lot.id}",
            "auction.closed",
            {
                "auction_id": lot.id,
                "outcome": lot.outcome,
                "price": present_money(price.minor, price.currency) if price else None,
                "winner": self._winner_document(lot, won),
                "log_head": lot.head,
                "server_now": utc(now),
            },
        )

    def _winner_document(self, lot: Lot, won: Award | None) -> dict[str, Any] | None:
        if won is None:
            return None
        winner: Any = won.bidder
        name = self._session.execute(_USER, {"id": winner}).one().username
        return {"name": masked(name), "bidder": lot.pseudonym(winner)}

    def buy_now(self, auction_id: int, buyer_id: int) -> Placed:
        """Sell the lot at its buy-now price. ``Conflict`` says why it cannot be."""
        lot = self._lock(auction_id)
        now = clock.now(self._session)
        self._check_running(lot, now)
        buyer = self._session.execute(_USER, {"id": buyer_id}).one()
        if buyer.blocked:
            raise Blocked("this account is blocked: it may read, but not buy")
        if lot.row.seller_id == buyer_id:
            raise OwnAuction(f"auction {lot.id} is your own")
        if not can_buy_now(lot.terms, lot.standing):
            raise Conflict(f"auction {lot.id} cannot be bought at once (any more): bid for it")
        won = Award(buyer_id, lot.terms.buy_now_minor or 0)
        self._teller.tell_bids_of(lot.id)
        self._release(lot)
        lot.close("sold")
        lot.note("bought", now, bidder_id=buyer_id, name=masked(buyer.username), price=won.price_minor)
        placed = self._order(lot, won, 1, now)
        self._told_closed(lot, won, now)
        return placed

    def cancel(self, auction_id: int, identity: Any) -> None:
        """Call an auction off: its seller before the first bid, an admin at any time before its end."""
        lot = self._lock(auction_id)
        now = clock.now(self._session)
        admin = "admin" in identity.roles
        if lot.row.seller_id != identity.user_id and not admin:
            raise NotFound(f"you have no auction {auction_id}")
        if lot.state != "open" or is_over(lot.standing, now):
            raise AuctionClosed(f"auction {auction_id} is over")
        if lot.standing.bids and not admin:
            raise HasBids(f"auction {auction_id} has {lot.standing.bids} bids: it can no longer be cancelled")
        self.call_off(lot, now)

    def call_off(self, lot: Lot, now: datetime) -> None:
        """Cancel a locked auction that is running, or paused, at ``now``."""
        self._teller.tell_bids_of(lot.id)
        self._release(lot)
        lot.close("cancelled")
        lot.note("cancelled", now)
        save(self._session, [lot])
        self._set_listing(lot, "closed", lot.price_minor)
        self._emit(AuctionClosedFact(lot.id, lot.row.seller_id, "cancelled", None))
        self._publish(f"auction:{lot.id}", "auction.cancelled", {"auction_id": lot.id, "server_now": utc(now)})

    def retract(self, auction_id: int, bidder_id: int) -> None:
        """Take all bids of a bidder back, while the end is far enough away; the price is decided anew."""
        lot = self._lock(auction_id)
        now = clock.now(self._session)
        self._check_running(lot, now)
        bests, names = bests_of(self._session, auction_id)
        if bidder_id not in bests:
            raise Conflict(f"you have no bid in auction {auction_id}")
        if lot.terms.conducted or lot.standing.ends_at is None:
            raise TooLateToRetract("its seller may end this auction at any moment: bids stand")
        if not may_retract(now, lot.standing.ends_at, self._retraction_hours):
            raise TooLateToRetract(f"bids can be retracted until {self._retraction_hours} hours before the end")
        lot.standing = standing_of(bests, lot.standing, without={bidder_id})
        lot.leader_name = names.get(lot.standing.leader, "")
        if lot.row.leader_id == bidder_id and lot.row.deposit_minor:
            self._deposits.pass_on(lot)
        lot.note("retracted", now, bidder_id=bidder_id, name=names[bidder_id])
        save(self._session, [lot])
        self._publish(f"auction:{lot.id}", "auction.retracted", lot.news(now))

    def watch(self, auction_id: int, user_id: int, *, watching: bool) -> None:
        """Begin or cease to watch an auction."""
        values = {"user": user_id, "auction": auction_id, "watching": watching}
        if self._session.execute(_WATCH, values).first() is None:
            raise NotFound(f"there is no auction {auction_id}")

    def settle_paid(self, order_id: int) -> None:
        """The order of awards is paid: the sales are final, the deposits free."""
        for won in self._session.execute(_AWARDS_OF, {"order": order_id}).all():
            if won.state == "pending":
                self._session.execute(_AWARD_STATE, {"id": won.id, "state": "paid"})
                self._session.execute(_SOLD, {"id": won.auction_id})
                self._deposits.release(won.deposit_hold)

    def settle_unpaid(self, order_id: int) -> None:
        """The order of awards ended unpaid: deposits are forfeited and the lots go on, as their terms say."""
        lots = lock_lots(self._session, self._session.execute(_AUCTIONS_OF, {"order": order_id}).scalars())
        awards = self._session.execute(_AWARDS_OF, {"order": order_id}).all()
        order = self._session.execute(_ORDER, {"id": order_id}).one()
        if order.state in ("expired", "cancelled"):
            for won in [won for won in awards if won.state == "pending"]:
                self._settle_unpaid(lots[won.auction_id], won, order)

    def _settle_unpaid(self, lot: Lot, won: Any, order: Any) -> None:
        # A seller or an admin who calls the sale off is nobody's default.
        withdrawn = order.state == "cancelled" and order.actor_id != won.bidder_id
        self._session.execute(_AWARD_STATE, {"id": won.id, "state": "withdrawn" if withdrawn else "defaulted"})
        now = clock.now(self._session)
        if withdrawn:
            self._deposits.release(won.deposit_hold)
            self._end_unsold(lot, now)
            return
        self._default(lot, won, now)

    def _default(self, lot: Lot, won: Any, now: datetime) -> None:
        self._deposits.forfeit(won.deposit_hold)
        self._emit(AwardDefaulted(lot.id, won.bidder_id, won.order_id, won.round))
        self._go_on(lot, won.round, now)

    def note_ordered(self, cart_award_id: int, order_id: int) -> None:
        """What was held in a cart has been ordered."""
        self._session.execute(_ORDERED, {"award": cart_award_id, "order": order_id})

    def settle_unordered(self, cart_award_id: int) -> None:
        """What was held in a cart was not ordered: the lot goes on, as its terms say."""
        lot = self._lock(self._session.execute(_AUCTION_IN_CART, {"award": cart_award_id}).scalar_one())
        won = self._session.execute(_AWARD_IN_CART, {"award": cart_award_id}).one()
        if won.state == "pending":
            self._session.execute(_AWARD_STATE, {"id": won.id, "state": "defaulted"})
            self._default(lot, won, clock.now(self._session))

    def _go_on(self, lot: Lot, round: int, now: datetime) -> None:
        awarded = set(self._session.execute(_AWARDED, {"auction": lot.id}).scalars())
        without: Collection[Any] = awarded
        if lot.row.if_unpaid == "second_chance" and round <= self._second_chances:
            won, without = self._next_award(lot, awarded)
            if won is not None:
                lot.deposit_hold = None
                self._award(lot, won, round + 1, without, now)
                self._told_closed(lot, won, now)
                return
        lot.deposit_hold = None
        self._end_unsold(lot, now, without=without)
        self._session.execute(_GIVE_UP, {"id": lot.id})
        if lot.row.if_unpaid != "end" and lot.row.relists_left > 0:
            listing_id = open_again(self._session, lot.row, now)
            if listing_id is not None:
                self._emit(ListingPublished(listing_id, "auction"))

    def _next_award(self, lot: Lot, without: set[Any]) -> tuple[Award | None, set[Any]]:
        """Return who gets the lot among those who are not left out or blocked, and everybody left out."""
        bests, _names = bests_of(self._session, lot.id)
        without = without | self._blocked(list(bests))
        return award(lot.terms, bests, without), without

    def _blocked(self, user_ids: list[Any]) -> set[Any]:
        return set(self._session.execute(_BLOCKED, {"ids": user_ids}).scalars())

    def _release(self, lot: Lot) -> None:
        self._deposits.release(lot.deposit_hold)
        lot.deposit_hold = None

    def _set_listing(self, lot: Lot, state: str, price_minor: int) -> None:
        self._session.execute(_LISTING, {"id": lot.id, "state": state, "price": price_minor})

    def _check_running(self, lot: Lot, now: datetime) -> None:
        if lot.state != "open" or is_over(lot.standing, now):
            raise AuctionClosed(f"auction {lot.id} is over")
        if now < lot.terms.starts_at:
            raise AuctionNotStarted(f"auction {lot.id} begins later", starts_at=utc(lot.terms.starts_at))

    def _lock(self, auction_id: int) -> Lot:
        lot = lock_lots(self._session, [auction_id]).get(auction_id)
        if lot is None:
            raise NotFound(f"there is no auction {auction_id}")
        return lot


def auction_service(_context: Any, request: Any) -> AuctionService:
    """Return the request's ``AuctionService``."""
    from marketcore.settings import section

    checkout, carts = request.find_service(CheckoutService), request.find_service(CartAwards)
    settings = section(request.registry, "auctions")
    return AuctionService(request.db, checkout, carts, request.emit, request.publish, settings)
