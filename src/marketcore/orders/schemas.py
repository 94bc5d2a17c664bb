"""Bodies, queries and documents of carts, checkouts and orders."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.orders.rules import STEPS
from marketcore.states import OrderState
from marketcore.web.schema import (
    MoneyNode,
    PageQuery,
    Schema,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
    whole,
)

MAX_QUANTITY = 1_000_000
ASKABLE = sorted({target for _current, target in STEPS})


class CartItemAdd(Schema):
    """A listing to put into the cart."""

    listing_id = key()
    quantity = whole(1, MAX_QUANTITY, missing=1)


class CartItemChange(Schema):
    """How many of a listing the cart shall hold."""

    quantity = whole(1, MAX_QUANTITY)


class CartItemDocument(Schema):
    """A line of the cart at today's price."""

    listing_id = key()
    title = text(200)
    quantity = whole(1, MAX_QUANTITY)
    unit_price = MoneyNode()
    total = MoneyNode()
    buyable = flag(description="false: no longer on sale, or fewer left than wanted")


class CartDocument(Schema):
    """The cart; totals are per currency."""

    items = listing(CartItemDocument(name="item"))
    totals = listing(MoneyNode(name="total"))


class ShipTo(Schema):
    """Where the goods go: an address of yours (`address_id`) and nothing else, or one that is written out."""

    bounds = {
        "oneOf": [
            {"required": ["address_id"], "maxProperties": 1},
            {"required": ["name", "line1", "city"], "not": {"required": ["address_id"]}},
        ]
    }
    address_id = key(missing=colander.drop)
    name = text(100, min_length=1, missing=colander.drop)
    phone = text(20, missing="")
    line1 = text(200, min_length=1, missing=colander.drop)
    line2 = text(200, missing="")
    city = text(100, min_length=1, missing=colander.drop)
    region = text(100, missing="")
    postal_code = text(20, missing="")
    country = text(2, validator=colander.Regex(r"^[A-Z]{2}$", "must be an ISO 3166 code such as KE"), missing="")

    def validator(self, node: colander.SchemaNode, value: dict[str, Any]) -> None:
        """Refuse anything but one of the two."""
        if "address_id" in value:
            faults = {name: "cannot be given together with address_id" for name, given in value.items() if given}
            faults.pop("address_id")
        else:
            faults = {name: "Required" for name in ("name", "line1", "city") if name not in value}
        refusal = colander.Invalid(node)
        for name, why in faults.items():
            refusal.add(colander.Invalid(node[name], why))
        if faults:
            raise refusal


class ShipToDocument(Schema):
    """Where the goods go, as it was given; what was left out is empty."""

    name = text(100)
    phone = text(20)
    line1 = text(200)
    line2 = text(200)
    city = text(100)
    region = text(100)
    postal_code = text(20)
    country = text(2)


class CheckoutBody(Schema):
    """A checkout of the whole cart."""

    ship_to = ShipTo(missing=None)
    total = MoneyNode(missing=None, description="what the cart showed: it is ordered for exactly this, or not at all")


class Person(Schema):
    """Somebody, as others see them."""

    id = key()
    username = text(60)


class OrderLineDocument(Schema):
    """What was bought, as it was called and priced then."""

    listing_id = key()
    product_id = key()
    title = text(200)
    quantity = whole(1, MAX_QUANTITY)
    unit_price = MoneyNode()
    total = MoneyNode()


class OrderDocument(Schema):
    """One seller's part of a purchase."""

    id = key()
    reference = text(36)
    checkout_id = key()
    state = choice(*OrderState)
    ships = flag(description="false: work that is done, not goods that go somewhere")
    buyer = Person()
    seller = Person()
    total = MoneyNode()
    lines = listing(OrderLineDocument(name="line"))
    carrier = text(100)
    tracking_number = text(100)
    payment_due_at = moment()
    created_at = moment()
    updated_at = moment()


class OrderChangeDocument(Schema):
    """One step of an order."""

    previous = nullable(text(20))
    state = choice(*OrderState)
    actor = nullable(text(60))
    note = text(500)
    at = moment()


class StreamPosition(Schema):
    """Where a live channel stood when the document was read; give it as ``since`` when subscribing."""

    epoch = nullable(text(36))
    offset = whole(0, 2**63 - 1)


class HeldMoney(Schema):
    """An amount that may be zero."""

    amount = text(30)
    currency = text(3)


class WholeOrderDocument(OrderDocument):
    """An order with where it goes, its history, the money held for it, and its place in the live stream."""

    ship_to = nullable(ShipToDocument())
    held = HeldMoney()
    history = listing(OrderChangeDocument(name="change"))
    stream = StreamPosition()


class OrderMoved(Schema):
    """An order is in another state."""

    order_id = key()
    status = choice(*OrderState)


class OrderNotPaid(Schema):
    """A payment of the order has failed; another may be tried."""

    order_id = key()
    payment_id = text(36)
    reason = text(60, description="a stable code, such as `insufficient_funds`")


class CheckoutDocument(Schema):
    """One purchase: one payment, one order per seller."""

    id = key()
    total = MoneyNode()
    ship_to = nullable(ShipToDocument())
    expires_at = moment()
    created_at = moment()
    orders = listing(OrderDocument(name="order"))


class OrdersQuery(PageQuery):
    """Which orders."""

    role = choice("buyer", "seller", missing="buyer", description="your side of the orders")
    state = choice(*OrderState, missing=None)


class StepBody(Schema):
    """The step an order shall take."""

    to = choice(*ASKABLE)
    carrier = text(100, missing=None, description="needed for `shipped`")
    tracking_number = text(100, missing=None)
    note = text(500, missing=None)


OrderPage = page_of(OrderDocument, "OrderPage")
