"""Commission rates: admins set them, the closest one counts, and an order keeps that of its moment."""

from __future__ import annotations

import uuid
from itertools import product

import pytest

RATES = "/api/v1/commission-rates"
DEFAULT = 400
# The closest rate first.
CLOSENESS = ("both", "seller", "category")
BASIS_POINTS = {"both": 100, "seller": 200, "category": 300}


class Rates:
    """A seller with goods in a category, and an admin who decides about their rates."""

    def __init__(self, bazaar):
        self.bazaar, self.admin = bazaar, bazaar.person("admin")
        self.seller_id = bazaar.seller_user["user"]["id"]
        self.category_id = self.category()

    def category(self):
        return self.admin.post("/api/v1/categories", json={"name": uuid.uuid4().hex}).json()["id"]

    def publish(self, price="500.00", currency="KES", category_id=None):
        seller = self.bazaar.seller
        body = {"title": uuid.uuid4().hex, **({"category_id": category_id} if category_id else {})}
        made = seller.post("/api/v1/products", json=body)
        assert made.status_code == 201, made.text
        offer = {"price": {"amount": price, "currency": currency}, "quantity": 50}
        listed = seller.post("/api/v1/listings", json={"product_id": made.json()["id"], "fixed_price": offer})
        assert listed.status_code == 201, listed.text
        return listed.json()

    def order(self, *listings):
        """Order these and return (the rate of each line, the order's commission)."""
        for listing in listings:
            assert self.bazaar.put(listing).status_code == 200
        self.bazaar.checkout = self.bazaar.place().json()
        rows = self.bazaar.market.query(
            "SELECT commission_bp FROM order_lines WHERE order_id = :id ORDER BY listing_id", id=self.bazaar.order_id
        )
        return [bp for (bp,) in rows], self.bazaar.order().commission_minor

    def put(self, basis_points, **named):
        answer = self.admin.put(RATES, json={**named, "basis_points": basis_points})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def named(self, what):
        ids = {"seller_id": self.seller_id, "category_id": self.category_id}
        return ids if what == "both" else {f"{what}_id": ids[f"{what}_id"]}


@pytest.fixture
def rates(make_bazaar):
    return Rates(make_bazaar({"orders__commission_bp": str(DEFAULT)}, stock=100))


