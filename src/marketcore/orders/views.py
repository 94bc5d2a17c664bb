"""Carts, checkouts and orders over HTTP: parse, call the service, present."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.addresses.book import AddressBook
from marketcore.exceptions import NotFound
from marketcore.ledger.schemas import Statement
from marketcore.ledger.services import LedgerService
from marketcore.ledger.views import present_entry
from marketcore.orders import reading, schemas
from marketcore.orders.cart import CartService
from marketcore.orders.checkout import Checkout, CheckoutService
from marketcore.orders.rules import Actor, capacities, largest_total
from marketcore.orders.services import OrderService
from marketcore.states import OrderState
from marketcore.web.json import present_money, utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY


def _cart(request: Any) -> dict[str, Any]:
    rows = request.find_service(CartService).items(request.authenticated_userid)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.currency] = totals.get(row.currency, 0) + row.unit_minor * row.quantity
    return {
        "items": [_present_item(row) for row in rows],
        "totals": [_sum(minor, currency) for currency, minor in sorted(totals.items())],
    }


def _present_item(row: Any) -> dict[str, Any]:
    return {
        "listing_id": row.listing_id,
        "title": row.title,
        "quantity": row.quantity,
        "unit_price": present_money(row.unit_minor, row.currency),
        "total": _sum(row.unit_minor * row.quantity, row.currency),
        "buyable": row.buyable,
        "reserved_until": utc(row.reserved_until),
    }


def _sum(minor: int, currency: str) -> dict[str, str]:
    # A cart may hold more than anybody can order: it is shown all the same, and the checkout says what is wrong.
    return present_money(min(minor, largest_total(currency)), currency)


@view_config(
    route_name="orders.cart",
    request_method="GET",
    permission="orders.cart.use",
    openapi={"responses": {200: schemas.CartDocument}},
)
def read_cart(request: Any) -> dict[str, Any]:
    """Show the cart at today's prices."""
    return _cart(request)


@view_config(
    route_name="orders.cart.items",
    request_method="POST",
    permission="orders.cart.use",
    openapi={"body": schemas.CartItemAdd, "responses": {200: schemas.CartDocument}, "refusals": [409]},
)
def add_to_cart(request: Any) -> dict[str, Any]:
    """Put a listing into the cart, or more of it."""
    given = request.valid.body
    cart = request.find_service(CartService)
    cart.put(request.authenticated_userid, given["listing_id"], given["quantity"], add=True)
    return _cart(request)


@view_config(
    route_name="orders.cart.item",
    request_method="PUT",
    permission="orders.cart.use",
    openapi={"body": schemas.CartItemChange, "responses": {200: schemas.CartDocument}, "refusals": [409]},
)
def change_cart_item(request: Any) -> dict[str, Any]:
    """Set how many of a listing the cart holds."""
    listing_id, quantity = request.valid.path["listing_id"], request.valid.body["quantity"]
    request.find_service(CartService).put(request.authenticated_userid, listing_id, quantity, add=False)
    return _cart(request)


@view_config(
    route_name="orders.cart.item",
    request_method="DELETE",
    permission="orders.cart.use",
    openapi={"responses": {200: schemas.CartDocument}},
)
def remove_from_cart(request: Any) -> dict[str, Any]:
    """Take a listing out of the cart."""
    request.find_service(CartService).remove(request.authenticated_userid, request.valid.path["listing_id"])
    return _cart(request)


def _checkout(request: Any, checkout_id: int) -> dict[str, Any]:
    return _present_checkout(*request.find_service(CheckoutService).read(checkout_id, request.authenticated_userid))


def _present_checkout(checkout: Checkout, orders: list[Any]) -> dict[str, Any]:
    return {
        "id": checkout.id,
        "total": present_money(checkout.total_minor, checkout.currency),
        "ship_to": reading.present_address(checkout.ship_to),
        "expires_at": utc(checkout.expires_at),
        "created_at": utc(checkout.created_at),
        "orders": [reading.present_order(order) for order in orders],
    }


