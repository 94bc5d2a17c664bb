"""What people hear of auctions, and what other plugins hear: each thing once."""

from __future__ import annotations

import pytest

from marketcore.directives import table
from marketcore.testing.contracts import at_once
from marketcore.testing.live import Refused
from marketcore_auctions.events import AuctionClosed, AuctionEnding, AuctionWon, BidsPlaced, Outbid
from marketcore_auctions.jobs import close_due_auctions, tell_bids, tell_endings

from .lots import kes


@pytest.fixture(scope="module")
def settings():
    return {"auctions.ending_soon_minutes": "10"}


def heard(socket, type, timeout=10):
    """Return the next event that is no notification, which has to be of ``type``."""
    while (event := socket.next_event(timeout))["type"] == "notification":
        pass
    assert event["type"] == type, event
    return event["data"]


def sent(house, person):
    """Return the types of everything that the person's own channel has carried, notifications apart."""
    statement = """SELECT type FROM live_events WHERE channel = :channel AND type <> 'notification'
                   ORDER BY "offset" """
    return [row.type for row in house.market.query(statement, channel=f"user:{person.id}")]


def outbid(house, lot):
    return [(fact.user_id, fact.price.minor) for fact in house.told(Outbid, lot)]


def test_bidders_hear_on_their_own_channel_that_they_are_outbid_and_that_they_have_won(house, live):
    lot, (ann, ben) = house.publish(), house.people(2)
    with ann.listen() as anns, ben.listen() as bens:
        ann.bid(lot, 200)
        ben.bid(lot, 150)
        ben.bid(lot, 300)
        shown = house.look(lot)
        assert heard(anns, "auction.outbid") == {
            "auction_id": lot["id"],
            "title": lot["title"],
            "price": kes(205),
            "next_minimum": kes(210),
            "ends_at": shown["ends_at"],
        }
        house.end(lot)
        won = ben.won(lot)
        told = heard(bens, "auction.won")
        assert told.pop("due_at").startswith(won.due_at.strftime("%Y-%m-%dT%H:%M"))
        assert told == {
            "auction_id": lot["id"],
            "title": lot["title"],
            "order_id": won.id,
            "checkout_id": won.checkout_id,
            "price": kes(205),
            "round": 1,
        }
    assert (sent(house, ann), sent(house, ben)) == (["auction.outbid"], ["auction.won"])


def test_the_channel_of_an_auction_tells_of_everything_that_happens_to_it(house, live):
    lot, (ann, ben, eve) = house.publish(duration_minutes=24 * 60, reserve=kes(250)), house.people(3)
    with eve.socket(path=f"/ws/auction/{lot['id']}") as socket:
        snapshot = socket.answer("subscribed")["snapshot"]
        assert {**snapshot, "server_now": None} == {**house.look(lot, eve), "server_now": None}
        ann.bid(lot, 200)
        first = heard(socket, "auction.bid")
        assert (first["price"], first["reserve"], first["bids"], first["recent"][0]["name"]) == (
            kes(100),
            "not_met",
            1,
            f"{ann.name[0]}***{ann.name[-1]}",
        )
        assert (first["recent"][0]["bidder"], first["leader"]["bidder"]) == (first["leader"]["bidder"],) * 2
        assert first["log_head"] == house.look(lot)["log_head"]
        ben.bid(lot, 300)
        assert (heard(socket, "auction.bid")["price"], house.look(lot)["reserve"]) == (kes(250), "met")
        ben.act(lot, "retraction")
        back = heard(socket, "auction.retracted")
        assert (back["price"], back["leader"], back["recent"]) == (kes(100), first["leader"], [])
        eve.bid(lot, 400)
        heard(socket, "auction.bid")
        house.travel_to_end(lot)
        house.close_due()
        ended = heard(socket, "auction.closed")
        assert (ended["outcome"], ended["price"], ended["winner"]["bidder"]) == (
            "sold",
            kes(250),
            house.look(lot, eve)["mine"]["bidder"],
        )
        assert ended["log_head"] == house.look(lot)["log_head"]
    called_off = house.publish()
    with house.person().socket(path=f"/ws/auction/{called_off['id']}") as socket:
        socket.answer("subscribed")
        house.seller.act(called_off, "cancellation")
        assert heard(socket, "auction.cancelled")["auction_id"] == called_off["id"]


def test_who_watches_bids_or_looks_hears_once_that_the_end_is_near(house, live):
    lot, (ann, ben, eve) = house.publish(), house.people(3)
    ann.bid(lot, 200)
    ben.act(lot, "watch", "PUT")
    eve.act(lot, "watch", "PUT")
    eve.act(lot, "watch", "DELETE")
    house.tell()
    house.travel_to_end(lot, before=9 * 60)
    with ann.listen() as anns, ben.listen() as bens:
        at_once([lambda: house.market.perform(tell_endings)] * 3)
        for socket in (anns, bens):
            told = heard(socket, "auction.ending_soon")
            assert (told["auction_id"], told["title"], told["price"]) == (lot["id"], lot["title"], kes(100))
        house.market.perform(tell_endings)
    assert [sent(house, person) for person in (ann, ben, eve)] == [["auction.ending_soon"], ["auction.ending_soon"], []]
    assert len(house.told(AuctionEnding, lot)) == 1
    short = house.publish(duration_minutes=5)
    house.market.perform(tell_endings)
    assert house.told(AuctionEnding, short) == [], "so short an auction is near its end all the time"


