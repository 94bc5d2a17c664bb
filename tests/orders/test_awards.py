"""Awards: one piece at a price agreed elsewhere becomes an order without a cart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketcore.db import clock
from marketcore.exceptions import Conflict, NotFound, OutOfStock
from marketcore.orders.checkout import CheckoutService
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import register

HOUR = timedelta(hours=1)


def award(bazaar, buyer_id, listing, minor=12_345, **options):
    """Award ``listing`` to the buyer for an hour; return the order's row."""

    def give(request):
        checkouts = request.find_service(CheckoutService)
        return checkouts.award(buyer_id, listing["id"], minor, clock.now(request.db) + HOUR, **options)

    return bazaar.market.perform(give)


def winner(bazaar):
    return bazaar.buyer_user["user"]["id"]


def stock(bazaar, listing):
    return bazaar.market.query("SELECT quantity FROM listings WHERE id = :id", id=listing["id"])[0][0]


def test_an_award_is_an_order_at_the_agreed_price_with_its_own_deadline(bazaar):
    listing = bazaar.publish("10.00", "KES", 1)
    row = award(bazaar, winner(bazaar), listing, note="lot 7")
    checkout = bazaar.buyer.get(f"/api/v1/checkouts/{row.checkout_id}").json()
    (order,) = checkout["orders"]
    assert order["id"] == row.id
    assert order["total"] == checkout["total"] == {"amount": "123.45", "currency": "KES"}
    assert (order["lines"][0]["listing_id"], order["lines"][0]["quantity"]) == (listing["id"], 1)
    assert order["payment_due_at"] == checkout["expires_at"]
    assert bazaar.history(row.id) == bazaar.announced(row.id) == ["pending_payment"]
    assert bazaar.buyer.get(f"/api/v1/orders/{row.id}").json()["history"][0]["note"] == "lot 7"
    stored = bazaar.market.query(
        """SELECT c.origin, c.ship_to, o.commission_minor, o.payment_due_at < o.created_at + interval '61 minutes'
           FROM orders o JOIN checkouts c ON c.id = o.checkout_id WHERE o.id = :id""",
        id=row.id,
    )
    assert [tuple(one) for one in stored] == [("award", {}, 247, True)]
    assert stock(bazaar, listing) == 0
    assert bazaar.money_arrives({"id": row.checkout_id})
    assert bazaar.history(row.id) == ["pending_payment", "paid"]


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_an_award_needs_stock_but_no_listing_on_sale(bazaar, state):
    listing = bazaar.publish("10.00", "KES", 1)
    bazaar.market.query("UPDATE listings SET state = :state WHERE id = :id", state=state, id=listing["id"])
    award(bazaar, winner(bazaar), listing)
    with pytest.raises(OutOfStock, match="0 left"):
        award(bazaar, winner(bazaar), listing)


def test_nobody_is_awarded_their_own_listing_or_one_that_is_not_there(bazaar):
    with pytest.raises(Conflict, match="your own"):
        award(bazaar, bazaar.seller_user["user"]["id"], bazaar.listing)
    with pytest.raises(NotFound, match="no listing 999999"):
        award(bazaar, winner(bazaar), {"id": 999_999})
    for minor in (0, -5, 10**18):
        with pytest.raises(Conflict, match="cannot be sold at"):
            award(bazaar, winner(bazaar), bazaar.listing, minor)
    assert bazaar.market.query("SELECT count(*) FROM checkouts") == [(1,)]


def test_an_award_leaves_the_buyers_cart_alone(bazaar):
    bazaar.put(bazaar.listing, 2)
    award(bazaar, winner(bazaar), bazaar.listing)
    (kept,) = bazaar.buyer.get("/api/v1/cart").json()["items"]
    assert (kept["listing_id"], kept["quantity"]) == (bazaar.listing["id"], 2)


def test_an_award_that_is_not_paid_gives_the_piece_back(bazaar):
    listing = bazaar.publish("10.00", "KES", 1)
    row = award(bazaar, winner(bazaar), listing, binding=False)
    assert bazaar.market.query("SELECT origin FROM checkouts WHERE id = :id", id=row.checkout_id) == [("offer",)]
    bazaar.market.travel("61 minutes")
    bazaar.run_deadlines()
    assert bazaar.history(row.id) == ["pending_payment", "expired"]
    assert stock(bazaar, listing) == 1


def test_awards_and_checkouts_of_the_same_goods_share_the_stock_and_never_block_each_other(bazaar, collisions):
    listing, other = bazaar.publish("10.00", "KES", 3), bazaar.publish("1.00", "KES", 9)
    shoppers = [bazaar.person() for _ in range(3)]
    for shopper in shoppers:
        bazaar.put(listing, who=shopper)
        bazaar.put(other, who=shopper)
    winners = [register(bazaar.market, "buyer")["user"]["id"] for _ in range(3)]

    def take(user_id):
        try:
            return award(bazaar, user_id, listing).id
        except OutOfStock:
            return None

    calls = [lambda one=one: take(one) for one in winners] + [lambda one=one: bazaar.place(one) for one in shoppers]
    results = at_once(calls)
    awarded = [order for order in results[:3] if order]
    placed = [answer for answer in results[3:] if answer.status_code == 201]
    assert len(awarded) + len(placed) == 3
    assert stock(bazaar, listing) == 0
    assert collisions == []
