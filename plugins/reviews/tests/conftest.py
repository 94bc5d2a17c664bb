"""A marketplace with reviews, and orders that have arrived."""

from __future__ import annotations

import pytest

from marketcore.testing.shop import Shop, money_arrives

MARKS = {"seller_rating": 5, "platform_rating": 4, "communication": 5, "shipping": 3, "accuracy": 4}


class Stall(Shop):
    """A shop whose orders are paid without a provider and taken to their buyer."""

    def pay(self, checkout=None):
        assert money_arrives(self.market, (checkout or self.checkout)["id"])

    def deliver(self, order_id=None):
        """Let the order go through its seller's hands to its buyer; return its id."""
        order_id = order_id or self.order_id
        for to in ("confirmed", "packed", "shipped", "delivered"):
            step = {"to": to, **({"carrier": "Posta"} if to == "shipped" else {})}
            answer = self.seller.post(f"/api/v1/orders/{order_id}/steps", json=step)
            assert answer.status_code == 200, answer.text
        return order_id

    def another_order(self):
        """Let the buyer order the same again, pay and get it; return the order's id."""
        checkout = self.check_out()
        self.pay(checkout)
        return self.deliver(checkout["orders"][0]["id"])

    @property
    def product_id(self):
        return self.listing["product"]["id"]

    def review(self, who=None, **opinion):
        opinion = {"rating": 4, "title": "Holds a lot", **opinion}
        return (who or self.buyer).post(f"/api/v1/products/{self.product_id}/reviews", json=opinion)

    def feedback(self, who=None, order_id=None, **marks):
        path = f"/api/v1/orders/{order_id or self.order_id}/feedback"
        return (who or self.buyer).post(path, json={**MARKS, **marks})

    def told(self, type):
        """Return whom the marketplace has told of something."""
        rows = self.market.query("SELECT user_id FROM notifications WHERE type = :type ORDER BY id", type=type)
        return [row.user_id for row in rows]


@pytest.fixture
def stall(make_market):
    """A stall whose order is paid and on its way."""
    stall = Stall(make_market("reviews"), stock=20)
    stall.pay()
    return stall
