"""Offers: a lower price for a time, charged exactly as it was shown or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketcore.catalog.offers import OfferService
from marketcore.db import clock
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.money import Money
from marketcore.testing.shop import ADDRESS


def offer(bazaar, listing, amount="300.00", currency="KES", seconds=600, seller=None):
    def make(request):
        until = clock.now(request.db) + timedelta(seconds=seconds)
        owner = seller or bazaar.seller_user["user"]["id"]
        request.find_service(OfferService).make(owner, listing["id"], Money.parse(amount, currency), until)

    bazaar.market.perform(make)


def shown(bazaar):
    return bazaar.buyer.get("/api/v1/cart").json()["totals"]


def place(bazaar, total=None):
    return bazaar.buyer.post("/api/v1/checkouts", json={"ship_to": ADDRESS, **({"total": total} if total else {})})


def test_an_offer_is_shown_charged_and_over_when_its_time_is_up(bazaar):
    listing, buyer = bazaar.publish("500.00", "KES", 9), bazaar.buyer
    offer(bazaar, listing)
    bazaar.put(listing, 2)
    assert shown(bazaar) == [{"amount": "600.00", "currency": "KES"}]
    assert place(bazaar).json()["total"]["amount"] == "600.00"
    bazaar.put(listing)
    cheap = shown(bazaar)[0]
    assert buyer.get(f"/api/v1/listings/{listing['id']}").json()["offer"]["price"] == cheap
    bazaar.market.travel("11 minutes")
    assert buyer.get(f"/api/v1/listings/{listing['id']}").json()["offer"] is None
    usual = shown(bazaar)[0]
    assert usual["amount"] == "500.00"
    # Whoever put it there for 300 pays neither 300 nor, without having said so, 500.
    for answer in (place(bazaar), place(bazaar, cheap)):
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("price-changed")
    assert place(bazaar, usual).json()["total"] == usual


def test_putting_it_there_again_accepts_the_usual_price(bazaar):
    listing = bazaar.publish("500.00", "KES", 9)
    offer(bazaar, listing)
    bazaar.put(listing)
    bazaar.market.perform(lambda request: request.find_service(OfferService).end([listing["id"]]))
    assert place(bazaar).status_code == 409
    bazaar.buyer.put(f"/api/v1/cart/items/{listing['id']}", json={"quantity": 1})
    assert place(bazaar).json()["total"]["amount"] == "500.00"


def test_whatever_the_cart_may_have_shown_is_not_exceeded_without_a_word(bazaar):
    listing, end = bazaar.publish("500.00", "KES", 9), OfferService.end
    bazaar.put(listing)
    offer(bazaar, listing, "300.00")
    offer(bazaar, listing, "200.00")
    assert place(bazaar).json()["total"]["amount"] == "200.00"  # it only became less
    bazaar.put(listing)
    offer(bazaar, listing, "250.00")
    assert place(bazaar).status_code == 409
    assert place(bazaar, shown(bazaar)[0]).json()["total"]["amount"] == "250.00"
    bazaar.market.perform(lambda request: end(request.find_service(OfferService), [listing["id"]]))
    bazaar.put(listing)
    assert place(bazaar).json()["total"]["amount"] == "500.00"
    bazaar.put(listing)
    offer(bazaar, listing, "100.00")
    bazaar.market.perform(lambda request: end(request.find_service(OfferService), [listing["id"]]))
    assert place(bazaar).status_code == 409


def test_an_offer_is_a_lower_price_of_a_listing_of_ones_own(bazaar):
    listing = bazaar.publish("500.00", "KES", 9)
    for wrong, refusal in (
        ({"amount": "500.00"}, Invalid),
        ({"currency": "USD"}, Invalid),
        ({"seconds": -1}, Invalid),
        ({"seller": bazaar.buyer_user["user"]["id"]}, NotFound),
    ):
        with pytest.raises(refusal):
            offer(bazaar, listing, **wrong)
    bazaar.seller.patch(f"/api/v1/listings/{listing['id']}", json={"state": "paused"})
    with pytest.raises(Conflict):
        offer(bazaar, listing)
