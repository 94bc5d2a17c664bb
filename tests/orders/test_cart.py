"""The cart: what a buyer means to buy, at today's prices, reserving nothing."""

from __future__ import annotations

import pytest

from marketcore.testing.contracts import at_once


def cart(bazaar):
    return bazaar.buyer.get("/api/v1/cart").json()


def quantities(bazaar):
    return {item["listing_id"]: item["quantity"] for item in cart(bazaar)["items"]}


def test_B6_S10_adding_twice_adds_up_and_setting_sets(bazaar):
    basket = bazaar.listing
    assert bazaar.put(basket, 2).json()["items"][0]["quantity"] == 2
    assert bazaar.put(basket, 3).json()["items"][0]["quantity"] == 5
    url = f"/api/v1/cart/items/{basket['id']}"
    assert bazaar.buyer.put(url, json={"quantity": 1}).json()["items"][0]["quantity"] == 1
    assert quantities(bazaar) == {basket["id"]: 1}
    assert bazaar.stock_left() == 4


def test_B6_S10_removing_takes_a_listing_out_once(bazaar):
    bazaar.put(bazaar.listing)
    url = f"/api/v1/cart/items/{bazaar.listing['id']}"
    assert bazaar.buyer.delete(url).json() == {"items": [], "totals": []}
    assert bazaar.buyer.delete(url).status_code == 404


def test_totals_are_exact_and_per_currency(bazaar):
    dollars = bazaar.publish("0.10", "USD", 10)
    shillings = bazaar.publish("0.30", "KES", 10)
    for listing in (dollars, shillings, bazaar.listing):
        bazaar.put(listing, 3)
    assert cart(bazaar)["totals"] == [
        {"amount": "1500.90", "currency": "KES"},
        {"amount": "0.30", "currency": "USD"},
    ]


def test_mixed_currencies_cannot_be_ordered_at_once(bazaar):
    bazaar.put(bazaar.publish("1.00", "USD", 1))
    bazaar.put(bazaar.listing)
    answer = bazaar.place()
    assert answer.status_code == 409
    assert "KES and USD" in answer.json()["detail"]
    assert len(cart(bazaar)["items"]) == 2


def test_what_is_ones_own_cannot_be_bought(make_bazaar):
    bazaar = make_bazaar()
    both = bazaar.person("both")
    product = both.post("/api/v1/products", json={"title": "My own"}).json()
    offer = {"price": {"amount": "5.00", "currency": "KES"}, "quantity": 1}
    mine = both.post("/api/v1/listings", json={"product_id": product["id"], "fixed_price": offer}).json()
    assert bazaar.put(mine, who=both).status_code == 409


def test_closed_and_unknown_listings_are_not_on_sale(bazaar):
    bazaar.market.query("UPDATE listings SET state = 'closed'")
    assert bazaar.put(bazaar.listing).status_code == 404
    assert bazaar.put({"id": 999_999}).status_code == 404


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_what_went_off_sale_stays_visible_as_not_buyable_and_cannot_be_ordered(bazaar, state):
    bazaar.put(bazaar.listing)
    bazaar.market.query("UPDATE listings SET state = :state", state=state)
    assert cart(bazaar)["items"][0]["buyable"] is False
    answer = bazaar.place()
    assert answer.status_code == 409
    assert answer.json()["listing_id"] == bazaar.listing["id"]


def test_a_price_is_the_one_of_the_moment_of_ordering(bazaar):
    bazaar.put(bazaar.listing)
    bazaar.market.query("UPDATE listings SET price_minor = 77777")
    assert cart(bazaar)["totals"] == [{"amount": "777.77", "currency": "KES"}]
    assert bazaar.place().json()["total"] == {"amount": "777.77", "currency": "KES"}


def test_a_cart_holds_so_many_listings_and_no_more(make_bazaar):
    bazaar = make_bazaar({"orders__max_cart_items": "2"})
    listings = [bazaar.publish("1.00", "KES", 9) for _ in range(3)]
    assert [bazaar.put(listing).status_code for listing in listings] == [200, 200, 409]
    assert bazaar.put(listings[0], 5).status_code == 200


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 1.5, "2", True, None])
def test_a_quantity_that_is_none_is_refused(bazaar, quantity):
    assert bazaar.put(bazaar.listing, quantity).status_code == 422


def test_a_cart_worth_more_than_anybody_can_pay_is_shown_and_not_ordered(bazaar):
    gold = bazaar.publish("100000000000.00", "KES", 100_000)
    for _time in range(2):
        assert bazaar.put(gold, 600_000).status_code == 200
    assert quantities(bazaar) == {gold["id"]: 1_000_000}
    assert cart(bazaar)["totals"] == [{"amount": "9999999999999999.99", "currency": "KES"}]
    bazaar.market.query("UPDATE listings SET quantity = 1000000")
    answer = bazaar.place()
    assert answer.status_code == 409
    assert "split the cart" in answer.json()["detail"]


def test_carts_are_their_owners_alone(bazaar):
    bazaar.put(bazaar.listing)
    other = bazaar.person()
    assert other.get("/api/v1/cart").json()["items"] == []
    assert other.delete(f"/api/v1/cart/items/{bazaar.listing['id']}").status_code == 404


def test_additions_at_the_same_moment_all_count(bazaar):
    answers = at_once([lambda: bazaar.put(bazaar.listing)] * 8)
    assert {answer.status_code for answer in answers} == {200}
    assert quantities(bazaar) == {bazaar.listing["id"]: 8}
