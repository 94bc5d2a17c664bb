"""Checkout: a cart becomes one order per seller, its stock reserved, in one transaction; so does an award."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from marketcore.db import clock
from marketcore.db.planning import hide_values
from marketcore.events import OrderPlaced
from marketcore.exceptions import Conflict, NotFound, OutOfStock
from marketcore.money import Money
from marketcore.orders.awards import CartAwards
from marketcore.orders.reading import orders_of_checkout, summary
from marketcore.orders.rules import UNPACKED, CartLine, check_award, check_price, split_by_seller
from marketcore.states import OrderState

# What a price depends on, as text: an order is only placed on the terms that were read before.
_TERMS = "CAST(ROW(l.state, l.currency, l.price_minor, l.offer_minor, l.offer_until, l.offer_ended_at) AS text)"


def _line(listing: str, quantity: str, agreed: str, award: str) -> str:
    """Return the columns and tables of a ``CartLine`` of what is wanted."""
    return f"""
        l.id AS listing_id, l.product_id, l.seller_id, p.title, l.state, l.currency,
              coalesce({agreed}, l.price_minor) AS unit_minor, {quantity} AS wanted,
              l.quantity + num_nonnulls({award}) AS left, {award} IS NOT NULL AS awarded,
              CASE WHEN {agreed} IS NULL THEN l.offer_minor END AS offer_minor,
              CASE WHEN {agreed} IS NULL THEN l.offer_until END AS offer_until,
              CASE WHEN {agreed} IS NULL THEN l.offer_ended_at END AS offer_ended_at, {_TERMS} AS terms,
              coalesce((SELECT r.basis_points FROM commission_rates r
                        WHERE (r.seller_id = l.seller_id OR r.seller_id IS NULL)
                          AND (r.category_id = p.category_id OR r.category_id IS NULL)
                        ORDER BY r.seller_id IS NULL, r.category_id IS NULL LIMIT 1), :commission) AS commission_bp
       FROM {listing}"""


_GOODS = "JOIN listings l ON l.id = w.listing_id JOIN products p ON p.id = l.product_id"
# Two checkouts of one cart must not both find its items: the second waits here, and then finds none.
_LOCK_CART = text(
    f"""SELECT w.award_id, a.unit_minor AS agreed_minor, w.priced_at,
        {_line("cart_items w", "w.quantity", "a.unit_minor", "w.award_id")}
       {_GOODS} LEFT JOIN cart_awards a ON a.id = w.award_id
       WHERE w.user_id = :buyer AND (CAST(:currency AS text) IS NULL OR l.currency = :currency)
       ORDER BY w.listing_id FOR UPDATE OF w"""
)
# The listings are locked in id order, here and wherever stock comes back.
_WANTED = """unnest(CAST(:listings AS bigint[]), CAST(:quantities AS int[]), CAST(:agreed AS bigint[]),
                   CAST(:awards AS bigint[])) AS w(listing_id, quantity, agreed_minor, award_id)"""
_LOCK_LISTINGS = text(
    f"""SELECT {_line(_WANTED, "w.quantity", "w.agreed_minor", "w.award_id")}
       {_GOODS}
       ORDER BY l.id FOR NO KEY UPDATE OF l"""
)
# One statement takes the stock and writes everything, or nothing where a listing is not as it was read or has too
# little left. It reads the clock itself, when the listings are locked, and answers as a read of the orders would.
_PLACE = text(
    hide_values(
        f"""WITH wanted AS (
         SELECT * FROM unnest(:listings, :quantities, :terms) AS w(id, quantity, terms)),
       locked AS MATERIALIZED (
         SELECT l.quantity >= w.quantity AND {_TERMS} = w.terms AS fits FROM listings l JOIN wanted w ON w.id = l.id
         ORDER BY l.id FOR NO KEY UPDATE OF l),
       agreed AS MATERIALIZED (
         SELECT coalesce(CAST(:due AS timestamptz), market_clock() + make_interval(mins => :minutes)) AS due
         FROM locked HAVING count(*) FILTER (WHERE fits) = cardinality(:listings)),
       reserved AS (
         UPDATE listings l SET quantity = l.quantity - w.quantity FROM wanted w
         WHERE l.id = w.id AND EXISTS (SELECT FROM agreed)),
       placed AS (
         INSERT INTO checkouts (buyer_id, currency, total_minor, origin, ship_to, expires_at)
         SELECT :buyer, :currency, :total, :origin, CAST(:ship_to AS jsonb), due FROM agreed
         RETURNING id, created_at, expires_at),
       ordered AS (
         INSERT INTO orders (checkout_id, buyer_id, seller_id, state, ships, currency, total_minor, commission_minor,
                             payment_due_at)
         SELECT placed.id, :buyer, s.seller_id, :state, :ships, :currency, s.total, s.commission, placed.expires_at
         FROM placed, unnest(:sellers, :totals, :commissions) AS s(seller_id, total, commission)
         RETURNING *),
       lines AS (
         INSERT INTO order_lines (order_id, listing_id, product_id, title, quantity, unit_minor, total_minor,
                                  commission_bp)
         SELECT ordered.id, n.listing_id, n.product_id, n.title, n.quantity, n.unit, n.unit * n.quantity,
                n.rate
         FROM unnest(:line_sellers, :listings, :products, :titles, :quantities, :units, :rates)
              AS n(seller_id, listing_id, product_id, title, quantity, unit, rate)
         JOIN ordered ON ordered.seller_id = n.seller_id
         RETURNING *),
       held AS (
         INSERT INTO stock_reservations (line_id, order_id, listing_id, quantity, state, expires_at)
         SELECT lines.id, order_id, listing_id, quantity, 'held', expires_at FROM lines, placed),
       told AS (
         INSERT INTO order_history (order_id, seq, previous, state, actor_id, note)
         SELECT id, 1, NULL, :state, :buyer, :note FROM ordered),
       emptied AS (
         DELETE FROM cart_items
         WHERE :origin = 'cart' AND user_id = :buyer AND listing_id = ANY(:listings)
           AND EXISTS (SELECT FROM agreed))
       {summary("ordered", "lines", "(SELECT created_at FROM placed) AS checkout_at")} ORDER BY o.id""",
        listings="bigint[]",
        quantities="int[]",
        terms="text[]",
        sellers="bigint[]",
        totals="bigint[]",
        commissions="bigint[]",
        line_sellers="bigint[]",
        products="bigint[]",
        titles="text[]",
        units="bigint[]",
        rates="int[]",
    )
)
_READ = text(
    """SELECT id, currency, total_minor, ship_to, created_at, expires_at FROM checkouts
       WHERE id = :id AND buyer_id = :buyer"""
)
_ORDERS = text("SELECT id, state FROM orders WHERE checkout_id = :id ORDER BY id FOR UPDATE")
_SEND_TO = text("UPDATE checkouts SET ship_to = CAST(:ship_to AS jsonb) WHERE id = :id")


class Checkout(NamedTuple):
    """A purchase: what it costs in all, where it goes (nothing in it as long as nobody has said), and until when."""

    id: int
    currency: str
    total_minor: int
    ship_to: dict[str, str]
    created_at: datetime
    expires_at: datetime


class CheckoutService:
    """Turns carts into orders, and prices agreed elsewhere."""

    def __init__(self, session: Any, emit: Any, publish: Any, *, payment_minutes: int, commission_bp: int) -> None:
        self._session = session
        self._awards = CartAwards(session, emit)
        self._emit = emit
        self._publish = publish
        self._payment_minutes = payment_minutes
        self._commission_bp = commission_bp

    def check_out(
        self, buyer_id: int, ship_to: dict[str, str], total: Money | None = None, currency: str | None = None
    ) -> tuple[Checkout, list[Any]]:
        """Place the buyer's cart, or what of it is priced in ``currency``; return what ``read`` would.

        What they have won costs what was agreed. ``OutOfStock`` or ``Conflict`` if it cannot be, ``ReservationEnded``
        once the time to buy something won is over, ``PriceChanged`` if it does not cost exactly ``total`` or, where
        that is left out, if an offer of something in it has ended since that was put there.
        """
        wanted = {"buyer": buyer_id, "currency": currency, "commission": self._commission_bp}
        cart = self._session.execute(_LOCK_CART, wanted).all()
        known = {item.listing_id: item.priced_at for item in cart}
        awards = [item.award_id for item in cart if item.award_id is not None]
        orders: list[Any] = []
        if not awards:
            # Read without locks: the statement that places the order takes them, and others wait for its end alone.
            lines = self._priced(CartLine.of(item) for item in cart)
            orders = self._order(buyer_id, self._agreed(lines, buyer_id, known, total), None, ship_to=ship_to)
        if not orders:
            lines = self._locked([(item.listing_id, item.wanted, item.agreed_minor, item.award_id) for item in cart])
            sellers = self._agreed(lines, buyer_id, known, total)
            if awards:
                self._awards.take_up(awards)
            orders = self._order(buyer_id, sellers, None, ship_to=ship_to)
            _check_placed(orders)
        if awards:
            self._awards.ordered(awards, [order.id for order in orders])
        return _checkout_of(orders, ship_to), orders

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
        lines = self._locked([(listing_id, 1, unit_minor, None)])
        if not lines:
            raise NotFound(f"there is no listing {listing_id}")
        check_award(lines[0], buyer_id)
        origin = "award" if binding else "offer"
        terms = {"ship_to": {}, "origin": origin, "note": note, "ships": ships}
        orders = self._order(buyer_id, {lines[0].seller_id: lines}, due, **terms)
        _check_placed(orders)
        return orders[0]

    def read(self, checkout_id: int, buyer_id: int) -> tuple[Checkout, list[Any]]:
        """Return the buyer's checkout and the rows of its orders; ``NotFound`` for anybody else's."""
        mine = {"id": checkout_id, "buyer": buyer_id}
        found, orders = self._session.execute_all((_READ, mine), orders_of_checkout(checkout_id))
        if not found:
            raise NotFound(f"there is no checkout {checkout_id} of yours")
        return Checkout(*found[0]), orders

    def send_to(self, checkout_id: int, buyer_id: int, ship_to: dict[str, str]) -> None:
        """Say where a checkout goes; ``Conflict`` once any of its orders is packed, or has ended."""
        self.read(checkout_id, buyer_id)
        for order in self._session.execute(_ORDERS, {"id": checkout_id}):
            if order.state not in UNPACKED:
                raise Conflict(f"checkout {checkout_id} is sent where it is: order {order.id} is {order.state}")
        self._session.execute(_SEND_TO, {"id": checkout_id, "ship_to": json.dumps(ship_to)})

    def _locked(self, wanted: Sequence[Any]) -> list[CartLine]:
        """Return the lines for rows of (listing id, quantity, agreed price, award), their listings locked.

        Price and award are ``None`` for what is bought at the listing's price.
        """
        columns = [list(column) for column in zip(*wanted, strict=True)] or [[], [], [], []]
        given = dict(zip(("listings", "quantities", "agreed", "awards"), columns, strict=True))
        rows = self._session.execute(_LOCK_LISTINGS, {**given, "commission": self._commission_bp})
        return self._priced(CartLine.of(row) for row in rows)

    def _priced(self, read: Iterable[CartLine]) -> list[CartLine]:
        """Return the lines at the prices of this moment."""
        lines = list(read)
        if not any(line.offer_until or line.offer_ended_at for line in lines):
            return lines
        now = clock.now(self._session)
        return [line.at(now) for line in lines]

    def _agreed(
        self, lines: list[CartLine], buyer_id: int, known: Mapping[int, datetime], total: Money | None
    ) -> dict[int, list[CartLine]]:
        """Return the lines of each seller, if the buyer can have them at a price that they know."""
        sellers = split_by_seller(lines, buyer_id)
        check_price(lines, known, total)
        return sellers

    def _order(
        self, buyer_id: int, sellers: dict[int, list[CartLine]], due: datetime | None, **terms: Any
    ) -> list[Any]:
        """Order the lines, to be paid until ``due``, or for ``None`` within the time there is for carts.

        Return no orders, and write nothing, where a listing is not as the line says.
        """
        lines = [line for group in sellers.values() for line in group]
        orders = self._place(
            buyer_id, sellers, lines, {"origin": "cart", "note": "", "ships": True, "due": due, **terms}
        )
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
            "terms": [line.terms for line in lines],
        }
        return list(self._session.execute(_PLACE, parameters))


def _checkout_of(orders: list[Any], ship_to: dict[str, str]) -> Checkout:
    first, total = orders[0], sum(order.total_minor for order in orders)
    return Checkout(first.checkout_id, first.currency, total, ship_to, first.checkout_at, first.payment_due_at)


def _check_placed(orders: list[Any]) -> None:
    if not orders:
        raise OutOfStock("something in the cart has just been sold")


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
