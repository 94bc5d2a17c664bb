"""Where a purchase goes: said at the checkout, or afterwards by whoever was awarded something."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketcore.db import clock
from marketcore.orders.checkout import CheckoutService
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import ADDRESS

FULL = {"phone": "", "line2": "", "region": "", "postal_code": "", **ADDRESS}


class Won:
    """An award of the bazaar's listing to its buyer."""

    def __init__(self, bazaar):
        self.bazaar = bazaar
        row = bazaar.market.perform(self._award)
        self.id, self.order_id = row.checkout_id, row.id
        bazaar.checkout = self.read()

    def _award(self, request):
        buyer_id, listing_id = self.bazaar.buyer_user["user"]["id"], self.bazaar.listing["id"]
        due = clock.now(request.db) + timedelta(days=1)
        return request.find_service(CheckoutService).award(buyer_id, listing_id, 900, due)

    def read(self):
        return self.bazaar.buyer.get(f"/api/v1/checkouts/{self.id}").json()

    def send_to(self, address, who=None):
        return (who or self.bazaar.buyer).put(f"/api/v1/checkouts/{self.id}/ship-to", json=address)

    def step(self, to):
        body = {"to": to, **({"carrier": "Posta"} if to == "shipped" else {})}
        return self.bazaar.seller.post(f"/api/v1/orders/{self.order_id}/steps", json=body)


@pytest.fixture
def won(bazaar):
    return Won(bazaar)


def test_a_winner_says_where_to_and_the_seller_reads_it(bazaar, won):
    assert won.read()["ship_to"] is None
    assert bazaar.seller.get(f"/api/v1/orders/{won.order_id}").json()["ship_to"] is None
    answer = won.send_to(ADDRESS)
    assert (answer.status_code, answer.json()["ship_to"]) == (200, FULL)
    assert answer.json() == won.read()
    assert bazaar.seller.get(f"/api/v1/orders/{won.order_id}").json()["ship_to"] == FULL


def test_an_address_given_at_the_checkout_is_shown_and_can_be_corrected(bazaar):
    url = f"/api/v1/checkouts/{bazaar.checkout['id']}"
    assert bazaar.checkout["ship_to"] == bazaar.read_order()["ship_to"] == FULL
    moved = bazaar.buyer.put(f"{url}/ship-to", json={**ADDRESS, "city": "Nakuru"})
    assert moved.json()["ship_to"] == {**FULL, "city": "Nakuru"}


def test_goods_without_an_address_are_paid_and_confirmed_but_not_packed(bazaar, won):
    assert bazaar.money_arrives()
    assert won.step("confirmed").status_code == 200
    refused = won.step("packed")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:marketcore:problem:conflict")
    assert "has no address to go to" in refused.json()["detail"]
    assert won.send_to(ADDRESS).status_code == 200
    assert won.step("packed").status_code == 200
    bazaar.market.query("UPDATE checkouts SET ship_to = '{}'")
    assert won.step("shipped").status_code == 409
    assert bazaar.history(won.order_id)[-1] == "packed"


def test_where_packed_or_ended_goods_go_stays_as_it_is(bazaar, won):
    won.send_to(ADDRESS)
    for state in ("packed", "shipped", "delivered", "completed", "cancelled", "expired", "refunded"):
        bazaar.market.query("UPDATE orders SET state = :state WHERE id = :id", state=state, id=won.order_id)
        answer = won.send_to({**ADDRESS, "city": "Nakuru"})
        assert (answer.status_code, won.read()["ship_to"]) == (409, FULL)
        assert f"order {won.order_id} is {state}" in answer.json()["detail"]
    bazaar.market.query("UPDATE orders SET state = 'pending_payment' WHERE id = :id", id=won.order_id)


def test_one_packed_order_of_several_keeps_them_all_where_they_go(bazaar):
    other = bazaar.person("seller")
    product = other.post("/api/v1/products", json={"title": "Sisal bag"}).json()
    offer = {"price": {"amount": "3.00", "currency": "KES"}, "quantity": 1}
    second = other.post("/api/v1/listings", json={"product_id": product["id"], "fixed_price": offer}).json()
    bazaar.put(bazaar.listing)
    bazaar.put(second)
    bazaar.checkout = bazaar.place().json()
    assert len(bazaar.checkout["orders"]) == 2
    assert bazaar.money_arrives()
    url = f"/api/v1/checkouts/{bazaar.checkout['id']}/ship-to"
    assert bazaar.buyer.put(url, json=ADDRESS).status_code == 200
    bazaar.market.query("UPDATE orders SET state = 'packed' WHERE id = :id", id=bazaar.order_id)
    assert bazaar.buyer.put(url, json=ADDRESS).status_code == 409


def test_only_the_buyer_says_where_to(bazaar, won):
    for who, status in ((bazaar.seller, 404), (bazaar.person(), 404), (bazaar.person("admin"), 404)):
        assert won.send_to(ADDRESS, who).status_code == status
    assert won.send_to(ADDRESS, bazaar.market.client()).status_code == 401
    assert won.read()["ship_to"] is None
    assert bazaar.buyer.put("/api/v1/checkouts/999999/ship-to", json=ADDRESS).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"city": None}, "city"),
        ({"country": "Kenya"}, "country"),
        ({"country": "KE\n"}, "country"),
        ({"line1": "x" * 201}, "line1"),
        ({"floor": "2"}, "floor"),
    ],
)
def test_an_address_is_held_to_what_the_checkout_wants(bazaar, won, wrong, field):
    answers = [won.send_to({**ADDRESS, **wrong})]
    bazaar.put(bazaar.listing)
    answers.append(bazaar.buyer.post("/api/v1/checkouts", json={"ship_to": {**ADDRESS, **wrong}}))
    assert [answer.status_code for answer in answers] == [422, 422]
    assert [list(answer.json()["errors"]) for answer in answers] == [[field], [f"ship_to.{field}"]]
    assert won.read()["ship_to"] is None


def test_an_address_and_a_packing_at_once_leave_what_the_parcel_says(bazaar, won):
    won.send_to(ADDRESS)
    assert bazaar.money_arrives()
    won.step("confirmed")
    elsewhere = {**ADDRESS, "city": "Nakuru"}
    moved, packed = at_once([lambda: won.send_to(elsewhere), lambda: won.step("packed")])
    assert packed.status_code == 200
    assert moved.status_code in (200, 409)
    assert won.read()["ship_to"]["city"] == ("Nakuru" if moved.status_code == 200 else ADDRESS["city"])
    # Whoever packed read the address that the goods keep.
    assert packed.json()["ship_to"] == won.read()["ship_to"]
