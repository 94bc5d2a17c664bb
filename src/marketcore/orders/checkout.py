"""Checkout: a cart becomes one order per seller, its stock reserved, in one transaction; so does an award."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from marketcore.db import clock
from marketcore.events import OrderPlaced
from marketcore.exceptions import Conflict, NotFound, OutOfStock
from marketcore.money import Money
from marketcore.orders.rules import UNPACKED, CartLine, check_award, check_price, split_by_seller
from marketcore.states import OrderState

# Two checkouts of one cart must not both find its items: the second waits here, and then finds none.
_LOCK_CART = text(
    """SELECT listing_id, quantity, award_minor, priced_at FROM cart_items
       WHERE user_id = :buyer ORDER BY listing_id FOR UPDATE"""
)
# The listings are locked in id order, here and wherever stock comes back.
_LOCK_LISTINGS = text(
    """SELECT l.id AS listing_id, l.product_id, l.seller_id, p.title, l.state, l.currency,
              coalesce(w.agreed_minor, l.price_minor) AS unit_minor, w.quantity AS wanted, l.quantity AS left,
              CASE WHEN w.agreed_minor IS NULL THEN l.offer_minor END AS offer_minor,
              CASE WHEN w.agreed_minor IS NULL THEN l.offer_until END AS offer_until,
              CASE WHEN w.agreed_minor IS NULL THEN l.offer_ended_at END AS offer_ended_at,
              coalesce((SELECT r.basis_points FROM commission_rates r
                        WHERE (r.seller_id = l.seller_id OR r.seller_id IS NULL)
                          AND (r.category_id = p.category_id OR r.category_id IS NULL)
                        ORDER BY r.seller_id IS NULL, r.category_id IS NULL LIMIT 1), :commission) AS commission_bp
       FROM unnest(CAST(:listings AS bigint[]), CAST(:quantities AS int[]), CAST(:agreed AS bigint[]))
            AS w(listing_id, quantity, agreed_minor)
       JOIN listings l ON l.id = w.listing_id JOIN products p ON p.id = l.product_id
       ORDER BY l.id FOR NO KEY UPDATE OF l"""
)
# One statement takes the stock and writes everything; it reads the clock itself, for the listings are locked by now.
_PLACE = text(
    """WITH reserved AS (
         UPDATE listings l SET quantity = l.quantity - w.quantity
         FROM unnest(CAST(:listings AS bigint[]), CAST(:quantities AS int[])) AS w(id, quantity)
         WHERE l.id = w.id AND l.quantity >= w.quantity RETURNING l.id),
       payment AS MATERIALIZED (
         SELECT coalesce(CAST(:due AS timestamptz), market_clock() + make_interval(mins => :minutes)) AS due),
       placed AS (
         INSERT INTO checkouts (buyer_id, currency, total_minor, origin, ship_to, expires_at)
         SELECT :buyer, :currency, :total, :origin, CAST(:ship_to AS jsonb), due FROM payment RETURNING id, expires_at),
       ordered AS (
         INSERT INTO orders (checkout_id, buyer_id, seller_id, state, ships, currency, total_minor, commission_minor,
                             payment_due_at)
         SELECT placed.id, :buyer, s.seller_id, :state, :ships, :currency, s.total, s.commission, placed.expires_at
         FROM placed, unnest(CAST(:sellers AS bigint[]), CAST(:totals AS bigint[]), CAST(:commissions AS bigint[]))
              AS s(seller_id, total, commission)
         RETURNING id, checkout_id, seller_id, total_minor),
       lines AS (
         INSERT INTO order_lines (order_id, listing_id, product_id, title, quantity, unit_minor, total_minor,
                                  commission_bp)
         SELECT ordered.id, n.listing_id, n.product_id, n.title, n.quantity, n.unit, n.unit * n.quantity,
                n.rate
         FROM unnest(CAST(:line_sellers AS bigint[]), CAST(:listings AS bigint[]), CAST(:products AS bigint[]),
                     CAST(:titles AS text[]), CAST(:quantities AS int[]), CAST(:units AS bigint[]),
                     CAST(:rates AS int[]))
              AS n(seller_id, listing_id, product_id, title, quantity, unit, rate)
         JOIN ordered ON ordered.seller_id = n.seller_id
         RETURNING id, order_id, listing_id, quantity),
       held AS (
         INSERT INTO stock_reservations (line_id, order_id, listing_id, quantity, state, expires_at)
         SELECT lines.id, order_id, listing_id, quantity, 'held', expires_at FROM lines, placed),
       told AS (
         INSERT INTO order_history (order_id, seq, previous, state, actor_id, note)
         SELECT id, 1, NULL, :state, :buyer, :note FROM ordered),
       emptied AS (
         DELETE FROM cart_items
         WHERE :origin = 'cart' AND user_id = :buyer AND listing_id = ANY(CAST(:listings AS bigint[])))
       SELECT id, checkout_id, seller_id, total_minor, (SELECT count(*) FROM reserved) AS reserved
       FROM ordered ORDER BY id"""
)
_READ = text(
    "SELECT id, buyer_id, currency, total_minor, ship_to, created_at, expires_at FROM checkouts WHERE id = :id"
)
_ORDERS = text("SELECT id, state FROM orders WHERE checkout_id = :id ORDER BY id FOR UPDATE")
_SEND_TO = text("UPDATE checkouts SET ship_to = CAST(:ship_to AS jsonb) WHERE id = :id")


class CheckoutService:
    """Turns carts into orders, and prices agreed elsewhere."""

    def __init__(self, session: Any, emit: Any, publish: Any, *, payment_minutes: int, commission_bp: int) -> None:
        self._session = session
        self._emit = emit
        self._publish = publish
        self._payment_minutes = payment_minutes
        self._commission_bp = commission_bp

    def check_out(self, buyer_id: int, ship_to: dict[str, str], total: Money | None = None) -> int:
        """Place the buyer's whole cart and return the checkout's id; ``OutOfStock`` or ``Conflict`` if it cannot.

        ``PriceChanged`` if it does not cost exactly ``total`` or, where that is left out, if an offer of something in
        it has ended since that was put there.
        """
        cart = self._session.execute(_LOCK_CART, {"buyer": buyer_id}).all()
        lines = self._locked([(item.listing_id, item.quantity, item.award_minor) for item in cart])
        sellers = split_by_seller(lines, buyer_id)
        check_price(lines, {item.listing_id: item.priced_at for item in cart}, total)
        checkout_id: int = self._order(buyer_id, sellers, None, ship_to=ship_to)[0].checkout_id
        return checkout_id

    def award(
        self,
        buyer_id: int,
        listing_id: int,
        unit_minor: int,
        due: datetime | None,
        *,
        note: str = "",
        binding: bool = True,
        ships: bool = True,
    ) -> Any:
        """Order one piece of a listing at an agreed price; return a row with ``id`` (the order's) and ``checkout_id``.

        The order is to be paid until ``due``, or for ``None`` within the time there is for carts; where it goes the
        buyer says later, and what does not ``ships`` goes nowhere. Whoever awards vouches for the listing: it may be
        paused or closed. ``binding`` says whether not paying breaks the buyer's word. ``NotFound`` without such a
        listing, ``OutOfStock`` if none is left, ``Conflict`` for its seller.
        """
        lines = self._locked([(listing_id, 1, unit_minor)])
        if not lines:
            raise NotFound(f"there is no listing {listing_id}")
        check_award(lines[0], buyer_id)
        origin = "award" if binding else "offer"
        terms = {"ship_to": {}, "origin": origin, "note": note, "ships": ships}
        (order,) = self._order(buyer_id, {lines[0].seller_id: lines}, due, **terms)
        return order

    def read(self, checkout_id: int, buyer_id: int) -> Any:
        """Return the buyer's checkout row; ``NotFound`` for anybody else's."""
        row = self._session.execute(_READ, {"id": checkout_id}).first()
        if row is None or row.buyer_id != buyer_id:
            raise NotFound(f"there is no checkout {checkout_id} of yours")
        return row

    def send_to(self, checkout_id: int, buyer_id: int, ship_to: dict[str, str]) -> None:
        """Say where a checkout goes; ``Conflict`` once any of its orders is packed, or has ended."""
        self.read(checkout_id, buyer_id)
        for order in self._session.execute(_ORDERS, {"id": checkout_id}):
            if order.state not in UNPACKED:
                raise Conflict(f"checkout {checkout_id} is sent where it is: order {order.id} is {order.state}")
        self._session.execute(_SEND_TO, {"id": checkout_id, "ship_to": json.dumps(ship_to)})

    def _locked(self, wanted: Sequence[Any]) -> list[CartLine]:
        """Return the lines for rows of (listing id, quantity, agreed price or ``None``), their listings locked."""
        listings, quantities, agreed = zip(*wanted, strict=True) if wanted else ((), (), ())
        given = {"listings": list(listings), "quantities": list(quantities), "agreed": list(agreed)}
        rows = self._session.execute(_LOCK_LISTINGS, {**given, "commission": self._commission_bp}).mappings()
        lines = [CartLine(**row) for row in rows]
        if not any(line.offer_until or line.offer_ended_at for line in lines):
            return lines
        now = clock.now(self._session)
        return [line.at(now) for line in lines]

    def _order(
        self, buyer_id: int, sellers: dict[int, list[CartLine]], due: datetime | None, **terms: Any
    ) -> list[Any]:
        """Order the lines, to be paid until ``due``, or for ``None`` within the time there is for carts."""
        lines = [line for group in sellers.values() for line in group]
        orders = self._place(
            buyer_id, sellers, lines, {"origin": "cart", "note": "", "ships": True, "due": due, **terms}
        )
        if orders[0].reserved != len(lines):
            raise OutOfStock("something in the cart has just been sold")
        for order in orders:
            total = Money(order.total_minor, lines[0].currency)
            self._emit(OrderPlaced(order.id, order.checkout_id, buyer_id, order.seller_id, total))
            status = {"order_id": order.id, "status": str(OrderState.PENDING_PAYMENT)}
            self._publish(f"order:{order.id}", f"order.{OrderState.PENDING_PAYMENT}", status)
        return orders

    def _place(
        self, buyer_id: int, sellers: dict[int, list[CartLine]], lines: list[CartLine], terms: dict[str, Any]
    ) -> list[Any]:
        parameters = {
            **terms,
            "minutes": self._payment_minutes,
            "buyer": buyer_id,
            "currency": lines[0].currency,
            "total": sum(line.total_minor for line in lines),
            "ship_to": json.dumps(terms["ship_to"]),
            "state": OrderState.PENDING_PAYMENT,
            "commissions": [sum(line.commission_minor for line in group) for group in sellers.values()],
            "rates": [line.commission_bp for line in lines],
            "sellers": list(sellers),
            "totals": [sum(line.total_minor for line in group) for group in sellers.values()],
            "line_sellers": [line.seller_id for line in lines],
            "listings": [line.listing_id for line in lines],
            "products": [line.product_id for line in lines],
            "titles": [line.title for line in lines],
            "quantities": [line.wanted for line in lines],
            "units": [line.unit_minor for line in lines],
        }
        return list(self._session.execute(_PLACE, parameters))


def checkout_service(_context: Any, request: Any) -> CheckoutService:
    """Return the request's ``CheckoutService``."""
    from marketcore.settings import section

    settings = section(request.registry, "orders")
    return CheckoutService(
        request.db,
        request.emit,
        request.publish,
        payment_minutes=settings["payment_minutes"],
        commission_bp=settings["commission_bp"],
    )
