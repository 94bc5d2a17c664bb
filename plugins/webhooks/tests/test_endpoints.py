"""Endpoints over HTTP: made, changed, disabled, replayed; each owner's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from .owners import Owner
from .receivers import Receiver

URL = "http://127.0.0.1:9/hook"


def test_an_endpoint_is_made_changed_and_deleted(owner):
    made = owner.add(URL, description="stock", event_types=["order.paid", "order.shipped", "order.paid"])
    assert made["event_types"] == ["order.paid", "order.shipped"]
    assert (made["enabled"], made["platform"], made["disabled_reason"]) == (True, False, "")
    path = f"webhook-endpoints/{made['id']}"
    changed = owner.ask("PATCH", path, {"description": "", "event_types": [], "url": URL + "2"})
    assert (changed["description"], changed["event_types"], changed["url"]) == ("", [], URL + "2")
    assert owner.ask("PATCH", path, {}) == changed == owner.ask("GET", path)
    owner.ask("DELETE", path, status=204)
    owner.ask("GET", path, status=404)
    assert owner.ask("GET", "webhook-endpoints")["items"] == []


def test_disabling_and_enabling_say_why_and_begin_anew(owner):
    endpoint = owner.add(URL)
    path = f"webhook-endpoints/{endpoint['id']}"
    owner.market.query(
        "UPDATE webhooks_endpoints SET failing_since = market_clock(), paused_until = market_clock() WHERE id = :id",
        id=endpoint["id"],
    )
    off = owner.ask("PATCH", path, {"enabled": False})
    assert (off["enabled"], off["disabled_reason"]) == (False, "owner")
    on = owner.ask("PATCH", path, {"enabled": True})
    assert (on["enabled"], on["failing_since"], on["paused_until"]) == (True, None, None)


def test_disabling_what_was_disabled_by_the_platform_keeps_the_reason(owner, receiver):
    endpoint, _delivery = owner.send(f"{receiver.url}/status/410")
    off = owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"enabled": False})
    assert off["disabled_reason"] == "gone"


def test_a_user_has_twenty_endpoints_at_the_most_also_at_the_same_time(owner):
    for _ in range(18):
        owner.add(URL)

    def add(_number):
        return owner.http.post("/api/v1/webhook-endpoints", json={"url": URL}).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(add, range(6)))
    assert statuses == [201, 201, 409, 409, 409, 409]
    owner.ask("DELETE", f"webhook-endpoints/{owner.ask('GET', 'webhook-endpoints')['items'][0]['id']}")
    assert add(0) == 201


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "https://example.com/" + "a" * 500}, "url"),
        ({"url": "https://user:pw@example.com/"}, "url"),
        ({"url": ""}, "url"),
        ({}, "url"),
        ({"url": URL, "event_types": ["order.eaten"]}, "event_types.0"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
        ({"url": URL, "user_id": 1}, "user_id"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(owner, given, field):
    assert field in owner.ask("POST", "webhook-endpoints", given, status=422)["errors"]


def test_only_admins_have_platform_wide_endpoints(owner):
    owner.ask("POST", "webhook-endpoints", {"url": URL, "platform": True}, status=403)
    path = f"webhook-endpoints/{owner.add(URL)['id']}"
    assert "platform" in owner.ask("PATCH", path, {"platform": True}, status=422)["errors"]


def test_somebody_elses_endpoints_and_deliveries_are_not_there(owner, hooks):
    endpoint = owner.add(URL)
    delivery = owner.test(endpoint)
    stranger = Owner(hooks)
    path = f"webhook-endpoints/{endpoint['id']}"
    for method, where, body in (
        ("GET", path, None),
        ("PATCH", path, {"enabled": False}),
        ("DELETE", path, None),
        ("POST", f"{path}/secret", None),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/replay", {"since": "2026-01-01T00:00:00Z"}),
        ("GET", f"webhook-deliveries/{delivery['id']}", None),
        ("POST", f"webhook-deliveries/{delivery['id']}/replay", None),
    ):
        stranger.ask(method, where, body, status=404)
    assert stranger.deliveries() == stranger.deliveries(f"?endpoint_id={endpoint['id']}") == []
    assert owner.delivery(delivery)["state"] == "waiting"


def test_ten_test_messages_in_a_minute_are_enough(owner):
    endpoints = [owner.add(URL), owner.add(URL)]
    for number in range(10):
        owner.test(endpoints[number % 2])
    answer = owner.ask("POST", f"webhook-endpoints/{endpoints[0]['id']}/test", status=429)
    assert answer["retry_after"] == 60


def test_deliveries_are_listed_newest_first_by_page_endpoint_and_state(owner, receiver):
    good, bad = owner.add(receiver.url), owner.add(f"{receiver.url}/status/410")
    made = [owner.test(good)["id"] for _ in range(5)] + [owner.test(bad)["id"]]
    owner.courier.drain(20)
    assert [row["id"] for row in owner.deliveries()] == sorted(made, reverse=True)
    assert [row["id"] for row in owner.deliveries(f"?endpoint_id={bad['id']}")] == made[5:]
    assert [row["id"] for row in owner.deliveries("?state=failed")] == made[5:]
    assert owner.deliveries("?state=waiting") == []
    pages, cursor = [], ""
    while cursor is not None:
        page = owner.ask("GET", f"webhook-deliveries?limit=2{cursor and '&cursor=' + cursor}")
        pages.append([row["id"] for row in page["items"]])
        cursor = page["next"]
    assert pages == [made[:3:-1], made[3:1:-1], made[1::-1]]


def test_one_delivery_is_replayed_under_the_same_id(owner, receiver):
    _endpoint, delivery = owner.send(receiver.url)
    again = owner.ask("POST", f"webhook-deliveries/{delivery['id']}/replay", status=202)
    assert (again["state"], again["tries"], again["delivered_at"]) == ("waiting", 0, None)
    owner.courier.drain(20)
    assert owner.delivery(delivery)["state"] == "delivered"
    (_path, first, body), (_path, second, same_body) = receiver.received
    assert first["webhook-id"] == second["webhook-id"]
    assert body == same_body


def test_a_range_is_replayed_and_only_what_failed_unless_told_otherwise(owner):
    with Receiver() as receiver:
        endpoint = owner.add(f"{receiver.url}/status/410")
        deliveries = [owner.test(endpoint) for _ in range(3)]
        for _ in deliveries:
            owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"enabled": True})
            owner.courier.drain(20)
        owner.ask(
            "PATCH", f"webhook-endpoints/{endpoint['id']}", {"enabled": True, "url": f"{receiver.url}/status/200"}
        )
        path = f"webhook-endpoints/{endpoint['id']}/replay"
        middle = {"since": deliveries[1]["created_at"], "until": deliveries[2]["created_at"]}
        receiver.received.clear()
        assert owner.ask("POST", path, middle, status=202) == {"deliveries": 1}
        owner.courier.drain(20)
        assert receiver.ids() == [deliveries[1]["message_id"]]
        since = {"since": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
        assert owner.ask("POST", path, since) == {"deliveries": 2}
        owner.courier.drain(20)
        assert owner.ask("POST", path, since) == {"deliveries": 0}
        assert owner.ask("POST", path, {**since, "state": "delivered"}) == {"deliveries": 3}
        owner.courier.drain(20)
        assert sorted(receiver.ids()) == sorted(2 * [delivery["message_id"] for delivery in deliveries])


def test_a_delivery_that_is_being_sent_is_not_replayed_at_the_same_time(owner, receiver):
    endpoint = owner.add(f"{receiver.url}/hang")
    delivery = owner.test(endpoint)
    owner.courier.sweep()
    owner.ask("POST", f"webhook-deliveries/{delivery['id']}/replay", status=409)
    everything = {"since": "2026-01-01T00:00:00Z", "state": "all"}
    assert owner.ask("POST", f"webhook-endpoints/{endpoint['id']}/replay", everything) == {"deliveries": 0}
    receiver.released.set()
    owner.courier.drain(20)
    assert len(receiver.received) == 1


def test_nothing_is_replayed_to_a_disabled_endpoint(owner, receiver):
    endpoint, delivery = owner.send(receiver.url)
    owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"enabled": False})
    owner.ask("POST", f"webhook-deliveries/{delivery['id']}/replay", status=409)
    owner.ask("POST", f"webhook-endpoints/{endpoint['id']}/replay", {"since": delivery["created_at"]}, status=409)


def test_an_endpoint_that_is_deleted_while_it_is_sent_to_is_gone(owner, receiver):
    endpoint = owner.add(f"{receiver.url}/hang")
    owner.test(endpoint)
    owner.courier.sweep()
    owner.ask("DELETE", f"webhook-endpoints/{endpoint['id']}")
    receiver.released.set()
    owner.courier.drain(20)
    assert owner.deliveries() == []


def test_the_blocked_may_look_and_not_touch(owner):
    endpoint = owner.add(URL)
    owner.market.query("UPDATE users SET blocked_at = market_clock(), blocked_reason = 'x' WHERE id = :id", id=owner.id)
    owner.market.registry["identities"].forget()
    owner.ask("POST", "webhook-endpoints", {"url": URL}, status=403)
    assert owner.ask("GET", f"webhook-endpoints/{endpoint['id']}")["id"] == endpoint["id"]