def test_K3_M6_the_closest_rate_counts_whichever_others_there_are(rates):
    goods = rates.publish(category_id=rates.category_id)
    stranger, elsewhere = rates.bazaar.person("seller"), rates.category()
    stranger_id = stranger.get("/api/v1/users/me").json()["id"]
    for named in (
        {"seller_id": stranger_id},
        {"category_id": elsewhere},
        {"seller_id": stranger_id, "category_id": rates.category_id},
        {"seller_id": rates.seller_id, "category_id": elsewhere},
    ):
        rates.put(9_999, **named)
    for chosen in product([False, True], repeat=3):
        there = dict(zip(CLOSENESS, chosen, strict=True))
        for what, exists in there.items():
            if exists:
                rates.put(BASIS_POINTS[what], **rates.named(what))
        expected = next((BASIS_POINTS[what] for what in CLOSENESS if there[what]), DEFAULT)
        assert rates.order(goods) == ([expected], 50_000 * expected // 10_000), there
        for what in (what for what in CLOSENESS if there[what]):
            assert rates.admin.delete(RATES, params=rates.named(what)).status_code == 204


def test_an_order_keeps_the_rate_of_the_moment_it_was_placed(rates):
    goods = rates.publish(category_id=rates.category_id)
    rates.put(1_000, category_id=rates.category_id)
    assert rates.order(goods) == ([1_000], 5_000)
    rates.put(9_000, category_id=rates.category_id)
    rates.put(9_000, seller_id=rates.seller_id)
    rates.bazaar.money_arrives()
    rates.bazaar.to_state("shipped")
    rates.bazaar.step(rates.bazaar.buyer, "delivered")
    assert rates.bazaar.shares() == (0, 45_000, 5_000)


def test_an_order_of_several_categories_carries_the_share_of_each_line(rates):
    other = rates.category()
    goods = [rates.publish("0.99", category_id=rates.category_id), rates.publish("3.33", category_id=other)]
    goods.append(rates.publish("1.01"))
    rates.put(333, category_id=rates.category_id)
    rates.put(5_000, category_id=other)
    # 3.2967, 166.5 (the tie goes to the platform) and 4.04 minor units.
    assert rates.order(*goods) == ([333, 5_000, DEFAULT], 3 + 167 + 4)
    rates.bazaar.money_arrives()
    rates.bazaar.to_state("shipped")
    rates.bazaar.step(rates.bazaar.buyer, "delivered")
    assert rates.bazaar.shares() == (0, 533 - 174, 174)


def test_a_rate_is_put_listed_changed_and_removed_and_every_act_is_recorded(rates):
    first = rates.put(100, seller_id=rates.seller_id)
    assert rates.put(250, seller_id=rates.seller_id) == {**first, "basis_points": 250}
    second = rates.put(0, **rates.named("both"))
    third = rates.put(10_000, category_id=rates.category_id)
    assert (third["seller_id"], third["category_id"]) == (None, rates.category_id)
    page = rates.admin.get(RATES, params={"limit": 2}).json()
    rest = rates.admin.get(RATES, params={"cursor": page["next"]}).json()
    assert [rate["id"] for rate in page["items"] + rest["items"]] == [first["id"], second["id"], third["id"]]
    assert rates.admin.delete(RATES, params=rates.named("seller")).status_code == 204
    assert rates.admin.delete(RATES, params=rates.named("seller")).status_code == 404
    assert [rate["id"] for rate in rates.admin.get(RATES).json()["items"]] == [second["id"], third["id"]]
    kept = rates.bazaar.market.query("SELECT act, detail FROM audit_log WHERE subject = 'commission_rate' ORDER BY id")
    assert [row.act.rpartition(".")[2] for row in kept] == ["put", "put", "put", "put", "remove"]
    assert kept[1].detail == {"seller_id": rates.seller_id, "category_id": None, "basis_points": 250}


def test_a_rate_for_nobody_for_somebody_unknown_or_beyond_the_whole_is_refused(rates):
    mine = {"seller_id": rates.seller_id}
    buyer_id = rates.bazaar.buyer_user["user"]["id"]
    for body, field in (
        ({"basis_points": 100}, "seller_id"),
        ({"seller_id": 10**9, "basis_points": 100}, "seller_id"),
        ({"seller_id": buyer_id, "basis_points": 100}, "seller_id"),
        ({**mine, "category_id": 10**9, "basis_points": 100}, "category_id"),
        ({**mine, "basis_points": 10_001}, "basis_points"),
        ({**mine, "basis_points": -1}, "basis_points"),
        (mine, "basis_points"),
    ):
        answer = rates.admin.put(RATES, json=body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field]), answer.text
    assert rates.admin.delete(RATES).status_code == 422
    assert rates.admin.get(RATES).json()["items"] == []


def test_rates_are_for_admins_alone(rates):
    body = {"seller_id": rates.seller_id, "basis_points": 0}
    for client, status in ((rates.bazaar.seller, 403), (rates.bazaar.buyer, 403), (rates.bazaar.market.client(), 401)):
        assert client.get(RATES).status_code == status
        assert client.put(RATES, json=body).status_code == status
        assert client.delete(RATES, params={"seller_id": rates.seller_id}).status_code == status


def test_a_category_with_a_rate_is_not_deleted_under_it(rates):
    rates.put(100, category_id=rates.category_id)
    path = f"/api/v1/categories/{rates.category_id}"
    assert rates.admin.delete(path).status_code == 409
    rates.admin.delete(RATES, params={"category_id": rates.category_id})
    assert rates.admin.delete(path).status_code == 204
