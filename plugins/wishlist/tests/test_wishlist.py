"""Wishlists: toggled, put and taken off as often as one likes, shown as things stand now, told of better offers."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketcore.db import migrate
from marketcore.db.metadata import core_metadata
from marketcore.plugins import migration_locations
from marketcore.testing.contracts import at_once
from marketcore_wishlist import models


def test_K4_M13_a_product_is_toggled_onto_the_wishlist_and_off_again(window):
    product_id = window.product()
    assert window.toggle(product_id).json() == {"product_id": product_id, "wished": True, "count": None}
    assert window.toggle(product_id).json()["wished"] is False
    answers = at_once([lambda: window.toggle(product_id)] * 4)
    assert sorted(answer.json()["wished"] for answer in answers) == [False, False, True, True]
    assert window.wishes()["items"] == []
    assert window.toggle(999_999).status_code == 404
    path = f"/api/v1/wishlist/{product_id}"
    for _ in range(2):
        assert window.guest.put(path).json()["wished"] is True
    assert len(window.wishes()["items"]) == 1
    for _ in range(2):
        assert window.guest.delete(path).status_code == 204
    assert window.wishes()["items"] == []
    assert window.guest.delete("/api/v1/wishlist/999999").status_code == 204
    window.seller.delete(f"/api/v1/products/{product_id}")
    assert window.guest.put(path).status_code == 409


def test_M13_a_wishlist_shows_in_pages_how_everything_is_on_sale_now(window):
    products = [window.product(f"Basket {n}") for n in range(6)]
    listing_id = window.publish(products[0], "750.00", quantity=2)
    for product_id in products[:5]:
        assert window.toggle(product_id).json()["wished"] is True
    assert window.toggle(products[5]).status_code == 409, "the list is full"
    first = window.wishes(limit=4)
    (last,) = window.wishes(limit=4, cursor=first["next"])["items"]
    assert [one["product"]["id"] for one in first["items"]] == products[4:0:-1]
    assert [one["listing"] for one in first["items"]] == [None] * 4
    assert (last["buyable"], last["rating"], last["seller"]["id"]) == (
        True,
        {"average": None, "count": 0},
        window.seller_user["user"]["id"],
    )
    offer = {"id": listing_id, "kind": "fixed_price", "state": "active", "quantity": 2}
    assert last["listing"] == {**offer, "price": {"amount": "750.00", "currency": "KES"}}
    window.change(listing_id, state="paused", price={"amount": "700.00", "currency": "KES"})
    (last,) = window.wishes(limit=4, cursor=first["next"])["items"]
    assert (last["buyable"], last["listing"]["state"], last["listing"]["price"]["amount"]) == (
        False,
        "paused",
        "700.00",
    )


def test_M13_a_seller_sees_on_how_many_wishlists_each_product_is_and_nobody_else_does(window):
    wanted, other = window.product("Wanted"), window.product("Other")
    window.toggle(wanted)
    path = f"/api/v1/products/{wanted}/wishlist"
    assert window.seller.get(path).json() == {"product_id": wanted, "wished": False, "count": 1}
    assert window.guest.get(path).json() == {"product_id": wanted, "wished": True, "count": None}
    page = window.seller.get("/api/v1/wishlist/demand", params={"limit": 1}).json()
    rest = window.seller.get("/api/v1/wishlist/demand", params={"limit": 1, "cursor": page["next"]}).json()
    assert [(one["product_id"], one["count"]) for one in page["items"] + rest["items"]] == [(other, 0), (wanted, 1)]
    assert window.guest.get("/api/v1/wishlist/demand").status_code == 403


def test_M13_people_are_told_when_a_price_drops_or_something_is_back_and_of_nothing_else(window):
    product_id = window.product()
    listing_id = window.publish(product_id, "500.00")
    window.toggle(product_id)
    assert window.look_around() == []
    window.change(listing_id, price={"amount": "450.00", "currency": "KES"})
    assert window.look_around() == [
        ("wishlist.price_dropped", "Kiondo basket now costs 450.00 KES instead of 500.00 KES")
    ]
    assert window.look_around() == []
    window.change(listing_id, price={"amount": "600.00", "currency": "KES"})
    assert window.look_around() == []
    window.change(listing_id, quantity=0)
    assert window.look_around() == []
    window.change(listing_id, quantity=1)
    assert window.look_around() == [("wishlist.back_in_stock", "Kiondo basket can be bought again, for 600.00 KES")]
    window.change(listing_id, price={"amount": "599.99", "currency": "KES"})
    assert [type for type, _line in window.look_around()] == ["wishlist.price_dropped"]


def test_the_migrations_go_down_and_up_again_and_make_the_tables_of_the_models(make_market):
    market = make_market("wishlist", wishlist__max_items="5")
    url, market.spent = market.settings["marketcore.database_url"], True
    migrate.downgrade(url, "wishlist@base", migration_locations())
    assert migrate.upgrade(url, ["wishlist"], migration_locations()) == ["wishlist_0001"]
    with market.registry["engine"].connect() as connection:
        options = {"compare_type": True, "include_object": of_this_plugin}
        context = MigrationContext.configure(connection, opts=options)
        assert models.Wish.metadata is core_metadata()
        assert compare_metadata(context, core_metadata()) == []


def of_this_plugin(_thing, name, type_, _reflected, _other):
    return type_ != "table" or name.startswith("wishlist_")
