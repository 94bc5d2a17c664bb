"""Images where the catalog shows them: covers in lists, limits under pressure, files that go with their image."""

from __future__ import annotations

import io
import threading

import pytest
from PIL import Image


@pytest.fixture
def seller(shop):
    return shop.person("seller")


def picture(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "PNG")
    return out.getvalue()


def upload(http, product_id, data=None):
    return http.post(f"/api/v1/products/{product_id}/images", files={"file": ("a.png", data or picture(), "image/png")})


def cover(shop):
    (item,) = shop.guest.get("/api/v1/listings").json()["items"]
    return item["product"]["cover"]


def test_the_first_image_that_is_ready_is_the_cover_of_the_listing(shop, seller):
    product_id = shop.product(seller)
    shop.listing(seller, product_id)
    broken = upload(seller.http, product_id, picture()[:-30]).json()["id"]
    first = upload(seller.http, product_id).json()["id"]
    assert cover(shop) is None
    shop.run_jobs()
    second = upload(seller.http, product_id).json()["id"]
    shop.run_jobs()
    images = {i["id"]: i for i in shop.guest.get(f"/api/v1/products/{product_id}").json()["images"]}
    assert [images[number]["state"] for number in (broken, first, second)] == ["failed", "ready", "ready"]
    assert cover(shop) == images[first]["thumb"]
    seller.http.put(f"/api/v1/products/{product_id}/images", json={"order": [second, broken, first]})
    assert cover(shop) == images[second]["thumb"]
    seller.http.delete(f"/api/v1/products/{product_id}/images/{second}")
    assert cover(shop) == images[first]["thumb"]
    assert shop.guest.get(images[second]["thumb"]).status_code == 404
    assert shop.guest.get(images[first]["thumb"]).status_code == 200


def test_uploads_at_once_cannot_pass_the_limit_or_share_a_place(make_shop):
    shop = make_shop(catalog__max_images="3")
    seller = shop.person("seller")
    product_id = shop.product(seller)
    barrier, statuses = threading.Barrier(8), []

    def attempt():
        with shop.market.client(seller.token) as http:
            barrier.wait()
            statuses.append(upload(http, product_id).status_code)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] * 3 + [409] * 5
    assert [row.position for row in shop.market.query("SELECT position FROM product_images ORDER BY 1")] == [1, 2, 3]


@pytest.mark.parametrize("order", ["twice", "foreign", "missing", "text", "none"])
def test_an_order_that_is_not_one_of_the_images_is_refused_by_field_and_changes_nothing(shop, seller, order):
    product_id, other = shop.product(seller), shop.product(seller)
    one, two = (upload(seller.http, product_id).json()["id"] for _ in range(2))
    foreign = upload(seller.http, other).json()["id"]
    given = {"twice": [one, one], "foreign": [one, foreign], "missing": [two], "text": ["x"], "none": []}[order]
    answer = seller.http.put(f"/api/v1/products/{product_id}/images", json={"order": given})
    assert answer.status_code == 422
    assert next(iter(answer.json()["errors"])).startswith("order")
    images = shop.guest.get(f"/api/v1/products/{product_id}").json()["images"]
    assert [image["id"] for image in images] == [one, two]


def test_an_image_of_another_product_is_not_removed_through_this_one(shop, seller):
    product_id, other = shop.product(seller), shop.product(seller)
    foreign = upload(seller.http, other).json()["id"]
    assert seller.http.delete(f"/api/v1/products/{product_id}/images/{foreign}").status_code == 404
    assert shop.count("media_objects") == 1


def test_who_may_not_sell_uploads_nothing(shop, seller):
    product_id = shop.product(seller)
    assert upload(shop.guest, product_id).status_code == 401
    assert upload(shop.person("buyer").http, product_id).status_code == 403
    assert upload(shop.person("seller", blocked=True).http, product_id).status_code == 403
    assert shop.count("media_objects") == 0


def test_an_archived_product_takes_no_more_images(shop, seller):
    product_id = shop.product(seller)
    seller.http.delete(f"/api/v1/products/{product_id}")
    assert upload(seller.http, product_id).status_code == 409
    assert shop.count("media_objects") == 0
