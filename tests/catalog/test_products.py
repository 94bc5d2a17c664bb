"""Products: what sellers have, changed by their owner alone."""

from __future__ import annotations

import pytest


@pytest.fixture
def seller(shop):
    return shop.person("seller")


def test_B5_M4_K4_S2_a_product_is_added_and_read_by_everybody(shop, seller):
    added = seller.http.post("/api/v1/products", json={"title": "Teapot", "description": "Holds tea."})
    assert added.status_code == 201
    document = added.json()
    assert document["created_at"].endswith("Z")
    assert {k: v for k, v in document.items() if k not in ("id", "created_at", "seller")} == {
        "title": "Teapot",
        "description": "Holds tea.",
        "category_id": None,
        "state": "active",
        "images": [],
        "rating": {"average": None, "count": 0},
        "listing_id": None,
    }
    assert document["seller"]["id"] == seller.id
    assert shop.guest.get(f"/api/v1/products/{document['id']}").json() == document


def test_only_sellers_who_are_not_blocked_add_products(shop):
    body = {"title": "Teapot"}
    assert shop.guest.post("/api/v1/products", json=body).status_code == 401
    assert shop.person("buyer").http.post("/api/v1/products", json=body).status_code == 403
    blocked = shop.person("seller", blocked=True).http.post("/api/v1/products", json=body)
    assert (blocked.status_code, blocked.json()["type"]) == (403, "urn:marketcore:problem:account-blocked")
    assert shop.count("products") == 0


def test_B5_M4_the_owner_changes_a_product_and_its_listing_moves_with_it(shop, seller):
    admin = shop.person("admin")
    home, garden = shop.category(admin, "Home"), shop.category(admin, "Garden")
    product_id = shop.product(seller, category_id=home["id"])
    listing_id = shop.listing(seller, product_id)
    changed = seller.http.patch(
        f"/api/v1/products/{product_id}", json={"title": "Watering can", "category_id": garden["id"]}
    ).json()
    assert (changed["title"], changed["category_id"], changed["listing_id"]) == (
        "Watering can",
        garden["id"],
        listing_id,
    )
    listing = shop.guest.get(f"/api/v1/listings/{listing_id}").json()
    assert (listing["category_id"], listing["product"]["title"]) == (garden["id"], "Watering can")
    found = shop.guest.get("/api/v1/listings", params={"category": "garden"}).json()["items"]
    assert [item["id"] for item in found] == [listing_id]


def test_somebody_elses_product_is_not_there_for_writing(shop, seller):
    other = shop.person("seller", "admin")
    product_id = shop.product(seller)
    address = f"/api/v1/products/{product_id}"
    before = shop.guest.get(address).json()
    png = {"file": ("a.png", b"\x89PNG", "image/png")}
    answers = [
        other.http.patch(address, json={"title": "Mine"}),
        other.http.delete(address),
        other.http.post("/api/v1/listings", json={"product_id": product_id, "fixed_price": offer("5.00")}),
        other.http.post(f"{address}/images", files=png),
        other.http.put(f"{address}/images", json={"order": []}),
        other.http.delete(f"{address}/images/1"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    assert shop.guest.get(address).json() == before
    assert shop.count("listings") == shop.count("media_objects") == 0


def offer(amount):
    return {"price": {"amount": amount, "currency": "KES"}}


def test_archiving_closes_the_listing_and_keeps_the_product_readable(shop, seller):
    product_id = shop.product(seller)
    listing_id = shop.listing(seller, product_id)
    address = f"/api/v1/products/{product_id}"
    assert seller.http.delete(address).status_code == 204
    assert seller.http.delete(address).status_code == 204
    document = shop.guest.get(address).json()
    assert (document["state"], document["listing_id"]) == ("archived", None)
    assert shop.guest.get(f"/api/v1/listings/{listing_id}").json()["state"] == "closed"
    assert shop.guest.get("/api/v1/products").json()["items"] == []
    assert shop.guest.get("/api/v1/listings").json()["items"] == []
    assert seller.http.patch(address, json={"title": "Again"}).status_code == 409
    again = seller.http.post("/api/v1/listings", json={"product_id": product_id, "fixed_price": offer("5.00")})
    assert again.status_code == 409


def test_lists_filter_by_seller_and_category_with_descendants_and_page_without_gaps(shop, seller):
    admin, other = shop.person("admin"), shop.person("seller")
    home = shop.category(admin, "Home")
    kitchen = shop.category(admin, "Kitchen", home["id"])
    ids = [shop.product(seller, f"Cup {n}", category_id=kitchen["id"]) for n in range(5)]
    theirs = shop.product(other, "Saucer", category_id=home["id"])
    shop.product(other, "Loose")

    def listed(**query):
        found, cursor = [], None
        while True:
            answer = shop.guest.get(
                "/api/v1/products", params={"limit": 2, **query, **({"cursor": cursor} if cursor else {})}
            ).json()
            found += [item["id"] for item in answer["items"]]
            cursor = answer["next"]
            if cursor is None:
                return found

    assert listed(seller_id=seller.id) == ids[::-1]
    assert listed(category="home") == [theirs, *ids[::-1]]
    assert listed(category=str(kitchen["id"])) == ids[::-1]
    assert listed(category="home", seller_id=other.id) == [theirs]
    assert listed(category="nowhere") == []
    assert len(listed()) == 7


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "\t "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": ["Teapot"]}, "title"),
        ({"title": None}, "title"),
        ({"title": "Tea\x00pot"}, "title"),
        ({"title": "Teapot", "description": "x" * 10_001}, "description"),
        ({"title": "Teapot", "category_id": 12345}, "category_id"),
        ({"title": "Teapot", "category_id": -1}, "category_id"),
        ({"title": "Teapot", "category_id": 1.0}, "category_id"),
        ({"title": "Teapot", "category_id": 2**70}, "category_id"),
        ({"title": "Teapot", "seller_id": 1}, "seller_id"),
        ({"title": "Teapot", "state": "archived"}, "state"),
    ],
)
def test_what_is_no_product_is_refused_by_field_and_not_written(shop, seller, body, field):
    answer = seller.http.post("/api/v1/products", json=body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert shop.count("products") == 0


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b'{"title": NaN}', b'{"title": "\xff"}', b'{"title":"\\ud800"}', b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused_and_not_written(shop, seller, raw):
    answer = seller.http.post("/api/v1/products", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert shop.count("products") == 0


def test_numbers_that_no_product_can_have_are_not_found(shop):
    for number in ("0", "999999999999999999", "9" * 40, "-1", "1%00", "1;drop"):
        assert shop.guest.get(f"/api/v1/products/{number}").status_code == 404
