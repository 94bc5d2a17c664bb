"""Carts, checkouts and orders."""

from __future__ import annotations

from typing import Any

from marketcore.events import PaymentFailed
from marketcore.orders.cart import CartService
from marketcore.orders.checkout import CheckoutService
from marketcore.orders.commissions import CommissionRates
from marketcore.orders.contesting import ContestedOrders
from marketcore.orders.freezing import FrozenOrders
from marketcore.orders.services import OrderService
from marketcore.orders.settings import OrderSettings
from marketcore.states import OrderState


def includeme(config: Any) -> None:
    """Add orders to the marketplace."""
    config.add_settings_schema("orders", OrderSettings())
    config.declare_permission("orders.cart.use", "buyer", trade=True)
    config.declare_permission("orders.checkout.place", "buyer", trade=True)
    config.declare_permission("orders.order.read", "member")
    config.declare_permission("orders.order.step", "member")
    config.declare_permission("orders.commission.decide", "admin")
    config.register_service_factory(".cart.cart_service", CartService)
    config.register_service_factory(".checkout.checkout_service", CheckoutService)
    config.register_service_factory(".services.order_service", OrderService)
    config.register_service_factory(".contesting.contested_orders", ContestedOrders)
    config.register_service_factory(".freezing.frozen_orders", FrozenOrders)
    config.register_service_factory(".commissions.commission_rates", CommissionRates)
    config.add_payment_purpose("checkout", ".purposes.checkout_purpose")
    config.add_event_subscriber(".subscribers.tell_buyers_of_failure", PaymentFailed)
    config.add_live_channel(
        "order:{order_id}", ".live.may_watch_order", path="/track_order/{order_id}", snapshot=".live.order_snapshot"
    )
    for state in [state for state in OrderState if state is not OrderState.CREATED]:
        config.add_live_event("order:{order_id}", f"order.{state}", ".schemas.OrderMoved")
    config.add_live_event("order:{order_id}", "order.payment_failed", ".schemas.OrderNotPaid")
    config.add_periodic_job(".jobs.expire_unpaid", every_seconds=10)
    config.add_periodic_job(".jobs.release_delivered", every_seconds=60)
    config.include(".routes")
    config.scan(".views")
    config.scan(".commission_views")
