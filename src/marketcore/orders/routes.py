"""Addresses of carts, checkouts and orders."""

from __future__ import annotations

from typing import Any

ID = "[0-9]{1,18}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("orders.cart", "/api/v1/cart")
    config.add_route("orders.cart.items", "/api/v1/cart/items")
    config.add_route("orders.cart.item", f"/api/v1/cart/items/{{listing_id:{ID}}}")
    config.add_route("orders.checkouts", "/api/v1/checkouts")
    config.add_route("orders.checkout", f"/api/v1/checkouts/{{checkout_id:{ID}}}")
    config.add_route("orders.checkout.ship_to", f"/api/v1/checkouts/{{checkout_id:{ID}}}/ship-to")
    config.add_route("orders.orders", "/api/v1/orders")
    config.add_route("orders.order", f"/api/v1/orders/{{order_id:{ID}}}")
    config.add_route("orders.steps", f"/api/v1/orders/{{order_id:{ID}}}/steps")
    config.add_route("orders.commission_rates", "/api/v1/commission-rates")
    config.add_route("orders.ledger", f"/api/v1/orders/{{order_id:{ID}}}/ledger")
