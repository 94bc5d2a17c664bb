"""Streams: planned, listed, begun, watched and ended, with products, a pin and flash prices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from marketcore.events import UserBlocked
from marketcore.live.presence import Keys, Presence
from marketcore.testing.live import Refused
from marketcore_livestream.events import StreamStarted
from marketcore_livestream.jobs import end_forgotten
from marketcore_livestream.reading import StreamReader

KES = "KES"


def money(amount):
    return {"amount": amount, "currency": KES}


def test_S2_a_seller_schedules_changes_and_cancels_a_stream(studio):
    seller, rival = studio.seller, studio.rival
    stream = studio.stream(live=False, description="Sisal", scheduled_for="2099-01-01T10:00:00Z")
    assert (stream["state"], stream["scheduled_for"]) == ("scheduled", "2099-01-01T10:00:00Z")
    address = f"/livestreams/{stream['id']}"
    changed = seller.ok("PATCH", address, {"title": "More baskets", "slow_mode_seconds": 5})
    assert (changed["title"], changed["slow_mode_seconds"], changed["description"]) == ("More baskets", 5, "Sisal")
    assert studio.guest.get(f"/api/v1{address}").json()["title"] == "More baskets"
    past = {"title": "Too late", "scheduled_for": "2001-01-01T10:00:00Z"}
    assert seller.refused("POST", "/livestreams", past) == (422, "invalid")
    assert studio.ann.refused("POST", "/livestreams", {"title": "Mine"}) == (403, "forbidden")
    for method, path, body in (("PATCH", "", {"title": "Mine"}), ("POST", "/start", None), ("POST", "/end", None)):
        assert rival.refused(method, address + path, body) == (404, "not-found")
    assert seller.ok("POST", f"{address}/end")["end_reason"] == "cancelled"
    assert seller.refused("POST", f"{address}/start") == (409, "stream-not-live")
    assert seller.refused("PATCH", address, {"title": "Again"}) == (409, "stream-not-live")


def test_S2_streams_are_listed_by_state_and_those_that_are_live_now(studio):
    planned, live = studio.stream(live=False)["id"], studio.stream()["id"]

    def ids(query):
        return [one["id"] for one in studio.guest.get(f"/api/v1/livestreams{query}").json()["items"]]

    assert ids("?state=live") == ids("/live_now") == [live]
    assert planned in ids(f"?state=scheduled&seller_id={studio.seller.id}")
    assert ids(f"?seller_id={studio.rival.id}") == []
    first = studio.guest.get("/api/v1/livestreams?limit=1").json()
    second = studio.guest.get(f"/api/v1/livestreams?limit=1&cursor={first['next']}").json()
    assert [one["id"] for one in first["items"] + second["items"]] == [live, planned]
    studio.finish()
    assert ids("/live_now") == []
    assert live in ids("?state=ended")


def test_S2_start_and_end_are_told_to_whoever_listens_and_one_stream_is_live_at_a_time(studio):
    stream, another = studio.stream(live=False), studio.stream(live=False)
    address = f"/livestreams/{stream['id']}"
    with studio.socket(None, f"/ws/stream/{stream['id']}") as guest:
        assert guest.answer("subscribed")["snapshot"]["state"] == "scheduled"
        with ThreadPoolExecutor(2) as pool:
            starts = [f"/api/v1/livestreams/{one['id']}/start" for one in (stream, another)]
            codes = [answer.status_code for answer in pool.map(studio.seller.http.post, starts)]
        assert sorted(codes) == [200, 409]
        if codes[0] == 409:
            studio.finish()
            studio.seller.ok("POST", f"{address}/start")
        assert guest.next_event()["type"] == "stream.started"
        assert studio.seller.refused("POST", f"{address}/start") == (409, "conflict")
        assert studio.seller.ok("POST", f"{address}/end")["state"] == "ended"
        event = guest.next_event()
        assert (event["type"], event["data"]["reason"]) == ("stream.ended", "seller")
    assert studio.seller.refused("POST", f"{address}/end") == (409, "stream-not-live")


def test_S2_whoever_joins_or_listens_is_counted_once_until_their_socket_dies(studio):
    stream = studio.stream()
    address, channel = f"/livestreams/{stream['id']}", f"stream:{stream['id']}"
    assert studio.ann.ok("POST", f"{address}/join") == {"stream_id": stream["id"], "channel": channel, "seconds": 60}
    assert studio.viewers(stream, 1)
    with studio.socket(studio.ann) as first, studio.socket(studio.ann) as second, studio.socket(studio.ben) as ben:
        for socket in (first, second, ben):
            socket.subscribe(channel)
        with studio.socket(None, f"/ws/stream/{stream['id']}") as guest:
            guest.answer("subscribed")
            assert studio.viewers(stream, 3)
        assert studio.viewers(stream, 2)
        (shown,) = studio.guest.get("/api/v1/livestreams/live_now").json()["items"]
        assert shown["viewers"] == studio.guest.get(f"/api/v1{address}").json()["viewers"] == 2
        ben.connection.socket.close()
        assert studio.viewers(stream, 1)
    assert studio.viewers(stream, 0)
    studio.ben.ok("POST", f"{address}/join")
    assert studio.viewers(stream, 1)
    studio.ben.ok("POST", f"{address}/leave")
    studio.ben.ok("POST", f"{address}/leave")
    assert studio.viewers(stream, 0)
    studio.finish()
    assert studio.ann.refused("POST", f"{address}/join") == (409, "stream-not-live")
    assert studio.ann.refused("POST", "/livestreams/999999/join") == (404, "not-found")


def test_S2_without_redis_those_who_joined_are_counted_and_nobody_waits(studio):
    stream = studio.stream()
    for person in (studio.ann, studio.ben):
        person.ok("POST", f"/livestreams/{stream['id']}/join")
    studio.ben.ok("POST", f"/livestreams/{stream['id']}/leave")
    registry = studio.market.registry
    away = Presence("redis://127.0.0.1:9/0", Keys(registry))
    away.hold(f"stream:{stream['id']}", 1, 60)
    assert away.counts(["stream:1"]) is None
    assert StreamReader(registry["reader"], registry, away).viewers(stream["id"]) == 1
    away.close()
    # A process that died without a word: what it left runs out, and the channel is forgotten.
    client = redis.Redis.from_url(studio.market.settings["marketcore.redis_url"])
    key = Keys(registry).of(f"stream:{stream['id']}")
    client.zadd(key, {"dead process": 1})
    assert studio.viewers(stream, 1)
    assert 0 < client.ttl(key) < 120
    client.close()


def test_S2_the_products_of_a_stream_are_its_sellers_own_in_their_order(studio):
    stream, listings = studio.stream(live=False), [studio.offer(price) for price in ("1.00", "2.00", "3.00")]
    address = f"/livestreams/{stream['id']}/items"
    items = studio.show(stream, *listings)
    assert [item["listing"]["price"]["amount"] for item in items] == ["1.00", "2.00", "3.00"]
    ids = [item["id"] for item in items]
    product = {"product_id": listings[0]["product"]["id"]}
    assert studio.seller.refused("POST", address, product) == (409, "conflict")
    foreign = {"product_id": studio.offer(owner=studio.rival)["product"]["id"]}
    assert studio.seller.refused("POST", address, foreign) == (404, "not-found")
    order = [ids[2], ids[0], ids[1]]
    assert [item["id"] for item in studio.seller.ok("PUT", f"{address}/order", {"order": order})["items"]] == order
    for wrong in (ids[:2], [*ids, ids[0]], [*ids[:2], 999_999]):
        assert studio.seller.refused("PUT", f"{address}/order", {"order": wrong}) == (422, "invalid")
    studio.seller.ok("DELETE", f"{address}/{ids[0]}")
    assert [item["id"] for item in studio.guest.get(f"/api/v1{address}").json()["items"]] == [ids[2], ids[1]]
    assert studio.seller.refused("DELETE", f"{address}/{ids[0]}") == (404, "not-found")
    assert studio.rival.refused("DELETE", f"{address}/{ids[1]}") == (404, "not-found")


def test_S2_the_pinned_product_is_told_to_whoever_watches(studio):
    stream = studio.stream()
    first, second = studio.show(stream, studio.offer(), studio.offer())
    address = f"/livestreams/{stream['id']}/pin"
    with studio.socket(studio.ann) as ann:
        ann.subscribe(f"stream:{stream['id']}")
        for item in (first, second):
            shown = studio.seller.ok("PUT", address, {"item_id": item["id"]})["items"]
            assert [one["id"] for one in shown if one["pinned"]] == [item["id"]]
            event = ann.next_event()
            assert (event["type"], event["data"]["product_id"]) == ("stream.pinned", item["product"]["id"])
        assert not any(one["pinned"] for one in studio.seller.ok("PUT", address, {})["items"])
        assert ann.next_event()["data"]["item_id"] is None


def test_S2_a_flash_price_is_what_the_checkout_charges_until_it_ends(studio):
    stream, listing = studio.stream(), studio.offer("500.00")
    (item,) = studio.show(stream, listing)
    address = f"/livestreams/{stream['id']}/items/{item['id']}/flash_price"
    with studio.socket(studio.ann) as ann:
        ann.subscribe(f"stream:{stream['id']}")
        shown = studio.seller.ok("PUT", address, {"price": money("350.00")})["items"][0]["flash_price"]
        event = ann.next_event()
        assert (event["type"], event["data"]["price"], event["data"]["until"]) == (
            "stream.flash_price",
            shown["price"],
            shown["until"],
        )
    assert studio.buy(studio.ann, listing, total=shown["price"]).json()["total"] == money("350.00")
    studio.ann.ok("POST", "/cart/items", {"listing_id": listing["id"], "quantity": 1})
    studio.ben.ok("POST", "/cart/items", {"listing_id": listing["id"], "quantity": 1})
    studio.finish()
    assert studio.guest.get(f"/api/v1/livestreams/{stream['id']}").json()["run_list"][0]["flash_price"] is None
    assert studio.ann.refused("POST", "/checkouts", {"total": money("350.00")}) == (409, "price-changed")
    assert studio.ben.refused("POST", "/checkouts", {}) == (409, "price-changed")
    assert studio.ben.ok("POST", "/checkouts", {"total": money("500.00")})["total"] == money("500.00")
    studio.ann.ok("DELETE", f"/cart/items/{listing['id']}")


def test_S2_whoever_buys_while_the_stream_ends_pays_the_flash_price_or_is_refused(studio):
    listing = studio.offer("500.00")
    for _ in range(3):
        stream = studio.stream()
        (item,) = studio.show(stream, listing)
        address = f"/api/v1/livestreams/{stream['id']}"
        studio.seller.ok("PUT", f"{address[7:]}/items/{item['id']}/flash_price", {"price": money("350.00")})
        studio.ann.ok("PUT", f"/cart/items/{listing['id']}", {"quantity": 1})
        with ThreadPoolExecutor(2) as pool:
            bought = pool.submit(studio.ann.http.post, "/api/v1/checkouts", json={})
            ended = pool.submit(studio.seller.http.post, f"{address}/end")
        assert ended.result().status_code == 200
        assert bought.result().status_code == 409 or bought.result().json()["total"] == money("350.00")
    studio.ann.http.delete(f"/api/v1/cart/items/{listing['id']}")


def test_S2_a_flash_price_is_over_when_its_time_is_up_whatever_the_jobs_do(studio):
    stream, listing = studio.stream(), studio.offer("500.00")
    (item,) = studio.show(stream, listing)
    address = f"/livestreams/{stream['id']}/items/{item['id']}/flash_price"
    studio.seller.ok("PUT", address, {"price": money("350.00"), "until": "2099-01-01T00:00:00Z"})
    ((hours,),) = studio.market.query(
        "SELECT extract(epoch FROM offer_until - market_clock()) / 3600 FROM listings WHERE id = :id", id=listing["id"]
    )
    assert 7.9 < hours <= 8  # no later than the stream can end
    studio.market.query(
        "UPDATE listings SET offer_until = market_clock() - interval '1 ms' WHERE id = :id", id=listing["id"]
    )
    (shown,) = studio.guest.get(f"/api/v1/livestreams/{stream['id']}/items").json()["items"]
    assert shown["flash_price"] is None
    assert studio.buy(studio.ann, listing).json()["total"] == money("500.00")
    for body in ({"price": money("500.00")}, {"price": {"amount": "1.00", "currency": "USD"}}):
        assert studio.seller.refused("PUT", address, body) == (422, "invalid")
    assert studio.rival.refused("PUT", address, {"price": money("1.00")}) == (404, "not-found")
    studio.seller.ok("PUT", address, {"price": money("300.00")})
    assert studio.seller.ok("DELETE", address)["items"][0]["flash_price"] is None
    planned = studio.stream(live=False)
    (item,) = studio.show(planned, studio.offer())
    address = f"/livestreams/{planned['id']}/items/{item['id']}/flash_price"
    assert studio.seller.refused("PUT", address, {"price": money("1.00")}) == (409, "stream-not-live")


def test_S2_a_forgotten_stream_ends_by_itself_and_its_seller_is_told(studio):
    stream = studio.stream()
    end_forgotten(studio.market.registry)
    assert studio.guest.get(f"/api/v1/livestreams/{stream['id']}").json()["state"] == "live"
    studio.market.query(
        "UPDATE livestream_streams SET started_at = started_at - interval '8 hours' WHERE id = :id", id=stream["id"]
    )
    end_forgotten(studio.market.registry)
    document = studio.guest.get(f"/api/v1/livestreams/{stream['id']}").json()
    assert (document["state"], document["end_reason"]) == ("ended", "forgotten")
    told = studio.seller.ok("GET", "/users/me/notifications")["items"][0]
    assert (told["type"], told["data"]["stream_id"]) == ("livestream.ended", stream["id"])
    letters = studio.market.registry["notification templates"]
    for reason, words in (
        ("forgotten", "as long as a stream may"),
        ("admin", "administrator"),
        ("blocked", "account is blocked"),
        ("no_credit", "(no_credit)"),
    ):
        item = {**told["data"], "reason": reason}
        written = letters.letter("livestream.ended", [item], {"name": "Wanjiku"})
        assert words in written.text
        assert "Baskets" in written.subject + letters.line("livestream.ended", item)


def test_S2_the_stream_of_a_seller_who_is_blocked_ends_at_once(studio):
    stream = studio.rival.ok("POST", "/livestreams", {"title": "Copies"})
    studio.rival.ok("POST", f"/livestreams/{stream['id']}/start")
    for blocked, state in ((False, "live"), (True, "ended")):
        fact = UserBlocked(studio.rival.id, blocked, "copies")
        studio.market.perform(lambda request, fact=fact: request.emit(fact))
        document = studio.guest.get(f"/api/v1/livestreams/{stream['id']}").json()
        assert document["state"] == state
    assert document["end_reason"] == "blocked"


def test_S5_whoever_subscribes_to_the_start_may_refuse_it(studio, monkeypatch):
    from marketcore.directives import table
    from marketcore.exceptions import Conflict

    def refuse(_request, event):
        raise Conflict(f"no credit for stream {event.stream_id}")

    subscribers = table(studio.market.registry, "event subscribers")
    monkeypatch.setitem(subscribers, "test", (StreamStarted, refuse))
    stream = studio.stream(live=False)
    status, _code = studio.seller.refused("POST", f"/livestreams/{stream['id']}/start")
    assert status == 409
    monkeypatch.undo()
    assert studio.seller.ok("POST", f"/livestreams/{stream['id']}/start")["state"] == "live"


def test_S2_nobody_listens_to_a_stream_that_is_not_there(studio):
    with studio.socket(studio.ann) as ann, pytest.raises(Refused):
        ann.subscribe("stream:999999")
