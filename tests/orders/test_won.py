"""What somebody has won lies in their cart: one piece, reserved, at its price, until a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketcore.db import clock
from marketcore.exceptions import Conflict, NotFound, OutOfStock
from marketcore.orders.awards import CartAwards
from marketcore.orders.jobs import lapse_awards
from marketcore.testing.shop import ADDRESS

HOUR = timedelta(hours=1)


def hold(bazaar, listing_id, minor=12_345, who=None):
    """Put one piece into the cart of the buyer for an hour; return the award's id."""
    winner = who or bazaar.buyer_user["user"]["id"]

    def give(request):
        due = clock.now(request.db) + HOUR
        return request.find_service(CartAwards).hold(winner, listing_id, minor, due)

    return bazaar.market.perform(give)


def state(bazaar, award_id):
    """Return the state of an award and its order."""
    rows = bazaar.market.query("SELECT state, order_id FROM cart_awards WHERE id = :id", id=award_id)
    return tuple(rows[0])


def stock(bazaar, listing):
    return bazaar.market.query("SELECT quantity FROM listings WHERE id = :id", id=listing["id"])[0][0]


def cart(bazaar):
    items = bazaar.buyer.get("/api/v1/cart").json()["items"]
    return [(i["unit_price"]["amount"], i["quantity"], i["reserved_until"] is not None) for i in items]


def test_B6_what_was_won_is_in_the_cart_at_its_price_and_out_of_stock(bazaar):
    listing = bazaar.publish("10.00", "KES", 5)
    bazaar.put(listing, 3)
    award_id = hold(bazaar, listing["id"])
    assert (cart(bazaar), stock(bazaar, listing)) == ([("123.45", 1, True)], 4)
    # It stays one piece at that price, whatever else is asked for.
    bazaar.put(listing, 2)
    assert cart(bazaar) == [("123.45", 1, True)]
    with pytest.raises(Conflict, match="won before"):
        hold(bazaar, listing["id"])
    placed = bazaar.place().json()
    assert placed["total"]["amount"] == "123.45"
    assert (state(bazaar, award_id), stock(bazaar, listing), cart(bazaar)) == (
        ("ordered", placed["orders"][0]["id"]),
        4,
        [],
    )


def test_B6_S10_a_cart_in_two_currencies_is_ordered_one_currency_at_a_time(bazaar):
    shillings, dollars = bazaar.publish("10.00", "KES", 1), bazaar.publish("3.00", "USD", 1)
    first = hold(bazaar, shillings["id"])
    second = hold(bazaar, dollars["id"], 250)
    assert bazaar.place().status_code == 409
    body = {"ship_to": ADDRESS, "currency": "USD"}
    assert bazaar.buyer.post("/api/v1/checkouts", json=body).json()["total"] == {"amount": "2.50", "currency": "USD"}
    assert (state(bazaar, first)[0], state(bazaar, second)[0]) == ("held", "ordered")
    assert bazaar.buyer.post("/api/v1/checkouts", json=body).status_code == 409
    assert bazaar.place().json()["total"]["amount"] == "123.45"


def test_M14_what_was_won_and_not_ordered_in_time_returns_to_stock_once(bazaar):
    listings = [bazaar.publish("10.00", "KES", 1) for _ in range(2)]
    awards = [hold(bazaar, listing["id"]) for listing in listings]
    bazaar.market.travel("59 minutes")
    bazaar.market.perform(lapse_awards)
    assert [state(bazaar, award) for award in awards] == [("held", None)] * 2
    bazaar.market.travel("61 minutes")
    for _again in range(2):
        bazaar.market.perform(lapse_awards)
    assert [state(bazaar, award) for award in awards] == [("lapsed", None)] * 2
    assert bazaar.market.query("SELECT * FROM cart_items") == []
    assert [stock(bazaar, listing) for listing in listings] == [1, 1]
    kinds = "SELECT kind, order_id, award_id FROM violations ORDER BY award_id"
    assert [tuple(row) for row in bazaar.market.query(kinds)] == [("unpaid", None, award) for award in awards]


def test_nobody_wins_what_is_not_there_is_their_own_or_cannot_be_paid(bazaar):
    listing = bazaar.publish("10.00", "KES", 1)
    with pytest.raises(NotFound):
        hold(bazaar, 999_999)
    with pytest.raises(Conflict, match="your own"):
        hold(bazaar, listing["id"], who=bazaar.seller_user["user"]["id"])
    with pytest.raises(Conflict, match="cannot be sold"):
        hold(bazaar, listing["id"], 0)
    hold(bazaar, listing["id"])
    with pytest.raises(OutOfStock):
        hold(bazaar, listing["id"])
