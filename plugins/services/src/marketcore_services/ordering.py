"""Orders of services: placed on the core's orders, worked on by jobs, completed when they are due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from marketcore.catalog.unlisted import UnlistedGoods
from marketcore.db import clock
from marketcore.exceptions import Conflict, NotFound
from marketcore.money import Money
from marketcore.orders.checkout import CheckoutService
from marketcore.orders.services import OrderService
from marketcore.settings import section
from marketcore.states import OrderState
from marketcore_services.events import ServiceOrdered
from marketcore_services.rules import check_minimum, title_of

# The variant stays as it is until the order is placed, and its service approved.
_OFFERED = text(
    """SELECT v.id, v.service_id, v.name, v.currency, v.price_minor, v.duration_minutes, v.listing_id, s.vendor_id,
              s.name AS service_name, s.category_id
       FROM services_variants v JOIN services_services s ON s.id = v.service_id
       WHERE v.id = :variant AND s.vendor_id = :vendor AND s.approved FOR NO KEY UPDATE OF v FOR SHARE OF s"""
)
_LIST = text("UPDATE services_variants SET listing_id = :listing WHERE id = :id")
_KEEP = text(
    """INSERT INTO services_orders (order_id, service_id, variant_id, service_name, variant_name, duration_minutes)
       VALUES (:order, :service, :variant, :service_name, :variant_name, :duration)"""
)
_READ = text("SELECT duration_minutes, started_at, due_at FROM services_orders WHERE order_id = :order")
_START = text("UPDATE services_orders SET started_at = :now, due_at = :due WHERE order_id = :order")
# What a job should have done a minute ago and no job is there for: this plugin was not enabled when it was due.
_LEFT_LYING = text(
    """SELECT o.id, o.state FROM services_orders w JOIN orders o ON o.id = w.order_id
       WHERE ((o.state = 'paid' AND o.updated_at < market_clock() - interval '1 minute')
           OR (o.state = 'processing' AND coalesce(w.due_at, o.updated_at) < market_clock() - interval '1 minute'))
         AND NOT EXISTS (SELECT FROM jobs j WHERE j.name IN ('services.start_processing', 'services.complete')
                           AND CAST(j.arguments ->> 'order_id' AS bigint) = o.id)
       ORDER BY o.id LIMIT :limit"""
)
KIND = "service"


class ServiceOrders:
    """Places orders of variants and lets the work on them go on."""

    def __init__(self, session: Any, goods: UnlistedGoods, checkout: CheckoutService, emit: Any) -> None:
        self._session = session
        self._goods = goods
        self._checkout = checkout
        self._emit = emit

    def place(self, buyer_id: int, vendor_id: int, variant_id: int, minimums: Mapping[str, int]) -> int:
        """Order a variant at its price of this moment and return the checkout's id, which awaits payment.

        ``NotFound`` unless an approved service of that vendor has that variant, ``BelowMinimum`` for too little.
        """
        variant = self._session.execute(_OFFERED, {"variant": variant_id, "vendor": vendor_id}).first()
        if variant is None:
            raise NotFound(f"vendor {vendor_id} offers no service variant {variant_id}")
        if vendor_id == buyer_id:
            raise Conflict(f"service {variant.service_id} is your own")
        price = Money(variant.price_minor, variant.currency)
        check_minimum(price, minimums)
        order = self._checkout.award(
            buyer_id, self._listing(variant, price), price.minor, None, note=KIND, binding=False, ships=False
        )
        self._keep(order.id, variant)
        self._emit(ServiceOrdered(order.id, variant.service_id, variant.id, vendor_id, buyer_id))
        checkout_id: int = order.checkout_id
        return checkout_id

    def _listing(self, variant: Any, price: Money) -> int:
        listing_id = self._goods.keep(
            variant.vendor_id,
            KIND,
            title_of(variant.service_name, variant.name),
            price,
            category_id=variant.category_id,
            listing_id=variant.listing_id,
        )
        if variant.listing_id is None:
            self._session.execute(_LIST, {"id": variant.id, "listing": listing_id})
        return listing_id

    def _keep(self, order_id: int, variant: Any) -> None:
        row = {
            "order": order_id,
            "service": variant.service_id,
            "variant": variant.id,
            "service_name": variant.service_name,
            "variant_name": variant.name,
            "duration": variant.duration_minutes,
        }
        self._session.execute(_KEEP, row)


class Workshop:
    """Lets paid work begin and end. Everything may be asked for any number of times, by whoever restarts."""

    def __init__(self, session: Any, orders: OrderService, enqueue: Callable[..., Any], settings: Any) -> None:
        self._session = session
        self._orders = orders
        self._enqueue = enqueue
        self._usual = timedelta(seconds=settings["processing_seconds"])
        self._by_variant = settings["wait_for_duration"]

    def go_on(self, order_id: int, state: str) -> None:
        """Write the job that an order of work in ``state`` needs next; nothing for other orders and states."""
        if state not in (OrderState.PAID, OrderState.PROCESSING):
            return
        work = self._session.execute(_READ, {"order": order_id}).first()
        if work is None:
            return
        if state == OrderState.PAID:
            self._enqueue("services.start_processing", order_id=order_id)
        else:
            self._enqueue_completion(order_id, work)

    def start(self, order_id: int) -> None:
        """Let the work on a paid order begin; one that is not paid (any more) stays as it is."""
        order = self._orders.lock(order_id)
        if order.state == OrderState.PAID:
            self._orders.move(order, OrderState.PROCESSING, None, note="the work has begun")

    def complete(self, order_id: int) -> None:
        """Complete an order whose work is due; one that is not being worked on stays as it is."""
        order = self._orders.lock(order_id)
        if order.state != OrderState.PROCESSING:
            return
        work = self._session.execute(_READ, {"order": order_id}).one()
        if work.due_at is None or work.due_at > clock.now(self._session):
            self._enqueue_completion(order_id, work)
        else:
            self._orders.move(order, OrderState.COMPLETED, None, note="the work is done")

    def catch_up(self, limit: int) -> int:
        """Write the jobs of orders that were left lying; return how many."""
        rows = self._session.execute(_LEFT_LYING, {"limit": limit}).all()
        for row in rows:
            self.go_on(row.id, row.state)
        return len(rows)

    def _enqueue_completion(self, order_id: int, work: Any) -> None:
        now = clock.now(self._session)
        due = work.due_at
        if due is None:
            due = now + self._time_for(work)
            self._session.execute(_START, {"order": order_id, "now": now, "due": due})
        self._enqueue("services.complete", order_id=order_id, delay_seconds=max(0.0, (due - now).total_seconds()))

    def _time_for(self, work: Any) -> timedelta:
        if self._by_variant and work.duration_minutes:
            return timedelta(minutes=work.duration_minutes)
        return self._usual


def service_orders(_context: Any, request: Any) -> ServiceOrders:
    """Return the request's ``ServiceOrders``."""
    goods, checkout = request.find_service(UnlistedGoods), request.find_service(CheckoutService)
    return ServiceOrders(request.db, goods, checkout, request.emit)


def workshop(_context: Any, request: Any) -> Workshop:
    """Return the request's ``Workshop``."""
    orders = request.find_service(OrderService)
    return Workshop(request.db, orders, request.enqueue, section(request.registry, "services"))
