"""Publishing auctions: every term, what the settings say for the rest, and terms that make no sense."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from .lots import kes, stamp


@pytest.fixture(scope="module")
def settings():
    return {
        "auctions.increments.UGX": "0:500 10000:1000",
        "auctions.soft_close": "reset",
        "auctions.soft_close_window_seconds": "90",
        "auctions.soft_close_extension_seconds": "45",
        "auctions.soft_close_cap_seconds": "600",
        "auctions.longest_minutes": "10080",
    }


def terms_in_log(house, lot):
    from marketcore_auctions.chain import read_entry

    return read_entry(house.log(lot)[0][0]).terms


def test_every_term_that_a_seller_gives_is_kept_and_told(house):
    starts_at, ends_at = (house.now() + timedelta(hours=hours) for hours in (1, 5))
    lot = house.publish(
        starts_at=stamp(starts_at),
        ends_at=stamp(ends_at),
        reserve=kes(250),
        buy_now=kes(900),
        increments=[{"step": kes(10)}, {"from": kes(200), "step": kes(25)}],
        soft_close={"policy": "extend", "window_seconds": 30, "extend_seconds": 60, "cap_seconds": 120},
        deposit=kes(40),
        if_unpaid="end",
    )
    assert (lot["state"], lot["outcome"], lot["currency"], lot["bids"]) == ("scheduled", None, "KES", 0)
    assert (lot["starting_price"], lot["price"], lot["next_minimum"]) == (kes(100), kes(100), kes(100))
    assert (lot["reserve"], lot["buy_now"], lot["deposit"]) == ("not_met", kes(900), kes(40))
    assert (lot["starts_at"], lot["ends_at"]) == (stamp(starts_at), stamp(ends_at))
    assert lot["latest_end_at"] == stamp(ends_at + timedelta(seconds=120))
    assert lot["soft_close"] == {"policy": "extend", "window_seconds": 30, "extend_seconds": 60}
    told = terms_in_log(house, lot)
    assert told["increments"] == [[0, 1000], [20_000, 2500]]
    assert (told["reserve"], told["buy_now"]) == (25_000, 90_000)
    ((if_unpaid,),) = house.market.query("SELECT if_unpaid FROM auctions_auctions WHERE listing_id = :id", id=lot["id"])
    assert if_unpaid == "end"


def test_what_a_seller_leaves_out_the_settings_say(house):
    lot = house.publish(price={"amount": "5000", "currency": "UGX"}, duration_minutes=30)
    assert (lot["state"], lot["reserve"], lot["buy_now"], lot["deposit"]) == ("open", "none", None, None)
    assert lot["soft_close"] == {"policy": "reset", "window_seconds": 90, "extend_seconds": 45}
    told = terms_in_log(house, lot)
    assert told["increments"] == [[0, 500], [10_000, 1000]]
    ends_at = datetime.fromisoformat(lot["ends_at"])
    assert datetime.fromisoformat(told["latest_end_at"]) - ends_at == timedelta(seconds=600)
    bid = house.person().bid(lot, {"amount": "5000", "currency": "UGX"}).json()
    assert bid["next_minimum"] == {"amount": "5500", "currency": "UGX"}


def test_without_a_soft_close_the_end_is_the_end(house):
    lot = house.publish(soft_close={"policy": "none"})
    assert lot["latest_end_at"] == lot["ends_at"]


def test_a_start_in_the_past_is_now(house):
    lot = house.publish(starts_at="2020-01-01T00:00:00Z")
    assert (lot["state"], lot["starts_at"] > "2026") == ("open", True)


def test_the_seller_is_told_which_term_makes_no_sense(house):
    usd = {"amount": "500.00", "currency": "USD"}
    past, later = "2020-01-01T00:00:00Z", stamp(house.now() + timedelta(hours=1))
    steps = [{"step": kes(5)}, {"from": kes(50), "step": kes(10)}, {"from": kes(50), "step": kes(20)}]
    for field, terms in {
        "auction.reserve": {"reserve": kes(99)},
        "auction.buy_now": {"buy_now": kes(199), "reserve": kes(200)},
        "auction.ends_at": {"ends_at": past},
        "auction.ends_at ": {"ends_at": later, "duration_minutes": 60},
        "auction.ends_at  ": {},
        "auction.ends_at   ": {"ends_at": later, "starts_at": stamp(house.now() + timedelta(hours=2))},
        "auction.ends_at    ": {"duration_minutes": 10_081},
        "auction.ends_at     ": {"ends_at": "9999-12-31T23:59:59Z"},
        "auction.duration_minutes": {"duration_minutes": 0},
        "auction.reserve.currency": {"reserve": usd},
        "auction.buy_now.currency": {"buy_now": usd},
        "auction.deposit.currency": {"deposit": usd},
        "auction.increments.0.step.currency": {"increments": [{"step": usd}]},
        "auction.increments": {"increments": steps},
        "auction.increments ": {"increments": [{"from": kes(1), "step": kes(5)}]},
        "auction.increments  ": {"increments": []},
        "auction.soft_close.policy": {"soft_close": {"policy": "sometimes"}},
        "auction.soft_close.window_seconds": {"soft_close": {"policy": "extend", "window_seconds": -1}},
        "auction.if_unpaid": {"if_unpaid": "keep"},
        "auction.price.amount": {"price": kes("0.00")},
        "auction.price.amount ": {"price": kes("1.001")},
        "auction.price.amount  ": {"price": kes("NaN")},
        "auction.price": {"price": None},
        "auction.quantity": {"quantity": 2},
    }.items():
        answer = house.offer(**terms) if terms else offer_without_an_end(house)
        assert (answer.status_code, [*answer.json()["errors"]]) == (422, [field.strip()]), (terms, answer.text)
    assert house.market.query("SELECT * FROM listings WHERE currency = 'USD'") == []


def offer_without_an_end(house):
    product = house.seller.http.post("/api/v1/products", json={"title": "No end"}).json()
    body = {"product_id": product["id"], "auction": {"price": kes(1)}}
    return house.seller.http.post("/api/v1/listings", json=body)


def test_a_step_of_nothing_is_refused(house):
    answer = house.offer(increments=[{"step": kes("0.00")}])
    assert (answer.status_code, "auction.increments" in answer.text) == (422, True)


def test_a_product_is_sold_in_one_way_at_a_time(house):
    lot = house.publish()
    fixed = {"product_id": lot["product_id"], "fixed_price": {"price": kes(5), "quantity": 1}}
    again = {"product_id": lot["product_id"], "auction": {"price": kes(5), "duration_minutes": 5}}
    assert [house.seller.http.post("/api/v1/listings", json=body).status_code for body in (fixed, again)] == [409, 409]
    assert house.seller.http.delete(f"/api/v1/products/{lot['product_id']}").status_code == 409
    for sql in (
        """INSERT INTO listings (product_id, seller_id, kind, currency, price_minor, quantity)
           SELECT product_id, seller_id, 'fixed_price', currency, price_minor, 1 FROM listings WHERE id = :id""",
        "UPDATE listings SET quantity = 2 WHERE id = :id",
        "UPDATE listings SET kind = 'fixed_price' WHERE id = :id",
        """INSERT INTO auctions_auctions (listing_id, kind, product_id, seller_id, title, currency, start_minor,
               increments, starts_at, ends_at, latest_end_at, soft_close, window_seconds, extension_seconds, if_unpaid,
               relists_left)
           SELECT l.id, 'auction', product_id, seller_id, '', 'KES', 1, '[]', now(), now() + '1 h', now() + '1 h',
               'none', 1, 1, 'end', 0
           FROM listings l WHERE l.kind = 'fixed_price' AND :id > 0""",
    ):
        offered_at_a_fixed_price(house)
        with pytest.raises(IntegrityError):
            house.market.query(sql, id=lot["id"])


def offered_at_a_fixed_price(house):
    product = house.seller.http.post("/api/v1/products", json={"title": "Basket"}).json()
    body = {"product_id": product["id"], "fixed_price": {"price": kes(5), "quantity": 1}}
    assert house.seller.http.post("/api/v1/listings", json=body).status_code == 201


def test_an_auction_neither_fits_into_a_cart_nor_is_changed_like_a_listing(house):
    lot, buyer = house.publish(), house.person()
    assert buyer.http.post("/api/v1/cart/items", json={"listing_id": lot["id"]}).status_code == 409
    assert buyer.http.get("/api/v1/cart").json()["items"] == []
    path = f"/api/v1/listings/{lot['id']}"
    refused = [house.seller.http.patch(path, json={"price": kes(1)}), house.seller.http.delete(path)]
    assert [answer.status_code for answer in refused] == [409, 409]
    assert house.look(lot)["price"] == kes(100)


def test_search_finds_auctions_by_kind_and_price_and_loses_them_at_their_end(house):
    lot, (ann, ben) = house.publish(), house.people(2)

    def found(**query):
        asked = {"q": lot["title"], **query}
        return {item["id"]: item for item in ann.http.get("/api/v1/listings", params=asked).json()["items"]}

    (listed,) = found(kind="auction").values()
    assert (listed["kind"], listed["quantity"], listed["details"]["bids"]) == ("auction", 1, 0)
    assert listed["details"].keys() == lot.keys()
    assert found(kind="fixed_price") == {}
    ann.bid(lot, 300)
    ben.bid(lot, 250)
    assert found()[lot["id"]]["details"]["price"] == kes(255)
    house.tell()
    assert found(min_price="255", max_price="255", currency="KES")[lot["id"]]["price"] == kes(255)
    house.end(lot)
    assert found() == {}


def test_only_sellers_publish_and_only_their_own(house):
    body = {"auction": {"price": kes(1), "duration_minutes": 5}, "product_id": house.publish()["product_id"]}
    for person, status in ((house.person("seller"), 404), (house.person(), 403)):
        assert person.http.post("/api/v1/listings", json=body).status_code == status
    nobody = house.market.client().post("/api/v1/listings", json=body)
    assert nobody.status_code == 401


def test_a_deposit_needs_the_wallet(make_market):
    from .lots import AuctionHouse

    house = AuctionHouse(make_market("auctions"))
    refused = house.offer(deposit=kes(5))
    assert refused.json()["errors"] == {"auction.deposit": "needs the plugin 'wallet', which is not enabled here"}
    assert house.market.query("SELECT * FROM listings") == []
    assert house.publish()["deposit"] is None
