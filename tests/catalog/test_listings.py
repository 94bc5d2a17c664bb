"""Listings: a product is on sale in one way only, and only its seller steers that."""

from __future__ import annotations

import threading

import pytest

PRICE = {"amount": "500.00", "currency": "KES"}


@pytest.fixture
def seller(shop):
    return shop.person("seller")


def publish(person, product_id, **fields):
    return person.http.post("/api/v1/listings", json={"product_id": product_id, "fixed_price": fields})


def test_a_product_is_put_on_sale_at_a_fixed_price(shop, seller):
    product_id = shop.product(seller)
    answer = publish(seller, product_id, price=PRICE, quantity=7)
    assert answer.status_code == 201
    document = answer.json()
    assert document == {
        "id": document["id"],
        "kind": "fixed_price",
        "state": "active",
        "price": PRICE,
        "offer": None,
        "quantity": 7,
        "product": {"id": product_id, "title": "Teapot", "cover": None},
        "seller": {"id": seller.id, "username": document["seller"]["username"]},
        "category_id": None,
        "rating": {"average": None, "count": 0},
        "details": {},
        "created_at": document["created_at"],
    }
    assert shop.guest.get(f"/api/v1/listings/{document['id']}").json() == document
    assert shop.guest.get("/api/v1/listings").json()["items"] == [document]
    assert shop.guest.get(f"/api/v1/products/{product_id}").json()["listing_id"] == document["id"]


def test_a_product_on_sale_cannot_be_put_on_sale_again_until_that_listing_is_closed(shop, seller):
    product_id = shop.product(seller)
    first = shop.listing(seller, product_id)
    assert publish(seller, product_id, price=PRICE).status_code == 409
    seller.http.patch(f"/api/v1/listings/{first}", json={"state": "paused"})
    assert publish(seller, product_id, price=PRICE).status_code == 409
    assert seller.http.delete(f"/api/v1/listings/{first}").status_code == 204
    assert publish(seller, product_id, price=PRICE).status_code == 201


def test_of_eight_attempts_at_once_to_sell_a_product_exactly_one_succeeds(shop, seller):
    product_id = shop.product(seller)
    barrier, statuses = threading.Barrier(8), []

    def attempt():
        with shop.market.client(seller.token) as http:
            barrier.wait()
            answer = http.post("/api/v1/listings", json={"product_id": product_id, "fixed_price": {"price": PRICE}})
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 7
    assert shop.count("listings") == 1


def test_M5_the_database_itself_refuses_a_second_listing_on_sale(shop, seller):
    """Whatever code runs, auctions included, a product is sold in one way."""
    from sqlalchemy.exc import IntegrityError

    product_id = shop.product(seller)
    shop.listing(seller, product_id)
    with pytest.raises(IntegrityError, match="uq_listings_product_id_on_sale"):
        shop.market.query(
            """INSERT INTO listings (product_id, seller_id, kind, currency, price_minor, quantity)
               VALUES (:product, :seller, 'auction', 'KES', 100, 1)""",
            product=product_id,
            seller=seller.id,
        )


def test_the_seller_changes_price_quantity_and_state(shop, seller):
    address = f"/api/v1/listings/{shop.listing(seller, shop.product(seller))}"
    price = {"amount": "450.50", "currency": "KES"}
    changed = seller.http.patch(address, json={"price": price, "quantity": 0, "state": "paused"}).json()
    assert (changed["price"], changed["quantity"], changed["state"]) == (price, 0, "paused")
    assert shop.guest.get("/api/v1/listings").json()["items"] == []
    assert seller.http.patch(address, json={"state": "active"}).json()["state"] == "active"
    assert shop.guest.get("/api/v1/listings").json()["items"][0]["price"] == price
    assert seller.http.patch(address, json={}).status_code == 200


def test_a_closed_listing_stays_closed(shop, seller):
    address = f"/api/v1/listings/{shop.listing(seller, shop.product(seller))}"
    assert seller.http.delete(address).status_code == 204
    assert seller.http.patch(address, json={"state": "active"}).status_code == 409
    assert seller.http.delete(address).status_code == 204
    assert shop.guest.get(address).json()["state"] == "closed"


def test_somebody_elses_listing_is_not_there_for_writing(shop, seller):
    other = shop.person("seller")
    address = f"/api/v1/listings/{shop.listing(seller, shop.product(seller))}"
    before = shop.guest.get(address).json()
    assert other.http.patch(address, json={"quantity": 0}).status_code == 404
    assert other.http.delete(address).status_code == 404
    assert shop.person("buyer").http.delete(address).status_code == 403
    assert shop.guest.delete(address).status_code == 401
    assert shop.guest.get(address).json() == before


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, "fixed_price.price"),
        ({"price": "500.00"}, "fixed_price.price"),
        ({"price": {"amount": 500, "currency": "KES"}}, "fixed_price.price.amount"),
        ({"price": {"amount": "0.00", "currency": "KES"}}, "fixed_price.price.amount"),
        ({"price": {"amount": "-5.00", "currency": "KES"}}, "fixed_price.price.amount"),
        ({"price": {"amount": "5.001", "currency": "KES"}}, "fixed_price.price.amount"),
        ({"price": {"amount": "1e3", "currency": "KES"}}, "fixed_price.price.amount"),
        ({"price": {"amount": "NaN", "currency": "KES"}}, "fixed_price.price.amount"),
        ({"price": {"amount": "٥", "currency": "KES"}}, "fixed_price.price.amount"),
        ({"price": {"amount": "5.00", "currency": "XXX"}}, "fixed_price.price.currency"),
        ({"price": {"amount": "9999999999999999.00", "currency": "KES"}}, "fixed_price.price"),
        ({"price": PRICE, "quantity": 0}, "fixed_price.quantity"),
        ({"price": PRICE, "quantity": -1}, "fixed_price.quantity"),
        ({"price": PRICE, "quantity": 100_001}, "fixed_price.quantity"),
        ({"price": PRICE, "quantity": "3"}, "fixed_price.quantity"),
        ({"price": PRICE, "quantity": 1.5}, "fixed_price.quantity"),
        ({"price": PRICE, "seller_id": 1}, "fixed_price.seller_id"),
    ],
)
def test_what_is_no_offer_is_refused_by_field_and_not_written(shop, seller, fields, wrong):
    answer = publish(seller, shop.product(seller), **fields)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [wrong]
    assert shop.count("listings") == 0


def test_exactly_one_kind_has_to_be_given(shop, seller):
    product_id = shop.product(seller)
    for body in ({"product_id": product_id}, {"product_id": product_id, "auction": {"price": PRICE}}):
        assert seller.http.post("/api/v1/listings", json=body).status_code == 422
    assert "fixed_price" in seller.http.post("/api/v1/listings", json={"product_id": product_id}).json()["errors"]
    assert shop.count("listings") == 0


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"price": {"amount": "5.00", "currency": "UGX"}}, "price.amount"),
        ({"price": {"amount": "5.00", "currency": "USD"}}, "price.currency"),
        ({"quantity": 100_001}, "quantity"),
        ({"quantity": None}, "quantity"),
        ({"state": "closed"}, "state"),
        ({"state": "sold"}, "state"),
        ({"kind": "auction"}, "kind"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_by_field_and_not_written(shop, seller, change, wrong):
    address = f"/api/v1/listings/{shop.listing(seller, shop.product(seller))}"
    before = shop.guest.get(address).json()
    answer = seller.http.patch(address, json=change)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [wrong])
    assert shop.guest.get(address).json() == before
