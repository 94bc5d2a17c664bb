"""A marketplace with wishlists, a seller and somebody who wishes."""

from __future__ import annotations

import pytest

from marketcore.testing.shop import register


class Window:
    """What a seller has put into the shop window, and somebody who looks at it."""

    def __init__(self, market):
        self.market = market
        self.seller_user, self.guest_user = register(market, "seller"), register(market, "buyer")
        self.seller, self.guest = market.client(self.seller_user["access"]), market.client(self.guest_user["access"])

    def product(self, title="Kiondo basket"):
        answer = self.seller.post("/api/v1/products", json={"title": title})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def publish(self, product_id, amount="500.00", quantity=3):
        offer = {"price": {"amount": amount, "currency": "KES"}, "quantity": quantity}
        answer = self.seller.post("/api/v1/listings", json={"product_id": product_id, "fixed_price": offer})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def change(self, listing_id, **change):
        answer = self.seller.patch(f"/api/v1/listings/{listing_id}", json=change)
        assert answer.status_code == 200, answer.text

    def wishes(self, **query):
        answer = self.guest.get("/api/v1/wishlist", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def toggle(self, product_id):
        return self.guest.post(f"/api/v1/products/{product_id}/wishlist")

    def look_around(self):
        """Run the periodic job; return what was told since it was last read."""
        from marketcore_wishlist.jobs import tell_of_offers

        self.market.perform(tell_of_offers)
        told = self.guest.get("/api/v1/users/me/notifications", params={"unread": "true"}).json()["items"]
        self.market.query("UPDATE notifications SET read_at = market_clock() WHERE read_at IS NULL")
        return [(one["type"], one["line"]) for one in told]


@pytest.fixture
def window(make_market):
    """A shop window with nothing in it."""
    return Window(make_market("wishlist", wishlist__max_items="5"))
