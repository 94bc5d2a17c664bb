"""Ways of selling that plugins add: one address and one exact body for all of them."""

from __future__ import annotations

import colander
import pytest

from marketcore.catalog.kinds import FixedPrice, complete_body
from marketcore.catalog.schemas import NewListing
from marketcore.web.schema import MoneyNode, Schema

PRICE = {"amount": "500.00", "currency": "KES"}


class RaffleFields(Schema):
    """What a raffle needs."""

    price = MoneyNode()


class Raffle:
    """A kind as a plugin would bring it."""

    name, in_cart, fields = "raffle", False, RaffleFields()


@pytest.fixture
def body():
    schema = NewListing()
    complete_body(schema, [FixedPrice(), Raffle()])
    return schema


def test_a_body_says_its_kind_by_the_object_it_gives(body):
    read = body.deserialize({"product_id": 1, "raffle": {"price": PRICE}})
    assert set(read) == {"product_id", "raffle"}
    assert set(body.deserialize({"product_id": 1, "fixed_price": {"price": PRICE}})["fixed_price"]) == {
        "price",
        "quantity",
    }


@pytest.mark.parametrize("kinds", [(), ("raffle", "fixed_price")])
def test_none_or_two_kinds_are_refused_with_the_choice(body, kinds):
    with pytest.raises(colander.Invalid) as refusal:
        body.deserialize({"product_id": 1, **{kind: {"price": PRICE} for kind in kinds}})
    assert refusal.value.asdict() == {
        "fixed_price": "give exactly one of: fixed_price, raffle",
        "raffle": "give exactly one of: fixed_price, raffle",
    }


def test_one_configuration_does_not_leak_kinds_into_another(body):
    assert [node.name for node in NewListing().children] == ["product_id"]


def test_the_documentation_shows_the_body_of_exactly_the_enabled_kinds(shop):
    document = shop.guest.get("/api/openapi.json").json()
    schema = document["components"]["schemas"]["NewListing"]
    assert sorted(schema["properties"]) == ["fixed_price", "product_id"]
    assert (schema["minProperties"], schema["maxProperties"], schema["required"]) == (2, 2, ["product_id"])
    assert document["components"]["schemas"]["FixedPriceFields"]["required"] == ["price"]


def test_listings_that_follow_other_rules_are_not_steered_like_fixed_prices(shop):
    seller = shop.person("seller")
    product_id = shop.product(seller)
    ((listing_id,),) = shop.market.query(
        """INSERT INTO listings (product_id, seller_id, kind, currency, price_minor, quantity)
           VALUES (:product, :seller, 'raffle', 'KES', 100, 1) RETURNING id""",
        product=product_id,
        seller=seller.id,
    )
    address = f"/api/v1/listings/{listing_id}"
    assert seller.http.patch(address, json={"quantity": 5}).status_code == 409
    assert seller.http.delete(address).status_code == 409
    assert seller.http.delete(f"/api/v1/products/{product_id}").status_code == 409
    assert shop.guest.get(address).json()["state"] == "active"


def test_publishing_is_told_to_whoever_listens_and_can_be_vetoed(shop):
    from marketcore.directives import table
    from marketcore.events import ListingPublished
    from marketcore.exceptions import Conflict

    seller, heard = shop.person("seller"), []

    def listen(request, event):
        heard.append(event)
        if len(heard) > 1:
            raise Conflict("not today")

    table(shop.market.registry, "event subscribers")["test"] = (ListingPublished, listen)
    listing_id = shop.listing(seller, shop.product(seller))
    assert heard == [ListingPublished(listing_id, "fixed_price")]
    refused = seller.http.post(
        "/api/v1/listings", json={"product_id": shop.product(seller), "fixed_price": {"price": PRICE}}
    )
    assert refused.status_code == 409
    assert shop.count("listings") == 1
