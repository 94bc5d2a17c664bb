"""Outgoing webhooks tell of auctions, where that plugin is enabled too."""

from __future__ import annotations

import json

import pytest

from marketcore.configurator import ClaimedTwice
from marketcore.exceptions import ConfigurationError
from marketcore.testing.market import Market
from marketcore_auctions import messages


@pytest.fixture(scope="module")
def plugins():
    return ("auctions", "wallet", "webhooks")


def endpoint(person, *types, **more):
    body = {"url": "https://93.184.215.14/hook", "event_types": list(types), **more}
    answer = person.http.post("/api/v1/webhook-endpoints", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def told(person, hook):
    """Return (type, data) of every message for an endpoint, oldest first."""
    items = person.http.get("/api/v1/webhook-deliveries", params={"endpoint_id": hook["id"]}).json()["items"]
    bodies = [person.http.get(f"/api/v1/webhook-deliveries/{item['id']}").json()["body"] for item in reversed(items)]
    return [(json.loads(body)["type"], json.loads(body)["data"]) for body in bodies]


def test_each_party_is_told_of_its_own_part_of_an_auction(house):
    seller, (ann, ben) = house.person("seller"), house.people(2)
    hooks = {person: endpoint(person) for person in (seller, ann, ben)}
    only = endpoint(seller, "auction.closed")
    platform = endpoint(house.admin, "auction.won", "auction.outbid", platform=True)
    lot = house.publish(seller, duration_minutes=30, if_unpaid="end")
    ann.bid(lot, 200)
    ben.bid(lot, 300)
    house.tell()
    house.travel_to_end(lot, before=60)
    house.tell()
    house.end(lot)
    order = ben.won(lot)
    house.default(lot)
    one, won = {"auction_id": lot["id"]}, {"auction_id": lot["id"], "order_id": order.id, "round": 1}

    def of_auctions(person):
        return [message for message in told(person, hooks[person]) if message[0].startswith("auction.")]

    assert of_auctions(seller) == [
        ("auction.bids_placed", {**one, "bids": 2}),
        ("auction.ending_soon", one),
        ("auction.closed", {**one, "outcome": "sold"}),
        ("auction.closed", {**one, "outcome": "unsold"}),
    ]
    assert of_auctions(ann) == [("auction.outbid", one)]
    assert of_auctions(ben) == [("auction.won", won), ("auction.defaulted", won)]
    assert [data["outcome"] for _type, data in told(seller, only)] == ["sold", "unsold"]
    assert told(house.admin, platform) == [("auction.outbid", one), ("auction.won", won)]


def test_endpoints_may_ask_for_what_there_is_and_nothing_else(house):
    body = {"url": "https://93.184.215.14/hook", "event_types": ["auction.won", "auction.lost"]}
    refused = house.person().http.post("/api/v1/webhook-endpoints", json=body)
    assert (refused.status_code, [*refused.json()["errors"]]) == (422, ["event_types.1"])
    document = house.market.client().get("/api/openapi.json").json()["components"]["schemas"]
    (name,) = (name for name in document if name.endswith("EndpointInput"))
    offered = document[name]["properties"]["event_types"]["items"]["enum"]
    assert {"order.paid", "auction.won", "auction.outbid", "auction.closed"} <= set(offered)
    assert len(offered) == len(set(offered))
    assert "webhook.test" in document[name.replace("EndpointInput", "DeliveryDocument")]["properties"]["type"]["enum"]


def test_without_auctions_nothing_of_them_is_offered(make_settings):
    market = Market(make_settings("webhooks"))
    assert not [type for type in market.registry["webhook types"] if type.startswith("auction.")]
    market.registry["webhooks_courier"].close()
    market.close()


def test_a_type_or_a_fact_that_is_told_already_stops_the_start(make_settings, monkeypatch):
    def twice(types, fact):
        def includeme(config):
            config.add_webhook_type(messages.Outbid, ["auction.outbid"], messages.tell_outbid)
            config.add_webhook_type(fact, types, messages.tell_won)

        return includeme

    settings = make_settings("auctions", "webhooks")
    for types, fact, error in (
        (["order.paid"], messages.AuctionWon, ConfigurationError),
        (["x" * 61], messages.AuctionWon, ConfigurationError),
        (["auction.outbid"], messages.AuctionWon, ClaimedTwice),
        (["auction.won"], messages.Outbid, ClaimedTwice),
    ):
        monkeypatch.setattr(messages, "includeme", twice(types, fact))
        with pytest.raises(error):
            Market(settings)
