"""The checkout: rows locked in the order of their ids, stock taken, one order written."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from shop.models import CartItem, Order, OrderLine, Product


class OutOfStock(Exception):
    """The cart is empty, or something in it is sold out; the message says which."""


def check_out(user_id: int, ship_to: dict) -> dict:
    """Order the cart of a user and return the order's document."""
    with transaction.atomic():
        items = list(CartItem.objects.filter(user_id=user_id).order_by("product_id"))
        ids = [item.product_id for item in items]
        products = {
            product.id: product for product in Product.objects.select_for_update().filter(id__in=ids).order_by("id")
        }
        if not items:
            raise OutOfStock("the cart is empty")
        for item in items:
            _take(products[item.product_id], item.quantity)
        Product.objects.bulk_update(products.values(), ["stock"])
        order = _place(user_id, ship_to, items, products)
        CartItem.objects.filter(id__in=[item.id for item in items]).delete()
        transaction.on_commit(lambda: _tell(order["id"]))
    return order


def _take(product, quantity):
    if not product.active or product.stock < quantity:
        raise OutOfStock(f"there are {product.stock} of {product.title} left")
    product.stock -= quantity


def _place(user_id, ship_to, items, products):
    total = sum(products[item.product_id].price * item.quantity for item in items)
    order = Order.objects.create(buyer_id=user_id, total=total, currency="KES", ship_to=ship_to)
    lines = [
        OrderLine(
            order=order,
            product_id=item.product_id,
            title=products[item.product_id].title,
            quantity=item.quantity,
            price=products[item.product_id].price,
        )
        for item in items
    ]
    OrderLine.objects.bulk_create(lines)
    shown = [{"product_id": line.product_id, "title": line.title, "quantity": line.quantity} for line in lines]
    return {"id": order.id, "state": order.state, "total": str(total), "lines": shown}


def _tell(order_id):
    message = {"type": "order.changed", "data": {"order_id": order_id, "status": "pending_payment"}}
    async_to_sync(get_channel_layer().group_send)(f"order_{order_id}", message)