def test_nobody_listens_to_somebody_elses_channel(house, live):
    ann, ben = house.people(2)
    with ann.socket() as socket, pytest.raises(Refused) as refused:
        socket.subscribe(f"user:{ben.id}")
    assert refused.value.problem["status"] in (403, 404)


def test_facts_of_bids_are_told_once_for_all_since_the_last_time(house):
    lot, (ann, ben, eve) = house.publish(), house.people(3)
    house.tell()
    assert house.told(BidsPlaced, lot) == []
    for person, amount in ((ann, 200), (ben, 150), (ben, 300), (eve, 250)):
        person.bid(lot, amount)
    at_once([lambda: house.market.perform(tell_bids)] * 4)
    (placed,) = house.told(BidsPlaced, lot)
    assert (placed.leader_id, placed.price.minor, placed.bids) == (ben.id, 25_500, 4)
    assert sorted(outbid(house, lot)) == [(ann.id, 25_500), (eve.id, 25_500)]
    house.tell()
    assert (len(house.told(BidsPlaced, lot)), len(outbid(house, lot))) == (1, 2)
    eve.bid(lot, 400)
    house.tell()
    assert len(house.told(BidsPlaced, lot)) == 2
    assert outbid(house, lot)[2:] == [(ben.id, 30_500)], "whoever was told before is not told again"


def test_bids_in_the_last_moment_are_facts_before_the_end_is(house):
    lot, (ann, ben) = house.publish(), house.people(2)
    ann.bid(lot, 200)
    ben.bid(lot, 300)
    house.end(lot)
    house.tell()
    told = [type(fact) for fact in house.facts if getattr(fact, "auction_id", 0) == lot["id"]]
    assert told == [BidsPlaced, Outbid, AuctionWon, AuctionClosed]
    assert outbid(house, lot) == [(ann.id, 20_500)]


def test_who_takes_a_bid_back_has_not_been_outbid(house):
    lot, (ann, ben) = house.publish(duration_minutes=24 * 60), house.people(2)
    ann.bid(lot, 300)
    house.tell()
    ben.bid(lot, 200)
    ann.act(lot, "retraction")
    house.tell()
    assert outbid(house, lot) == []
    assert house.told(BidsPlaced, lot)[-1].leader_id == ben.id
    ann.bid(lot, 150)
    house.tell()
    assert outbid(house, lot) == [(ann.id, 15_500)]


def test_a_fact_whose_subscriber_fails_is_told_the_next_time(house):
    lot, ann = house.publish(), house.person()
    ann.bid(lot, 200)

    def fail(_request, _fact):
        raise ValueError("not now")

    subscribers = table(house.market.registry, "event subscribers")
    subscribers["test veto"] = (BidsPlaced, fail)
    try:
        with pytest.raises(ValueError, match="not now"):
            house.market.perform(tell_bids)
    finally:
        del subscribers["test veto"]
    before = len(house.facts)
    house.tell()
    assert [type(fact) for fact in house.facts[before:] if getattr(fact, "auction_id", 0) == lot["id"]] == [BidsPlaced]


def test_a_sale_at_once_and_a_cancellation_are_facts(house):
    bought, buyer = house.publish(buy_now=kes(900)), house.person()
    buyer.act(bought, "purchase")
    (won,), (closed,) = house.told(AuctionWon, bought), house.told(AuctionClosed, bought)
    assert (won.user_id, won.price.minor, won.round) == (buyer.id, 90_000, 1)
    assert (closed.outcome, closed.seller_id) == ("sold", house.seller.id)
    called_off = house.publish()
    house.seller.act(called_off, "cancellation")
    assert [fact.outcome for fact in house.told(AuctionClosed, called_off)] == ["cancelled"]
    close_due_auctions(house.market.registry)
    assert len(house.told(AuctionClosed, called_off)) == 1


def test_a_lot_whose_end_is_vetoed_stays_open_says_nothing_and_holds_nobody_up(house):
    lots, ann = [house.publish() for _ in range(3)], house.person()
    for lot in lots:
        ann.bid(lot, 200)

    def veto(_request, fact):
        if fact.auction_id == lots[1]["id"]:
            raise ValueError("not this one")

    subscribers = table(house.market.registry, "event subscribers")
    subscribers["test veto"] = (AuctionClosed, veto)
    try:
        house.travel_to_end(lots[-1])
        house.close_due()
    finally:
        del subscribers["test veto"]
    assert [house.look(lot)["state"] for lot in lots] == ["closed", "closing", "closed"]
    assert (ann.won(lots[1]), sent(house, ann)) == (None, ["auction.won"] * 2)
    house.close_due()
    assert house.look(lots[1])["outcome"] == "sold"
    assert sent(house, ann) == ["auction.won"] * 3
    rows = house.market.query(
        "SELECT count(*) FROM live_events WHERE channel = :c AND type = 'auction.closed'", c=f"auction:{lots[1]['id']}"
    )
    assert rows == [(1,)]
