"""What bidders, sellers and admins can do with an auction, over HTTP: prices, ends, purchases, retreats, lists."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from marketcore.testing.contracts import at_once
from marketcore_auctions.chain import hash_of, read_entry

from .lots import kes, stamp


def amount(money):
    return Decimal(money["amount"])


def problem(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def shown(house, lot, *names):
    document = house.look(lot)
    return tuple(document[name] for name in names)


def leads(house, lot, person):
    leader = house.look(lot)["leader"]
    return leader is not None and leader["bidder"] == house.look(lot, person)["mine"]["bidder"]


# The price


def test_the_house_bids_for_the_leader_one_increment_above_the_others(house):
    lot, (ann, ben) = house.publish(increments=[{"step": kes(10)}]), house.people(2)
    assert ann.bid(lot, 300).json()["price"] == kes(100)
    assert ben.bid(lot, 150).json()["price"] == kes(160)
    assert ben.bid(lot, 295).json()["price"] == kes(300), "never above the leader's maximum"
    assert leads(house, lot, ann)
    assert ben.bid(lot, 305).json()["next_minimum"] == kes(310)
    assert ben.bid(lot, 400).json()["price"] == kes(310)
    assert leads(house, lot, ben)


def test_of_equal_maxima_the_earlier_leads(house):
    lot, (ann, ben) = house.publish(), house.people(2)
    ann.bid(lot, 200)
    answer = ben.bid(lot, 200).json()
    assert (answer["leading"], answer["price"], answer["bids"]) == (False, kes(200), 2)
    assert leads(house, lot, ann)


def test_a_reserve_is_secret_until_it_is_met_and_then_the_price(house):
    lot, (ann, ben) = house.publish(reserve=kes(500)), house.people(2)
    assert "500.00" not in str(ann.bid(lot, 200).json())
    assert shown(house, lot, "reserve", "price") == ("not_met", kes(100))
    ben.bid(lot, 600)
    assert shown(house, lot, "reserve", "price") == ("met", kes(500))
    unmet = house.publish(reserve=kes(500))
    ann.bid(unmet, 499)
    ended = house.end(unmet)
    assert (ended["outcome"], ended["state"], ann.won(unmet)) == ("unsold", "closed", None)


@pytest.mark.parametrize(
    ("policy", "at", "left"), [("none", 30, 30), ("extend", 30, 90), ("reset", 30, 60), ("extend", 61, 61)]
)
def test_a_bid_near_the_end_moves_it_as_the_policy_says(house, policy, at, left):
    soft_close = {"policy": policy, "window_seconds": 60, "extend_seconds": 60, "cap_seconds": 70}
    lot, ann = house.publish(soft_close=soft_close), house.person()
    house.travel_to_end(lot, before=at)
    bid_at, ends_at = (datetime.fromisoformat(ann.bid(lot, 200).json()[name]) for name in ("server_now", "ends_at"))
    expected = timedelta(seconds=left)
    assert abs(ends_at - bid_at - expected) < timedelta(seconds=5)
    assert shown(house, lot, "extensions") == (int(left != at),)


def test_a_soft_close_ends_at_its_cap_and_a_raise_of_ones_own_moves_nothing(house):
    soft_close = {"policy": "extend", "window_seconds": 60, "extend_seconds": 60, "cap_seconds": 70}
    lot, (ann, ben) = house.publish(soft_close=soft_close), house.people(2)
    house.travel_to_end(lot, before=30)
    ann.bid(lot, 200)
    assert ann.bid(lot, 250).json()["ends_at"] < lot["latest_end_at"]
    house.travel_to_end(lot, before=20)
    assert ben.bid(lot, 300).json()["ends_at"] == lot["latest_end_at"]
    house.travel_to_end(lot, before=10)
    assert ann.bid(lot, 400).json()["ends_at"] == lot["latest_end_at"]
    assert shown(house, lot, "extensions") == (2,)
    house.travel_to_end(lot)
    assert problem(ben.bid(lot, 900)) == (409, "auction-closed")


def test_time_is_up_before_anybody_closes(house):
    lot, ann = house.publish(buy_now=kes(900)), house.person()
    ann.bid(lot, 200)
    house.travel_to_end(lot)
    assert shown(house, lot, "state", "outcome", "next_minimum", "buy_now") == ("closing", None, None, None)
    for answer in (
        ann.bid(lot, 500),
        house.person().act(lot, "purchase"),
        ann.act(lot, "retraction"),
        house.admin.act(lot, "cancellation"),
        house.seller.act(lot, "cancellation"),
    ):
        assert problem(answer) == (409, "auction-closed"), answer.text
    house.close_due()
    assert shown(house, lot, "state", "outcome", "price") == ("closed", "sold", kes(100))


# Buy now


def test_a_lot_is_bought_at_once_until_the_first_bid(house):
    lot, buyer = house.publish(buy_now=kes(900)), house.person()
    answer = buyer.act(lot, "purchase")
    assert answer.status_code == 201, answer.text
    order = buyer.won(lot)
    assert answer.json() == {
        "auction_id": lot["id"],
        "order_id": order.id,
        "checkout_id": order.checkout_id,
        "price": kes(900),
        "due_at": stamp(order.due_at),
    }
    assert shown(house, lot, "state", "outcome", "buy_now") == ("closed", "sold", None)
    assert problem(house.person().bid(lot, 2_000)) == (409, "auction-closed")
    other = house.publish(buy_now=kes(900))
    house.person().bid(other, 100)
    assert shown(house, other, "buy_now") == (None,)
    assert problem(buyer.act(other, "purchase")) == (409, "conflict")


def test_with_a_reserve_a_lot_can_be_bought_at_once_until_that_is_met(house):
    lot, (ann, ben) = house.publish(reserve=kes(300), buy_now=kes(900)), house.people(2)
    ann.bid(lot, 299)
    assert shown(house, lot, "buy_now", "reserve") == (kes(900), "not_met")
    ann.bid(lot, 300)
    assert shown(house, lot, "buy_now", "reserve") == (None, "met")
    assert problem(ben.act(lot, "purchase")) == (409, "conflict")
    unmet = house.publish(reserve=kes(300), buy_now=kes(900))
    ann.bid(unmet, 200)
    assert ben.act(unmet, "purchase").status_code == 201
    assert (ben.won(unmet).total_minor, ann.won(unmet)) == (90_000, None)


def test_who_may_not_bid_does_not_buy_and_what_has_no_price_is_not_bought(house):
    lot = house.publish(buy_now=kes(900))
    assert problem(house.seller.act(lot, "purchase")) == (409, "own-auction")
    assert problem(house.block(house.person()).act(lot, "purchase")) == (403, "account-blocked")
    assert problem(house.person().act({"id": 10**17}, "purchase")) == (404, "not-found")
    assert problem(house.person().act(house.publish(), "purchase")) == (409, "conflict")
    early = house.publish(buy_now=kes(900), starts_at=stamp(house.now() + timedelta(minutes=5)))
    assert problem(house.person().act(early, "purchase")) == (409, "auction-not-started")
    assert shown(house, lot, "state", "bids") == ("open", 0)


def test_one_key_buys_once(house):
    lot, buyer = house.publish(buy_now=kes(900)), house.person()
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answers = [buyer.act(lot, "purchase", headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert problem(buyer.act(lot, "purchase")) == (409, "auction-closed")


def test_of_buyers_and_bidders_at_once_one_gets_the_lot(house):
    for _ in range(4):
        lot, people = house.publish(buy_now=kes(900)), house.people(6)
        asked = [lambda p=p, lot=lot: p.act(lot, "purchase") for p in people[:4]]
        asked += [lambda p=p, lot=lot: p.bid(lot, 100) for p in people[4:]]
        bought = [answer for answer in at_once(asked)[:4] if answer.status_code == 201]
        orders = [person.won(lot) for person in people if person.won(lot)]
        assert len(bought) == len(orders) <= 1
        assert shown(house, lot, "outcome") == (("sold",) if bought else (None,))


# Retreats


def test_bids_are_taken_back_while_the_end_is_far_and_the_price_is_decided_anew(house):
    lot, (ann, ben, eve) = house.publish(duration_minutes=24 * 60), house.people(3)
    for person, amount in ((ann, 200), (ben, 400), (eve, 900)):
        person.bid(lot, amount)
    assert shown(house, lot, "price") == (kes(405),)
    answer = eve.act(lot, "retraction")
    assert (answer.status_code, answer.json()["price"], answer.json()["mine"]["leading"]) == (200, kes(205), False)
    assert leads(house, lot, ben)
    assert problem(eve.act(lot, "retraction")) == (409, "conflict")
    assert ann.act(lot, "retraction").json()["price"] == kes(100)
    assert eve.bid(lot, 300).json()["price"] == kes(305)
    assert ben.act(lot, "retraction").json()["price"] == kes(100)
    assert leads(house, lot, eve)
    assert eve.act(lot, "retraction").json()["leader"] is None
    assert shown(house, lot, "price", "next_minimum") == (kes(100), kes(100))
    assert problem(house.person().act(lot, "retraction")) == (409, "conflict")
    assert problem(ann.act({"id": 10**17}, "retraction")) == (404, "not-found")


def test_near_the_end_bids_stand(house):
    lot, ann = house.publish(duration_minutes=24 * 60), house.person()
    ann.bid(lot, 200)
    house.travel(hours=12, minutes=1)
    assert problem(ann.act(lot, "retraction")) == (409, "too-late-to-retract")
    assert leads(house, lot, ann)


def test_sellers_cancel_before_the_first_bid_and_admins_at_any_time(house):
    lot, ann = house.publish(), house.person()
    assert problem(house.person("seller").act(lot, "cancellation")) == (404, "not-found")
    assert problem(ann.act(lot, "cancellation")) == (403, "forbidden")
    cancelled = house.seller.act(lot, "cancellation")
    assert (cancelled.status_code, cancelled.json()["state"], cancelled.json()["outcome"]) == (
        200,
        "closed",
        "cancelled",
    )
    assert problem(house.seller.act(lot, "cancellation")) == (409, "auction-closed")
    assert problem(ann.bid(lot, 200)) == (409, "auction-closed")
    again = {"product_id": lot["product_id"], "auction": {"price": kes(5), "duration_minutes": 5}}
    assert house.seller.http.post("/api/v1/listings", json=again).status_code == 201
    wanted = house.publish()
    ann.bid(wanted, 200)
    assert problem(house.seller.act(wanted, "cancellation")) == (409, "auction-has-bids")
    assert house.admin.act(wanted, "cancellation").json()["outcome"] == "cancelled"
    assert ann.won(wanted) is None
    assert problem(house.admin.act({"id": 10**17}, "cancellation")) == (404, "not-found")


def test_a_bid_and_a_cancellation_at_once_do_not_both_count(house):
    for _ in range(5):
        lot, ann = house.publish(), house.person()
        bid, cancelled = at_once(
            [lambda lot=lot, a=ann: a.bid(lot, 200), lambda lot=lot: house.seller.act(lot, "cancellation")]
        )
        assert sorted((bid.status_code, cancelled.status_code)) in ([200, 409], [201, 409])


# Lists


def test_what_one_bids_in_watches_and_sells_is_listed_by_role_newest_first(house):
    seller, ann = house.person("seller", "buyer"), house.person()
    first, second, third = (house.publish(seller) for _ in range(3))
    ann.bid(first, 200)
    for lot in (second, third):
        assert ann.act(lot, "watch", "PUT").status_code == 204
        assert house.look(lot, ann)["mine"]["watching"]
    assert ann.act(third, "watch", "DELETE").status_code == 204
    assert not house.look(third, ann)["mine"]["watching"]
    assert problem(ann.act({"id": 10**17}, "watch", "PUT")) == (404, "not-found")
    assert problem(ann.act({"id": 10**17}, "watch", "DELETE")) == (404, "not-found")

    def mine(person, role):
        answer = person.http.get("/api/v1/users/me/auctions", params={"role": role}).json()
        assert answer["next"] is None
        return [lot["id"] for lot in answer["items"]]

    assert mine(ann, "bidding") == [first["id"]]
    assert mine(ann, "watching") == [second["id"]]
    assert mine(ann, "selling") == []
    assert mine(seller, "selling") == [third["id"], second["id"], first["id"]]
    assert mine(seller, "bidding") == mine(seller, "watching") == []
    assert house.market.client().get("/api/v1/users/me/auctions").status_code == 401


def test_auctions_are_listed_by_state_in_pages_without_loss_or_repetition(house):
    seller = house.person("seller")
    minutes = (50, 20, 40, 30, 20)
    lots = [house.publish(seller, duration_minutes=n) for n in minutes]
    starts = [stamp(house.now() + timedelta(minutes=n)) for n in (9, 7, 8)]
    scheduled = [house.publish(seller, starts_at=start) for start in starts]
    cancelled = lots.pop()
    assert seller.act(cancelled, "cancellation").status_code == 200

    def listed(state):
        seen, cursor = [], None
        while True:
            query = {"state": state, "seller_id": seller.id, "limit": 2, **({"cursor": cursor} if cursor else {})}
            page = house.market.client().get("/api/v1/auctions", params=query).json()
            assert len(page["items"]) <= 2
            assert all(item["state"] == state and item["mine"] is None for item in page["items"])
            seen += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return seen

    assert listed("open") == [lots[n]["id"] for n in (1, 3, 2, 0)]
    assert listed("scheduled") == [scheduled[n]["id"] for n in (1, 2, 0)]
    assert listed("closed") == [cancelled["id"]]
    house.end(lots[0])
    assert listed("open") == [scheduled[n]["id"] for n in (1, 2, 0)]
    assert listed("scheduled") == []
    assert listed("closed") == [cancelled["id"], *(lot["id"] for lot in reversed(lots))]


def test_the_history_masks_names_and_maxima(house):
    lot, (ann, ben) = house.publish(), house.people(2)
    for person, amount in ((ann, 200), (ben, 150), (ben, 300), (ann, 305)):
        assert person.bid(lot, amount).status_code == 201
    path = f"/api/v1/auctions/{lot['id']}/bids"
    history = ann.http.get(path).json()["items"]
    assert [(bid["price"], bid["leading"], bid["mine"]) for bid in history] == [
        (kes(305), True, True),
        (kes(205), True, False),
        (kes(155), False, False),
        (kes(100), True, True),
    ]
    assert {bid["name"] for bid in history} == {f"{p.name[0]}***{p.name[-1]}" for p in (ann, ben)}
    anybody = house.market.client().get(path)
    for secret in (ann.name, ben.name, "300.00", f'"{ann.id}"'):
        assert secret not in anybody.text
    assert len({bid["bidder"] for bid in history}) == 2
    elsewhere = house.publish()
    ann.bid(elsewhere, 100)
    other = ann.http.get(f"/api/v1/auctions/{elsewhere['id']}/bids").json()["items"]
    assert other[0]["bidder"] not in {bid["bidder"] for bid in history}, "nobody is followed across auctions"
    first = ann.http.get(path, params={"limit": 3}).json()
    rest = ann.http.get(path, params={"limit": 3, "cursor": first["next"]}).json()
    assert first["items"] + rest["items"] == history
    assert ann.http.get("/api/v1/auctions/99999999999/bids").status_code == 404


def test_the_log_is_everybodys_once_the_auction_is_closed(house):
    lot, (ann, ben) = house.publish(), house.people(2)
    ann.bid(lot, 200)
    ben.bid(lot, 300)
    path, anybody = f"/api/v1/auctions/{lot['id']}/log", house.market.client()
    assert problem(anybody.get(path)) == (409, "auction-closed")
    noted = house.look(lot)["log_head"]
    house.travel_to_end(lot)
    assert problem(anybody.get(path)) == (409, "auction-closed"), "not before its end is written down"
    house.close_due()
    first = anybody.get(path, params={"limit": 3}).json()
    rest = anybody.get(path, params={"limit": 3, "cursor": first["next"]}).json()
    entries = first["items"] + rest["items"]
    assert [(entry["text"], entry["hash"]) for entry in entries] == house.log(lot)
    assert [read_entry(entry["text"]).kind for entry in entries] == ["opened", "bid", "bid", "awarded"]
    assert all(hash_of(entry["text"]) == entry["hash"] for entry in entries)
    assert entries[2]["hash"] == noted, "what was seen while it ran is still there"
    assert entries[3]["hash"] == house.look(lot)["log_head"]
    assert read_entry(entries[1]["text"]).maximum == 20_000
    assert not any(name in first["items"][1]["text"] for name in (ann.name, f'"{ann.id}"'))
    assert anybody.get("/api/v1/auctions/99999999999/log").status_code == 404


def test_a_document_is_read_while_bids_come_in_and_never_disagrees_with_itself(house):
    lot, people = house.publish(increments=[{"step": kes(5)}]), house.people(3)
    done = threading.Event()

    def bid():
        for n in range(12):
            for place, person in enumerate(people):
                person.bid(lot, 105 + 15 * n + 5 * place)
        done.set()

    thread = threading.Thread(target=bid)
    thread.start()
    reader, seen = house.person(), []
    while not done.is_set():
        seen.append(house.look(lot, reader))
    thread.join()
    for one, two in pairwise(seen):
        assert (one["bids"], amount(one["price"])) <= (two["bids"], amount(two["price"]))
    assert all(amount(one["next_minimum"]) - amount(one["price"]) in (0, 5) for one in seen)
