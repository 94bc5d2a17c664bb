"""What receivers do, and what becomes of the deliveries: over real sockets."""

from __future__ import annotations

import socket

from marketcore.jobs.periodic import enqueue_due
from marketcore.jobs.running import run_waiting
from marketcore_webhooks.events import EndpointDisabled

from .receivers import eventually


def test_a_message_arrives_signed_and_is_noted(owner, receiver):
    endpoint, delivery = owner.send(f"{receiver.url}/in?a=b")
    assert (delivery["state"], delivery["last_status"], delivery["tries"]) == ("delivered", 200, 1)
    assert delivery["delivered_at"]
    assert delivery["next_at"] is None
    [(path, headers, body)] = receiver.received
    assert path == "/in?a=b"
    assert headers["webhook-id"] == delivery["message_id"]
    assert headers["content-type"] == "application/json"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert body.decode() == delivery["body"]
    assert endpoint["failing_since"] is None


def test_the_worker_sends_what_is_due_by_its_clock(owner, receiver):
    delivery = owner.test(owner.add(receiver.url))
    enqueued, _seconds = enqueue_due(owner.market.registry)
    assert "webhooks.send_due" in enqueued
    run_waiting(owner.market.registry)
    eventually(lambda: owner.delivery(delivery)["state"] == "delivered")
    assert receiver.ids() == [delivery["message_id"]]


def test_a_failure_is_noted_and_tried_again(owner, receiver):
    endpoint, delivery = owner.send(f"{receiver.url}/status/503")
    assert (delivery["state"], delivery["last_status"], delivery["tries"]) == ("waiting", 503, 1)
    assert delivery["next_at"] > delivery["last_at"]
    assert endpoint["failing_since"]
    assert endpoint["enabled"]


def test_a_try_that_no_answer_came_to_says_why(owner):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    _endpoint, delivery = owner.send(f"http://127.0.0.1:{port}/")
    assert (delivery["state"], delivery["last_status"]) == ("waiting", None)
    assert delivery["last_error"] == "no connection: Connection refused"


def test_gone_disables_the_endpoint_and_nothing_more_is_sent(owner, receiver):
    endpoint, delivery = owner.send(f"{receiver.url}/status/410")
    assert (delivery["state"], delivery["last_status"]) == ("failed", 410)
    assert (endpoint["enabled"], endpoint["disabled_reason"]) == (False, "gone")
    owner.ask("POST", f"webhook-endpoints/{endpoint['id']}/test", status=409)
    owner.flood(endpoint, 1)
    owner.courier.drain(20)
    assert len(receiver.received) == 1
    assert owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"enabled": True})["disabled_reason"] == ""
    owner.courier.drain(20)
    assert len(receiver.received) == 2


def test_an_overloaded_receiver_is_left_alone_for_as_long_as_it_asks(owner, receiver):
    receiver.headers["Retry-After"] = "600"
    endpoint, first = owner.send(f"{receiver.url}/status/429")
    assert first["next_at"] >= endpoint["paused_until"]
    second = owner.test(endpoint)
    owner.travel("590 seconds")
    owner.courier.drain(20)
    assert receiver.ids() == [first["message_id"]]
    receiver.headers.clear()
    owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"url": receiver.url})
    owner.travel("606 seconds")
    owner.courier.drain(20)
    assert sorted(receiver.ids()[1:]) == sorted([first["message_id"], second["message_id"]])


def test_tries_follow_the_schedule_until_the_last_has_failed(owner, receiver):
    endpoint, delivery = owner.send(f"{receiver.url}/status/500")
    elapsed = 0
    for tries, delay in enumerate((5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400), start=2):
        owner.travel(f"{elapsed + int(delay * 0.75)} seconds")
        owner.courier.drain(20)
        assert len(receiver.received) == tries - 1, f"try {tries} came too early"
        elapsed += int(delay * 1.25) + 2
        owner.travel(f"{elapsed} seconds")
        owner.courier.drain(20)
        assert len(receiver.received) == tries, f"try {tries} did not come"
    assert owner.delivery(delivery)["state"] == "failed"
    assert set(receiver.ids()) == {delivery["message_id"]}
    owner.travel("20 days")
    owner.courier.drain(20)
    assert len(receiver.received) == 10
    assert owner.endpoint(endpoint)["enabled"]


def test_five_days_of_nothing_but_failures_disable_the_endpoint_and_its_owner_can_be_told(owner, receiver):
    told = []
    subscribers = owner.market.registry.setdefault("marketcore event subscribers", {})
    subscribers["test"] = (EndpointDisabled, lambda _request, fact: told.append(fact))
    endpoint, _delivery = owner.send(f"{receiver.url}/status/500")
    owner.travel("119 hours")
    owner.courier.drain(20)
    assert owner.endpoint(endpoint)["enabled"]
    assert told == []
    owner.travel("121 hours")
    owner.flood(endpoint, 1)
    owner.courier.drain(20)
    assert owner.endpoint(endpoint)["disabled_reason"] == "failing"
    assert told == [EndpointDisabled(endpoint["id"], owner.id, "failing")]


def test_a_success_ends_the_count_of_failing_days(owner, receiver):
    endpoint, _delivery = owner.send(f"{receiver.url}/status/500")
    owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"url": f"{receiver.url}/status/204"})
    owner.travel("121 hours")
    owner.courier.drain(20)
    endpoint = owner.endpoint(endpoint)
    assert endpoint["enabled"]
    assert endpoint["failing_since"] is None


def test_a_disabled_endpoint_keeps_what_waits_until_it_is_enabled(owner, receiver):
    endpoint = owner.add(receiver.url)
    delivery = owner.test(endpoint)
    owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"enabled": False})
    owner.courier.drain(20)
    assert receiver.received == []
    owner.ask("PATCH", f"webhook-endpoints/{endpoint['id']}", {"enabled": True})
    owner.courier.drain(20)
    assert receiver.ids() == [delivery["message_id"]]


def test_a_secret_that_cannot_be_decrypted_sends_nothing_and_says_so(owner, receiver):
    endpoint = owner.add(receiver.url)
    owner.market.query(
        "UPDATE webhooks_endpoints SET secret = decode(repeat('00', 60), 'hex') WHERE id = :id", id=endpoint["id"]
    )
    delivery = owner.test(endpoint)
    owner.courier.drain(20)
    assert "rotate it" in owner.delivery(delivery)["last_error"]
    assert receiver.received == []
