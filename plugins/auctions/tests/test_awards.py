"""What follows the end: the winner's order, its payment, and what becomes of a lot that is not paid for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from marketcore.events import ListingPublished
from marketcore.orders.jobs import expire_unpaid
from marketcore.testing.contracts import at_once
from marketcore.testing.live import Refused
from marketcore.testing.shop import ADDRESS
from marketcore_auctions.chain import read_entry
from marketcore_auctions.events import AuctionClosed, AuctionWon, AwardDefaulted

from .lots import kes


@pytest.fixture(scope="module")
def plugins():
    return ("auctions", "wallet", "invoices")


@pytest.fixture(scope="module")
def settings():
    return {"payments.route.KES": "wallet", "auctions.relists": "1", "auctions.second_chances": "2"}


def contested(house, *amounts, **terms):
    """Return a lot that has ended, and its bidders: they gave ``amounts``, the winner last."""
    lot, people = house.publish(**terms), house.people(len(amounts))
    for person, amount in zip(people, amounts, strict=True):
        assert person.bid(lot, amount).status_code == 201
    return house.end(lot), people


def listing_of(house, lot):
    ((state, price, quantity),) = house.market.query(
        "SELECT state, price_minor, quantity FROM listings WHERE id = :id", id=lot["id"]
    )
    return state, price, quantity


def kinds(house, lot):
    return [read_entry(text).kind for text, _hash in house.log(lot)]


def again(house, lot):
    """Return the auction that a lot was put up in again, or ``None``."""
    rows = house.market.query("SELECT listing_id FROM auctions_auctions WHERE relisted_from = :id", id=lot["id"])
    return {"id": rows[0].listing_id} if rows else None


def test_the_winner_has_an_order_says_where_to_pays_and_has_an_invoice(house):
    lot, (_ann, ben) = contested(house, 200, 300)
    assert (lot["state"], lot["outcome"], lot["price"]) == ("closed", "sold", kes(205))
    won = ben.won(lot)
    order = ben.http.get(f"/api/v1/orders/{won.id}").json()
    assert (order["state"], order["total"], order["ship_to"]) == ("pending_payment", kes(205), None)
    closed_at = datetime.fromisoformat(lot["server_now"])
    assert timedelta(hours=23, minutes=59) < won.due_at - closed_at <= timedelta(hours=24)
    assert listing_of(house, lot) == ("paused", 20_500, 0)
    sent = ben.http.put(f"/api/v1/checkouts/{won.checkout_id}/ship-to", json=ADDRESS)
    assert sent.status_code == 200, sent.text
    ben.fill(300)
    wish = {"purpose": "checkout", "reference": str(won.checkout_id), "payer": {}}
    assert ben.http.post("/api/v1/payments", json=wish).json()["state"] == "captured"
    assert (ben.won(lot).state, ben.won(lot).award, ben.purse()) == ("paid", "paid", (9_500, 0))
    assert listing_of(house, lot)[0] == "closed"
    for to, details in (("confirmed", {}), ("packed", {}), ("shipped", {"carrier": "G4S"})):
        step = house.seller.http.post(f"/api/v1/orders/{won.id}/steps", json={"to": to, **details})
        assert step.status_code == 200, step.text
    done = ben.http.post(f"/api/v1/orders/{won.id}/steps", json={"to": "delivered"}).json()
    assert done["state"] == "completed"
    invoice = ben.http.get(f"/api/v1/orders/{won.id}/invoice")
    assert (invoice.status_code, "205.00" in invoice.text) == (200, True)
    house.default(lot)
    assert (house.look(lot)["outcome"], ben.violations, kinds(house, lot)) == (
        "sold",
        [],
        ["opened", "bid", "bid", "awarded"],
    )


def test_a_lot_nobody_bids_for_ends_unsold_and_can_be_offered_again(house):
    lot = house.end(house.publish())
    assert (lot["outcome"], lot["leader"], kinds(house, lot)) == ("unsold", None, ["opened", "unsold"])
    body = {"product_id": lot["product_id"], "auction": {"price": kes(5), "duration_minutes": 5}}
    assert house.seller.http.post("/api/v1/listings", json=body).status_code == 201
    assert again(house, lot) is None, "nobody has broken a promise"


def test_who_does_not_pay_is_charged_and_the_next_gets_a_chance_at_the_price_without_them(house):
    lot, (cat, ben, ann) = contested(house, 150, 200, 300)
    assert ann.won(lot).total_minor == 20_500
    house.default(lot)
    assert (ann.violations, ann.won(lot).award, ann.won(lot).state) == (["unpaid"], "defaulted", "expired")
    second = ben.won(lot)
    assert (second.total_minor, second.round, second.award) == (15_500, 2, "pending")
    assert (house.look(lot)["outcome"], cat.won(lot)) == ("sold", None)
    house.default(lot)
    assert (ben.violations, ben.won(lot).award) == ([], "defaulted"), "an offer binds nobody"
    assert (cat.won(lot).total_minor, cat.won(lot).round) == (10_000, 3)
    assert cat.pay(lot)
    assert (house.default(lot)["outcome"], cat.won(lot).award) == ("sold", "paid")
    assert kinds(house, lot)[-3:] == ["awarded"] * 3
    assert [fact.round for fact in house.told(AuctionWon, lot)] == [1, 2, 3]
    assert [fact.user_id for fact in house.told(AwardDefaulted, lot)] == [ann.id, ben.id]
    assert [fact.price.minor for fact in house.told(AuctionClosed, lot)] == [20_500, 15_500, 10_000]


def test_after_the_last_chance_a_lot_is_put_up_again_as_often_as_the_house_says(house):
    lot, people = contested(house, 150, 160, 170, 180)
    for person in reversed(people[1:]):
        assert person.won(lot) is not None
        house.default(lot)
    assert (house.look(lot)["outcome"], people[0].won(lot)) == ("unsold", None), "two second chances, not three"
    relisted = house.look(again(house, lot))
    for name in ("starting_price", "title", "product_id", "soft_close", "seller_id", "currency"):
        assert relisted[name] == lot[name], name
    assert ListingPublished(relisted["id"], "auction") in house.facts
    assert (relisted["state"], relisted["bids"], relisted["price"]) == ("open", 0, kes(100))
    length = [datetime.fromisoformat(relisted[name]) for name in ("ends_at", "starts_at")]
    assert length[0] - length[1] == timedelta(hours=1)
    people[0].bid(relisted, 200)
    house.end(relisted)
    house.default(relisted)
    assert (house.look(relisted)["outcome"], again(house, relisted)) == ("unsold", None), "once is enough"
    assert kinds(house, lot)[-1] == kinds(house, relisted)[-1] == "unsold"


@pytest.mark.parametrize(("policy", "relisted"), [("relist", True), ("end", False)])
def test_without_second_chances_a_lot_is_put_up_again_or_not(house, policy, relisted):
    lot, (ben, ann) = contested(house, 200, 300, if_unpaid=policy)
    house.default(lot)
    assert (house.look(lot)["outcome"], ben.won(lot), ann.violations) == ("unsold", None, ["unpaid"])
    assert (again(house, lot) is not None) is relisted


def test_a_product_that_is_sold_elsewhere_meanwhile_is_not_put_up_again(house):
    lot, _people = contested(house, 300, if_unpaid="relist")
    house.market.query("UPDATE products SET state = 'archived' WHERE id = :id", id=lot["product_id"])
    house.default(lot)
    assert (house.look(lot)["outcome"], again(house, lot)) == ("unsold", None)


def test_a_second_chance_respects_the_reserve(house):
    lot, (ben, _ann) = contested(house, 199, 300, reserve=kes(200), if_unpaid="second_chance")
    house.default(lot)
    assert (ben.won(lot), house.look(lot)["outcome"]) == (None, "unsold")


def test_a_buyer_at_once_who_does_not_pay_is_charged_too(house):
    lot, buyer = house.publish(buy_now=kes(900), if_unpaid="end"), house.person()
    assert buyer.act(lot, "purchase").status_code == 201
    house.default(lot)
    assert (buyer.violations, house.look(lot)["outcome"], kinds(house, lot)) == (
        ["unpaid"],
        "unsold",
        ["opened", "bought", "unsold"],
    )


def test_a_winner_who_calls_the_order_off_backs_out(house):
    lot, (ben, ann) = contested(house, 200, 300)
    assert ann.cancel_order(lot).status_code == 200
    house.go_on(lot)
    assert (ann.violations, ann.won(lot).award) == (["backed_out"], "defaulted")
    assert ben.won(lot).total_minor == 10_000
    assert ben.cancel_order(lot).status_code == 200
    house.go_on(lot)
    assert (ben.violations, ben.won(lot).award) == ([], "defaulted")


def test_a_sale_that_seller_or_admin_call_off_is_nobodys_fault_and_goes_to_nobody_else(house):
    for who in (house.seller, house.admin):
        lot, (ben, ann) = contested(house, 200, 300)
        assert who.cancel_order(lot).status_code == 200
        house.go_on(lot)
        assert (ann.violations, ann.won(lot).award, ben.won(lot)) == ([], "withdrawn", None)
        assert (house.look(lot)["outcome"], again(house, lot)) == ("unsold", None)


def test_three_violations_block_bidding_everywhere_until_a_pardon(house, live):
    ann, other = house.person(), house.publish(duration_minutes=7 * 24 * 60)
    for count in (1, 2, 3):
        lot = house.publish(if_unpaid="end")
        assert ann.bid(lot, 200).status_code == 201
        house.end(lot)
        house.default(lot)
        assert len(ann.violations) == count
    ann.log_in()
    refused = ann.bid(other, 200)
    assert (refused.status_code, refused.json()["type"][-15:]) == (403, "account-blocked")
    with ann.socket() as socket, pytest.raises(Refused) as over_the_socket:
        socket.command("auctions.place_bid", {"auction_id": other["id"], "maximum": kes(200)})
    assert over_the_socket.value.problem["type"] == refused.json()["type"]
    assert house.look(other)["bids"] == 0
    mine = ann.http.get("/api/v1/users/me/violations").json()
    assert (mine["standing"], mine["limit"]) == (3, 3)
    path = f"/api/v1/violations/{mine['items'][0]['id']}/pardon"
    assert ann.http.post(path, json={"note": "please"}).status_code == 403
    assert house.admin.http.post(path, json={"note": "was in hospital"}).status_code == 200
    assert ann.log_in().bid(other, 200).status_code == 201


def test_whoever_is_blocked_when_the_time_is_up_wins_nothing(house):
    lot, (cat, ben, ann) = house.publish(), house.people(3)
    for person, amount in ((cat, 150), (ben, 200), (ann, 300)):
        person.bid(lot, amount)
    house.block(ann)
    assert house.end(lot)["outcome"] == "sold"
    assert (ann.won(lot), ann.violations) == (None, [])
    assert (ben.won(lot).total_minor, ben.won(lot).round) == (15_500, 1)
    house.block(cat)
    house.default(lot)
    assert (cat.won(lot), house.look(lot)["outcome"]) == (None, "unsold")
    alone, ann2 = house.publish(), house.person()
    ann2.bid(alone, 300)
    house.block(ann2)
    assert house.end(alone)["outcome"] == "unsold"


def test_money_that_comes_before_the_lot_goes_on_still_buys_it(house):
    lot, (ben, ann) = contested(house, 200, 300)
    house.travel(hours=24, minutes=1)
    house.market.perform(expire_unpaid)
    assert (ann.won(lot).state, ann.violations) == ("expired", ["unpaid"])
    assert ann.pay(lot)
    house.go_on(lot)
    assert (ann.won(lot).award, ann.won(lot).state, ann.violations, ben.won(lot)) == ("paid", "paid", [], None)
    assert (house.look(lot)["outcome"], listing_of(house, lot)[0]) == ("sold", "closed")


def test_money_that_comes_after_the_second_chance_was_given_is_not_taken(house):
    lot, (ben, ann) = contested(house, 200, 300)
    house.default(lot)
    assert not ann.pay(lot)
    assert (ann.won(lot).state, ann.won(lot).award, ben.won(lot).award) == ("expired", "defaulted", "pending")
    assert ben.pay(lot)
    assert not ann.pay(lot)


@pytest.mark.parametrize("policy", ["end", "relist"])
def test_money_that_comes_after_the_lot_was_given_up_is_not_taken(house, policy):
    lot, (ann,) = contested(house, 300, if_unpaid=policy)
    house.default(lot)
    assert not ann.pay(lot), "the piece may be on sale elsewhere by now"
    assert ann.won(lot).state == "expired"


def test_money_at_the_very_moment_the_lot_goes_on_sells_it_once(house):
    for _ in range(2):
        lot, (ben, ann) = contested(house, 200, 300)
        house.travel(hours=24, minutes=1)
        house.market.perform(expire_unpaid)
        paid, _went_on = at_once([lambda lot=lot, a=ann: a.pay(lot), lambda lot=lot: house.go_on(lot)])
        house.go_on(lot)
        second = ben.won(lot)
        assert (ann.won(lot).award, second and second.award) == (("paid", None) if paid else ("defaulted", "pending"))
        assert listing_of(house, lot)[2] == 0


def test_many_closers_at_once_close_each_lot_once(house):
    lots, ann = [house.publish() for _ in range(12)], house.person()
    for lot in lots:
        ann.bid(lot, 200)
    house.travel_to_end(lots[-1])
    at_once([house.close_due] * 4)
    for lot in lots:
        assert (house.look(lot)["outcome"], kinds(house, lot)) == ("sold", ["opened", "bid", "awarded"])
        assert len(house.told(AuctionClosed, lot)) == len(house.told(AuctionWon, lot)) == 1
        assert ann.won(lot).round == 1
