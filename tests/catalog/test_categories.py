"""Categories: a tree that admins grow and everybody reads."""

from __future__ import annotations

import threading

import pytest


@pytest.fixture
def admin(shop):
    return shop.person("admin")


def names(shop):
    return [item["name"] for item in shop.guest.get("/api/v1/categories").json()["items"]]


def test_B5_M4_K4_everybody_reads_the_whole_tree_with_parents_before_children(shop, admin):
    home = shop.category(admin, "Home")
    kitchen = shop.category(admin, "Kitchen", home["id"])
    shop.category(admin, "Books")
    shop.category(admin, "Pots & pans", kitchen["id"])
    shop.category(admin, "Bath", home["id"])
    assert names(shop) == ["Books", "Home", "Bath", "Kitchen", "Pots & pans"]
    assert kitchen == {"id": kitchen["id"], "parent_id": home["id"], "name": "Kitchen", "slug": "kitchen"}


def test_slugs_come_from_names_and_are_never_given_twice(shop, admin):
    given = ["Café & Té", "Cafe Te", "2024", "電子", "電子"]
    assert [shop.category(admin, name)["slug"] for name in given] == [
        "cafe-te",
        "cafe-te-2",
        "category-2024",
        "category",
        "category-2",
    ]


def test_only_admins_change_the_tree(shop, admin):
    seller = shop.person("seller", "buyer")
    home = shop.category(admin, "Home")
    assert shop.guest.post("/api/v1/categories", json={"name": "X"}).status_code == 401
    assert seller.http.post("/api/v1/categories", json={"name": "X"}).status_code == 403
    assert seller.http.patch(f"/api/v1/categories/{home['id']}", json={"name": "X"}).status_code == 403
    assert seller.http.delete(f"/api/v1/categories/{home['id']}").status_code == 403
    assert names(shop) == ["Home"]


def test_a_category_is_renamed_and_moved_and_keeps_its_slug(shop, admin):
    home, garden = shop.category(admin, "Home"), shop.category(admin, "Garden")
    address = f"/api/v1/categories/{garden['id']}"
    moved = admin.http.patch(address, json={"name": "Gardening", "parent_id": home["id"]}).json()
    assert moved == {**garden, "name": "Gardening", "parent_id": home["id"]}
    assert admin.http.patch(address, json={"top_level": True}).json()["parent_id"] is None
    both = admin.http.patch(address, json={"top_level": True, "parent_id": home["id"]})
    assert (both.status_code, list(both.json()["errors"])) == (422, ["top_level"])


def test_a_category_cannot_come_to_lie_below_itself(shop, admin):
    top = shop.category(admin, "Top")
    middle = shop.category(admin, "Middle", top["id"])
    leaf = shop.category(admin, "Leaf", middle["id"])
    for below in (top, middle, leaf):
        answer = admin.http.patch(f"/api/v1/categories/{top['id']}", json={"parent_id": below["id"]})
        assert answer.status_code == 409
    assert names(shop) == ["Top", "Middle", "Leaf"]


def test_two_moves_at_once_cannot_make_a_circle(shop, admin):
    """Each move alone is fine; together they would close a ring that no tree has."""
    for _round in range(5):
        one, two = shop.category(admin, "One"), shop.category(admin, "Two")
        barrier, statuses = threading.Barrier(2), []

        def move(what, below, barrier=barrier, statuses=statuses):
            with shop.market.client(admin.token) as http:
                barrier.wait()
                answer = http.patch(f"/api/v1/categories/{what['id']}", json={"parent_id": below["id"]})
                statuses.append(answer.status_code)

        threads = [threading.Thread(target=move, args=pair) for pair in ((one, two), (two, one))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 409]


def test_a_category_with_something_in_it_is_not_deleted(shop, admin):
    seller = shop.person("seller")
    home = shop.category(admin, "Home")
    kitchen = shop.category(admin, "Kitchen", home["id"])
    product_id = shop.product(seller, category_id=kitchen["id"])
    for category in (home, kitchen):
        assert admin.http.delete(f"/api/v1/categories/{category['id']}").status_code == 409
    empty = shop.category(admin, "Empty")
    assert admin.http.delete(f"/api/v1/categories/{empty['id']}").status_code == 204
    assert admin.http.delete(f"/api/v1/categories/{empty['id']}").status_code == 404
    assert seller.http.get(f"/api/v1/products/{product_id}").json()["category_id"] == kitchen["id"]
    assert names(shop) == ["Home", "Kitchen"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": 7}, "name"),
        ({"name": "Home", "parent_id": 999}, "parent_id"),
        ({"name": "Home", "parent_id": 10**30}, "parent_id"),
        ({"name": "Home", "parent_id": "1"}, "parent_id"),
        ({"name": "Home", "parent_id": True}, "parent_id"),
    ],
)
def test_what_is_no_category_is_refused_by_field_and_not_written(shop, admin, body, field):
    answer = admin.http.post("/api/v1/categories", json=body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert shop.count("categories") == 0