@view_config(
    route_name="orders.checkouts",
    request_method="POST",
    permission="orders.checkout.place",
    idempotent=True,
    openapi={"body": schemas.CheckoutBody, "responses": {201: schemas.CheckoutDocument}, "refusals": [409]},
)
def check_out(request: Any) -> dict[str, Any]:
    """Order the cart, to your default address if none is given; one order per seller awaits payment."""
    given = request.valid.body
    ship_to = _destination(request, given["ship_to"]) if given["ship_to"] else _default_destination(request)
    checkouts = request.find_service(CheckoutService)
    placed = checkouts.check_out(request.authenticated_userid, ship_to, given["total"], given["currency"])
    request.response.status_int = 201
    return _present_checkout(*placed)


@view_config(
    route_name="orders.checkout",
    request_method="GET",
    permission="orders.order.read",
    openapi={"responses": {200: schemas.CheckoutDocument}},
)
def read_checkout(request: Any) -> dict[str, Any]:
    """Show a checkout of yours with its orders."""
    return _checkout(request, request.valid.path["checkout_id"])


@view_config(
    route_name="orders.checkout.ship_to",
    request_method="PUT",
    permission="orders.order.step",
    openapi={"body": schemas.ShipTo, "responses": {200: schemas.CheckoutDocument}, "refusals": [409]},
)
def send_checkout(request: Any) -> dict[str, Any]:
    """Say where the goods go, as long as none of them is packed."""
    checkout_id, ship_to = request.valid.path["checkout_id"], _destination(request, request.valid.body)
    request.find_service(CheckoutService).send_to(checkout_id, request.authenticated_userid, ship_to)
    return _checkout(request, checkout_id)


def _destination(request: Any, given: dict[str, Any]) -> dict[str, str]:
    """Return where goods go, as orders keep it: what was written out, or a copy of an address of the buyer's."""
    if "address_id" not in given:
        return given
    book, user_id = request.find_service(AddressBook), request.authenticated_userid
    copy: dict[str, str] = book.destination(user_id, given["address_id"])
    return copy


def _default_destination(request: Any) -> dict[str, str]:
    return request.find_service(AddressBook).default_destination(request.authenticated_userid) or {}


@view_config(
    route_name="orders.orders",
    request_method="GET",
    permission="orders.order.read",
    openapi={"query": schemas.OrdersQuery, "responses": {200: schemas.OrderPage}},
)
def list_orders(request: Any) -> dict[str, Any]:
    """List your orders, newest first, as buyer or as seller."""
    query = request.valid.query
    scope = f"orders {query['role']} {query['state']} {request.authenticated_userid}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = reading.page_of_orders(
        request.db,
        query["role"],
        request.authenticated_userid,
        state=query["state"],
        before=position[0] if position else MAX_KEY,
        limit=query["limit"] + 1,
    )
    return page(
        request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=reading.present_order
    )


def _order(request: Any, order_id: int) -> dict[str, Any]:
    return reading.read_whole_order(request.db, request.find_service(LedgerService), order_id, request.identity)


@view_config(
    route_name="orders.order",
    request_method="GET",
    permission="orders.order.read",
    openapi={"responses": {200: schemas.WholeOrderDocument}},
)
def read_order(request: Any) -> dict[str, Any]:
    """Show an order with its history and the money held for it."""
    return _order(request, request.valid.path["order_id"])


@view_config(
    route_name="orders.steps",
    request_method="POST",
    permission="orders.order.step",
    idempotent=True,
    openapi={"body": schemas.StepBody, "responses": {200: schemas.WholeOrderDocument}, "refusals": [409]},
)
def take_step(request: Any) -> dict[str, Any]:
    """Take the order one step further: confirm, pack, ship, deliver, complete or cancel it."""
    given = dict(request.valid.body)
    order_id, target = request.valid.path["order_id"], OrderState(given.pop("to"))
    request.find_service(OrderService).take_step(order_id, target, request.identity, **given)
    return _order(request, order_id)


@view_config(
    route_name="orders.ledger",
    request_method="GET",
    permission="orders.order.read",
    openapi={"responses": {200: Statement}},
)
def read_order_ledger(request: Any) -> dict[str, Any]:
    """Show every movement of the order's money, to its seller and to admins."""
    order = reading.read_order(request.db, request.valid.path["order_id"], request.identity)
    if not {Actor.SELLER, Actor.ADMIN} & capacities(order, request.identity):
        raise NotFound("an order's ledger is for its seller")
    entries = request.find_service(LedgerService).statement("order", str(order.id))
    return {"items": [present_entry(entry) for entry in entries]}
