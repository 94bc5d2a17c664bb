"""Orders: every change of state goes through ``OrderService.move`` - one table, one history row, one event."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.db import clock
from marketcore.db.planning import hide_values
from marketcore.db.session import collided
from marketcore.events import OrderStateChanged
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.ledger.accounts import AccountRef
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore.orders.money import OrderMoney
from marketcore.orders.rules import ADDRESSED, MONEY_HELD, Actor, capacities, check_step, check_way
from marketcore.refunds.services import RefundService
from marketcore.states import ORDER_TRANSITIONS, OrderState, step

log = structlog.get_logger(__name__)

_COLUMNS = """id, reference, checkout_id, buyer_id, seller_id, state, currency, total_minor, commission_minor,
              refunded_minor, disputed_minor, disputed_from, on_delivery, ships, payment_id, paid_at, carrier,
              tracking_number, payment_due_at, release_at, created_at, updated_at"""
_LOCK = text(f"SELECT {_COLUMNS} FROM orders WHERE id = :id FOR UPDATE")
_LOCK_CHECKOUT = text(f"SELECT {_COLUMNS} FROM orders WHERE checkout_id = :id ORDER BY id FOR UPDATE")
_OVERDUE = text(
    f"""SELECT {_COLUMNS} FROM orders o
        WHERE state = 'pending_payment' AND payment_due_at <= market_clock()
          AND NOT EXISTS (SELECT FROM payments p WHERE p.purpose = 'checkout' AND p.reference = o.checkout_id::text
                          AND p.state IN ('created','submitting','pending','unknown','authorized')
                          AND p.expires_at > market_clock())
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"""
)
_RELEASABLE = text(
    f"""SELECT {_COLUMNS} FROM orders WHERE state = 'delivered' AND release_at <= market_clock() AND paid_at IS NOT NULL
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"""
)
_MOVE = text(
    """WITH moved AS (
         UPDATE orders SET state = :state, updated_at = market_clock(), carrier = coalesce(:carrier, carrier),
                tracking_number = coalesce(:tracking_number, tracking_number),
                release_at = coalesce(:release_at, release_at)
         WHERE id = :id RETURNING id)
       INSERT INTO order_history (order_id, seq, previous, state, actor_id, note)
       SELECT :id, coalesce(max(seq), 0) + 1, :previous, :state, :actor, :note
       FROM order_history WHERE order_id = :id"""
)
# Listings are locked in id order wherever stock moves, those of all the orders of a transaction at once.
_LOCK_STOCK = text(
    hide_values(
        """SELECT id FROM listings WHERE id IN (SELECT listing_id FROM stock_reservations WHERE order_id = ANY(:orders))
           ORDER BY id FOR NO KEY UPDATE""",
        orders="bigint[]",
    )
)
_RETURN_STOCK = text(
    """WITH freed AS (
         UPDATE stock_reservations SET state = 'released' WHERE order_id = :order AND state <> 'released'
         RETURNING listing_id, quantity)
       UPDATE listings l SET quantity = l.quantity + freed.quantity FROM freed WHERE l.id = freed.listing_id"""
)
_TAKE_STOCK_AGAIN = text(
    """UPDATE listings l SET quantity = l.quantity - r.quantity FROM stock_reservations r
       WHERE r.order_id = :order AND l.id = r.listing_id AND l.quantity >= r.quantity"""
)
_SHIP_TO = text("SELECT ship_to FROM checkouts WHERE id = :id")
_COUNT_RESERVATIONS = text("SELECT count(*) FROM stock_reservations WHERE order_id = :order")
_SELL = text("UPDATE stock_reservations SET state = 'sold' WHERE order_id = :order")
_PAID = text(
    hide_values(
        "UPDATE orders SET payment_id = :payment, paid_at = market_clock() WHERE id = ANY(:orders)", orders="bigint[]"
    )
)
_GIVEN_BACK = text("UPDATE orders SET refunded_minor = refunded_minor + :minor WHERE id = :id")
_PROMISED = text("UPDATE orders SET payment_id = :payment, on_delivery = true WHERE id = ANY(:orders)")
# Payments come before orders in the global lock order, and their history's end must be known to whoever refunds.
_LOCK_PAYMENT = text("SELECT id FROM payments WHERE id = (SELECT payment_id FROM orders WHERE id = :id) FOR UPDATE")


class OrderService:
    """Moves orders through their life, their stock and money with them."""

    def __init__(
        self, session: Any, ledger: LedgerService, emit: Any, publish: Any, refund: Any, settings: dict[str, Any]
    ) -> None:
        self._refund = refund
        self._session = session
        self._ledger = ledger
        self._money = OrderMoney(ledger)
        self._emit = emit
        self._publish = publish
        self._release_time = timedelta(days=settings["release_days"])
        self._release_on_confirmation = settings["release_on_confirmation"]

    def take_step(self, order_id: int, target: OrderState, identity: Any, **details: str | None) -> None:
        """Take the step to ``target`` on behalf of ``identity``.

        ``details`` may hold ``note``, and for ``shipped`` ``carrier`` and ``tracking_number``. The buyer's word that
        the goods arrived completes a paid order at once where ``orders.release_on_confirmation`` says so.
        """
        order = self.lock(order_id)
        actors = capacities(order, identity)
        check_step(OrderState(order.state), target, actors)
        if target is OrderState.CANCELLED and order.paid_at:
            reason = details.get("note") or "order cancelled"
            self._refund(order.payment_id, order_id=order.id, by=identity.user_id, reason=reason, ends_as=target)
            return
        if target is OrderState.SHIPPED and not details.get("carrier"):
            raise Invalid(errors={"carrier": "say who carries the parcel"})
        if target in ADDRESSED and not self._session.execute(_SHIP_TO, {"id": order.checkout_id}).scalar_one():
            raise Conflict(f"order {order_id} has no address to go to: its buyer has to give the checkout one first")
        self.move(order, target, identity.user_id, **details)
        confirmed = target is OrderState.DELIVERED and Actor.BUYER in actors and order.paid_at is not None
        if confirmed and self._release_on_confirmation:
            self.move(self.lock(order_id), OrderState.COMPLETED, identity.user_id)

    def move(self, order: Any, target: OrderState, actor_id: int | None, **details: str | None) -> None:
        """Make the locked ``order`` become ``target``: state, history, stock, money, event and live event."""
        previous = OrderState(order.state)
        step(ORDER_TRANSITIONS, previous, target)
        check_way(target, ships=order.ships)
        if target is OrderState.COMPLETED and order.paid_at is None:
            raise Conflict(f"order {order.id} is not paid yet: confirm the cash first")
        self._session.execute(_MOVE, self._move_parameters(order, previous, target, actor_id, details))
        if target in (OrderState.CANCELLED, OrderState.EXPIRED):
            self._lock_stock([order])
            self._session.execute(_RETURN_STOCK, {"order": order.id})
        if target is OrderState.COMPLETED and previous in MONEY_HELD:
            self._money.release(order)
        self._emit(OrderStateChanged(order.id, order.buyer_id, order.seller_id, previous, target, actor_id))
        self._publish(f"order:{order.id}", f"order.{target}", {"order_id": order.id, "status": str(target)})

    def pay(self, checkout_id: int, payment_id: Any, amount: Money, clearing: Any) -> bool:
        """Let the money of a captured payment stand for every order of the checkout that awaits it.

        Orders that expired meanwhile take their stock again; ``False`` if any of them cannot, or the money is not
        what they cost together, and then nothing has changed.
        """
        orders = self._unpaid(checkout_id, payment_id)
        if sum(order.total_minor for order in orders) != amount.minor or orders[0].currency != amount.currency:
            return False
        expired = [order for order in orders if order.state == "expired"]
        self._lock_stock(expired)
        with self._session.begin_nested() as savepoint:
            if not all(self._stock_again(order) for order in expired):
                savepoint.rollback()
                return False
        for order in orders:
            self._session.execute(_SELL, {"order": order.id})
        self._money.hold(orders, payment_id, clearing)
        self._session.execute(_PAID, {"payment": payment_id, "orders": [order.id for order in orders]})
        for order in orders:
            if not order.on_delivery:
                self.move(order, OrderState.PAID, None)
        return True

    def promise(self, checkout_id: int, payment_id: Any) -> bool:
        """Let the checkout's order be carried out before it is paid; ``False`` for several sellers, and for work."""
        orders = self._unpaid(checkout_id, payment_id)
        if len(orders) != 1 or orders[0].state != "pending_payment" or not orders[0].ships:
            return False
        self._session.execute(_SELL, {"order": orders[0].id})
        self._session.execute(_PROMISED, {"payment": payment_id, "orders": [orders[0].id]})
        self.move(orders[0], OrderState.CONFIRMED, None, note="to be paid on delivery")
        return True

    def give_back(self, order_id: int, minor: int | None, refund_id: UUID, to: AccountRef, ends_as: str) -> int:
        """Move ``minor`` units of an order's money (``None``: what is left of it) to ``to``; return how many.

        An order of which nothing is left becomes ``ends_as``. ``Conflict`` says why that much cannot go back.
        """
        order = self.lock(order_id)
        left = order.total_minor - order.refunded_minor - order.disputed_minor
        minor = left if minor is None else minor
        if order.paid_at is None or order.state == OrderState.DISPUTED or not 0 < minor <= left:
            money = Money(left if order.paid_at else 0, order.currency)
            raise Conflict(f"order {order_id} is {order.state} and {money} of it can be refunded")
        self._money.take_back(order, minor, "refund", refund_id, to)
        self._session.execute(_GIVEN_BACK, {"id": order_id, "minor": minor})
        if minor + order.refunded_minor == order.total_minor:
            self.move(order, OrderState(ends_as), None, note="refunded")
        return minor

    def _unpaid(self, checkout_id: int, payment_id: Any) -> list[Any]:
        """Return the locked orders of a checkout that this payment can pay."""
        return [
            order
            for order in self._session.execute(_LOCK_CHECKOUT, {"id": checkout_id})
            if order.state in ("pending_payment", "expired")
            or (
                order.on_delivery and order.payment_id == payment_id and not order.paid_at and order.state in MONEY_HELD
            )
        ]

    def expire_overdue(self, limit: int = 100) -> int:
        """Expire unpaid orders past their deadline and return their stock; return how many."""
        orders = list(self._session.execute(_OVERDUE, {"limit": limit}))
        self._lock_stock(orders)
        # What follows for their buyers locks accounts: in one order, whoever else expires others of theirs.
        orders.sort(key=lambda order: order.buyer_id)
        return self._move_each(orders, OrderState.EXPIRED, "not paid in time")

    def release_delivered(self, limit: int = 100) -> int:
        """Complete delivered orders whose time for objections has passed; return how many."""
        orders = list(self._session.execute(_RELEASABLE, {"limit": limit}))
        self._ledger.lock(self._money.accounts(orders))
        return self._move_each(orders, OrderState.COMPLETED, "released after delivery")

    def _move_each(self, orders: list[Any], target: OrderState, note: str) -> int:
        """Move each order by itself: one that cannot move must not keep the others' goods and money."""
        moved = 0
        for order in orders:
            try:
                with self._session.begin_nested():
                    self.move(order, target, None, note=note)
                moved += 1
            except Exception as error:
                if collided(error):
                    raise
                log.exception("order_deadline_failed", order_id=order.id, target=str(target))
        return moved

    def _lock_stock(self, orders: Iterable[Any]) -> None:
        self._session.execute(_LOCK_STOCK, {"orders": [order.id for order in orders]})

    def lock(self, order_id: int) -> Any:
        """Lock an order, its payment first, until the end of the transaction; ``NotFound`` if there is none."""
        self._session.execute(_LOCK_PAYMENT, {"id": order_id})
        order = self._session.execute(_LOCK, {"id": order_id}).first()
        if order is None:
            raise NotFound(f"there is no order {order_id} of yours")
        return order

    def _move_parameters(
        self, order: Any, previous: OrderState, target: OrderState, actor_id: int | None, details: dict[str, str | None]
    ) -> dict[str, Any]:
        delivered = target is OrderState.DELIVERED and previous is OrderState.SHIPPED
        return {
            "id": order.id,
            "previous": previous,
            "state": target,
            "actor": actor_id,
            "note": details.get("note") or "",
            "carrier": details.get("carrier"),
            "tracking_number": details.get("tracking_number"),
            "release_at": clock.now(self._session) + self._release_time if delivered else None,
        }

    def _stock_again(self, order: Any) -> bool:
        taken = self._session.execute(_TAKE_STOCK_AGAIN, {"order": order.id}).rowcount
        return bool(taken == self._session.execute(_COUNT_RESERVATIONS, {"order": order.id}).scalar_one())


def order_service(_context: Any, request: Any) -> OrderService:
    """Return the request's ``OrderService``."""
    from marketcore.settings import section

    def refund(*given: Any, **named: Any) -> Any:
        return request.find_service(RefundService).request(*given, **named)

    ledger = request.find_service(LedgerService)
    return OrderService(request.db, ledger, request.emit, request.publish, refund, section(request.registry, "orders"))
