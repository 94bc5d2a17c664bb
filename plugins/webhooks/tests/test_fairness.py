"""Receivers that hang cost the others nothing, and nobody gets more than two messages at the same time."""

from __future__ import annotations

import ssl
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from marketcore_webhooks.claiming import claim
from marketcore_webhooks.courier import Courier
from marketcore_webhooks.posting import Poster

from .owners import Owner
from .receivers import eventually

HANGING = 20


def arrived(owner, endpoint):
    sql = "SELECT count(*) FROM webhooks_deliveries WHERE endpoint_id = :id AND state = 'delivered'"
    return owner.market.query(sql, id=endpoint["id"])[0][0]


def mark_failing(owner, endpoints):
    owner.market.query(
        "UPDATE webhooks_endpoints SET failing_since = market_clock() WHERE id = ANY(:ids)",
        ids=[endpoint["id"] for endpoint in endpoints],
    )


@pytest.fixture
def make_courier(hooks):
    """Return ``courier(threads=…)``: one more process's courier, which waits a minute for answers."""
    made = []

    def courier(threads=48):
        poster = Poster(hooks.registry["webhooks_destinations"], timeout=60, tls=ssl.create_default_context())
        made.append(Courier(hooks.registry, poster, threads=threads, timeout=60))
        return made[-1]

    yield courier
    for each in made:
        each.close()


def test_twenty_hanging_receivers_do_not_delay_a_healthy_one(hooks, owner, receiver, make_courier):
    courier = make_courier()
    hanging = [owner.add(f"{receiver.url}/hang/{number}") for number in range(HANGING)]
    for endpoint in hanging:
        owner.flood(endpoint, 5)
    courier.sweep()
    eventually(lambda: len(receiver.received) == 2 * HANGING)
    healthy = Owner(hooks).add(f"{receiver.url}/in")
    for count in (10, 20):
        owner.flood(healthy, 10)
        courier.sweep()
        eventually(lambda count=count: arrived(owner, healthy) == count, seconds=5)
    assert not receiver.released.is_set()
    assert max(receiver.most_at_once.values()) == 2
    assert Counter(receiver.paths())["/in"] == 20
    receiver.released.set()


def test_receivers_known_to_fail_have_threads_of_their_own(owner, receiver, make_courier):
    courier = make_courier(threads=2)
    hanging = [owner.add(f"{receiver.url}/hang/{number}") for number in range(5)]
    for endpoint in hanging:
        owner.flood(endpoint, 3)
    mark_failing(owner, hanging)
    courier.sweep()
    eventually(lambda: len(receiver.received) == 1)
    healthy = owner.add(f"{receiver.url}/in")
    owner.flood(healthy, 30)
    courier.sweep()
    eventually(lambda: arrived(owner, healthy) == 30)
    assert len(receiver.received) == 31
    receiver.released.set()


def test_a_receiver_never_gets_more_than_two_messages_at_once_from_several_processes(owner, receiver, make_courier):
    first, second = make_courier(), make_courier()
    endpoint = owner.add(f"{receiver.url}/hang")
    owner.flood(endpoint, 10)
    for _round in range(3):
        first.sweep()
        second.sweep()
    eventually(lambda: len(receiver.received) == 2)
    receiver.released.set()
    eventually(lambda: first.sweep() or second.sweep() or arrived(owner, endpoint) == 10)
    assert receiver.most_at_once["/hang"] == 2
    assert len(set(receiver.ids())) == len(receiver.ids()) == 10


def test_claims_at_the_same_moment_never_overlap_and_keep_every_share(owner):
    endpoints = [owner.add("http://127.0.0.1:9/") for _ in range(10)]
    for endpoint in endpoints:
        owner.flood(endpoint, 5)
    mark_failing(owner, endpoints[:5])
    barrier = Barrier(8)

    def take(number):
        barrier.wait()
        found = []
        for _round in range(5):
            with owner.market.registry["engine"].begin() as connection:
                found += claim(connection, slots=3, failing=number % 2 == 0, lease_seconds=600)
        return found

    with ThreadPoolExecutor(8) as pool:
        claimed = [each for found in pool.map(take, range(8)) for each in found]
    assert len({each.delivery_id for each in claimed}) == len(claimed)
    failing = {endpoint["id"] for endpoint in endpoints[:5]}
    shares = Counter(each.endpoint_id for each in claimed)
    assert shares == {endpoint["id"]: 1 if endpoint["id"] in failing else 2 for endpoint in endpoints}


def test_a_claim_takes_one_of_each_endpoint_before_a_second_of_any(owner):
    endpoints = [owner.add("http://127.0.0.1:9/") for _ in range(3)]
    for endpoint in endpoints:
        owner.flood(endpoint, 5)
    with owner.market.registry["engine"].begin() as connection:
        claimed = claim(connection, slots=4, failing=False, lease_seconds=60)
    assert sorted(Counter(each.endpoint_id for each in claimed).values()) == [1, 1, 2]
