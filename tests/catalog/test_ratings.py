"""Ratings of products: added up whoever gives them at once, found and sorted by without asking who keeps opinions."""

from __future__ import annotations

import pytest

from marketcore.catalog.ratings import ProductRatings
from marketcore.exceptions import NotFound
from marketcore.testing.contracts import at_once


@pytest.fixture
def seller(shop):
    return shop.person("seller")


def rate(shop, product_id, *stars):
    """Let one person after another rate a product."""

    def change(request):
        request.find_service(ProductRatings).change(product_id, count=len(stars), stars=sum(stars))

    shop.market.perform(change)


def search(shop, **query):
    answer = shop.guest.get("/api/v1/listings", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(shop, **query):
    """Return the titles of all pages, two to a page."""
    titles, cursor = [], {}
    while True:
        page = search(shop, limit=2, **query, **cursor)
        titles += [item["product"]["title"] for item in page["items"]]
        if page["next"] is None:
            return titles
        cursor = {"cursor": page["next"]}


@pytest.fixture
def rated(shop, seller):
    """Five lamps in one category, rated 5.00, 4.50, 4.50 and 3.67, and one that nobody has rated."""
    lights = shop.category(shop.person("admin"), "Lights")
    opinions = {"Lamp best": [5], "Lamp good": [4, 5], "Lamp fine": [5, 4], "Lamp fair": [5, 4, 2], "Lamp new": []}
    for title, stars in opinions.items():
        product_id = shop.product(seller, title, category_id=lights["id"])
        shop.listing(seller, product_id)
        if stars:
            rate(shop, product_id, *stars)


BEST = ["Lamp best", "Lamp fine", "Lamp good", "Lamp fair", "Lamp new"]


def test_B5_K4_a_search_sorts_by_rating_in_pages_with_any_other_filter(shop, seller, rated, monkeypatch):
    for narrow in ({}, {"category": "lights"}, {"seller_id": seller.id}, {"q": "lamp"}, {"currency": "KES"}):
        assert found(shop, sort="rating", **narrow) == BEST, narrow
    monkeypatch.setattr("marketcore.catalog.search.FEW", 3)
    assert found(shop, sort="rating", q="lamp", category="lights", seller_id=seller.id) == BEST


def test_B5_K4_a_search_finds_only_what_is_rated_well_enough(shop, rated):
    assert found(shop, min_rating="4.5", sort="rating") == BEST[:3]
    assert found(shop, min_rating="3.67", q="lamp", sort="rating") == BEST[:4]
    assert found(shop, min_rating="5", category="lights") == BEST[:1]
    assert sorted(found(shop, min_rating="3.68", sort="price")) == sorted(BEST[:3])


def test_K4_lists_show_how_a_product_is_rated_and_by_how_many(shop, rated):
    shown = {item["product"]["title"]: item["rating"] for item in search(shop)["items"]}
    assert shown["Lamp fair"] == {"average": "3.67", "count": 3}
    assert shown["Lamp new"] == {"average": None, "count": 0}
    products = {item["title"]: item["rating"] for item in shop.guest.get("/api/v1/products").json()["items"]}
    assert products == shown


def test_K4_ratings_that_come_at_once_all_count_also_for_a_listing_that_is_published_meanwhile(shop, seller):
    product_id = shop.product(seller, "Teapot")
    given = [1, 2, 3, 4, 5, 5, 5]
    ratings = [lambda stars=stars: rate(shop, product_id, stars) for stars in given]
    at_once([*ratings, lambda: shop.listing(seller, product_id)])
    (item,) = search(shop, min_rating="3.57")["items"]
    assert item["rating"] == {"average": "3.57", "count": 7}
    ((kept, copied),) = shop.market.query(
        """SELECT p.rating_hundredths, l.rating_hundredths FROM products p JOIN listings l ON l.product_id = p.id
           WHERE p.id = :id""",
        id=product_id,
    )
    assert kept == copied == 357


def test_a_rating_can_be_taken_back_and_nothing_else_can_be_rated(shop, seller):
    product_id = shop.product(seller, "Teapot")
    rate(shop, product_id, 2, 5)
    shop.market.perform(lambda r: r.find_service(ProductRatings).change(product_id, count=-1, stars=-2))
    assert shop.guest.get(f"/api/v1/products/{product_id}").json()["rating"] == {"average": "5.00", "count": 1}
    with pytest.raises(NotFound):
        rate(shop, 10**9, 5)
