"""Hostile clients get a documented code, and nobody else notices them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from marketcore.db.session import work
from marketcore.live.gateway.codes import MEANINGS, REFUSALS, Close
from marketcore.testing.live import LiveClient, LiveServer

from .deafness import read_all


@contextmanager
def undisturbed(room, live) -> Iterator[None]:
    """Somebody else listens all the while and hears everything."""
    with LiveClient(live.url) as witness:
        witness.subscribe("public:9")
        yield
        room.publish("public:9", 1, 2)
        assert [event["offset"] for event in witness.events_until(2)] == [1, 2]


def test_every_code_is_explained() -> None:
    assert set(MEANINGS) == set(Close)
    assert all(400 <= status < 600 for status in REFUSALS)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("x" * 65_536, 1009),
        ("hello", 4400),
        ("", 4400),
        ("{", 4400),
        ('{"op": "ping", "id": NaN}', 4400),
        (b'{"op": "ping"}', 4400),
    ],
)
def test_what_is_no_frame_at_all_closes_the_socket(room, live, message, code) -> None:
    with undisturbed(room, live), LiveClient(live.url) as client:
        client.connection.send(message)
        assert client.close_code() == code


WRONG = [
    "[" * 16_000,
    "null",
    "[]",
    "1",
    "{}",
    '{"op": "dance"}',
    '{"op": ["ping"]}',
    '{"op": "ping", "more": 1}',
    '{"op": "ping", "id": {}}',
    '{"op": "ping", "id": "%s"}' % ("x" * 65),
    '{"op": "subscribe"}',
    '{"op": "subscribe", "channel": 7}',
    '{"op": "subscribe", "channel": "public:1", "since": 5}',
    '{"op": "subscribe", "channel": "public:1", "since": {"epoch": "e", "offset": -1}}',
    '{"op": "subscribe", "channel": "public:1", "since": {"epoch": "e", "offset": 9223372036854775808}}',
    '{"op": "subscribe", "channel": "public:1", "since": {"epoch": "e", "offset": 1.5}}',
    '{"op": "subscribe", "channel": "%s"}' % ("x" * 121),
]


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_frame_is_explained_and_forgiven(live, message) -> None:
    with LiveClient(live.url) as client:
        client.connection.send(message)
        error = client.receive()
        assert (error["op"], error["problem"]["status"]) == ("error", 422)
        client.ping()


def test_many_wrong_frames_close_the_socket(room, live) -> None:
    with undisturbed(room, live), LiveClient(live.url) as client:
        for _ in range(10):
            client.send(op="dance")
        assert client.close_code() == 4400


def test_channel_names_full_of_nonsense_are_nothing(live) -> None:
    with LiveClient(live.url) as client:
        for name in ("\x00", "public:1\x00", "'; DROP TABLE live_events; --", "public:" + "9" * 30, "ü"):
            client.send(op="subscribe", channel=name, id=1)
            assert client.receive()["problem"]["status"] == 404


def test_more_frames_than_allowed_close_the_socket(room, live) -> None:
    with undisturbed(room, live), LiveClient(live.url) as client:
        with suppress(ConnectionClosed):
            for _ in range(100):
                client.send(op="ping")
        assert client.close_code() == 4029


def test_a_flood_of_control_pings_is_cut_off(room, live) -> None:
    with undisturbed(room, live), LiveClient(live.url) as client:
        with suppress(ConnectionClosed):
            for _ in range(1000):
                client.connection.ping()
        assert client.close_code() is None


def test_a_socket_that_says_nothing_is_closed(make_room) -> None:
    room = make_room(live__auth_seconds="0.5")
    with (
        LiveServer(room.registry) as live,
        LiveClient(live.url) as client,
        LiveClient(live.url, path="/track_order/7") as plain,
    ):
        assert client.close_code() == 4408
        assert plain.close_code() == 4408


def test_a_handshake_that_never_ends_is_cut_off(make_room) -> None:
    room = make_room(live__auth_seconds="0.5")
    with (
        LiveServer(room.registry) as live,
        undisturbed(room, live),
        socket.create_connection(("127.0.0.1", live.gateway.port), timeout=10) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert b"101" not in read_all(slow)


def test_sockets_per_address_are_limited_and_given_back(make_room, eventually) -> None:
    room = make_room(live__sockets_per_ip="3")
    with LiveServer(room.registry) as live:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(LiveClient(live.url))
            with pytest.raises(InvalidStatus) as refused:
                LiveClient(live.url)
            assert refused.value.response.status_code == 429
        eventually(lambda: len(live.gateway.sockets) == 0)
        with LiveClient(live.url) as client:
            client.ping()


def test_the_address_behind_the_proxy_is_the_one_that_counts(make_room) -> None:
    import httpx

    room = make_room(live__sockets_per_ip="1", live__trusted_proxy="127.0.0.1")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    with LiveServer(room.registry) as live, LiveClient(live.url) as client:
        client.ping()
        url = live.url.replace("ws:", "http:")
        for forwarded, status in ((None, 429), ("10.0.0.1", 400), ("10.0.0.1, 127.0.0.1", 429)):
            headers = {**upgrade, **({"X-Forwarded-For": forwarded} if forwarded else {})}
            assert httpx.get(url, headers=headers, trust_env=False).status_code == status


def test_sockets_per_user_are_limited_and_given_back(make_room, eventually) -> None:
    room = make_room(live__sockets_per_user="2")
    user_id, session_id, token = room.person(7)
    with LiveServer(room.registry) as live:
        with LiveClient(live.url, token) as one, LiveClient(live.url, token) as two:
            one.ping()
            two.ping()
            with LiveClient(live.url, ticket=room.ticket(user_id, session_id)) as third:
                assert third.close_code() == 4030
        eventually(lambda: len(live.gateway.sockets) == 0)
        with LiveClient(live.url, token) as again:
            again.ping()


def test_channels_per_socket_are_limited(make_room) -> None:
    room = make_room(live__channels_per_socket="2")
    with LiveServer(room.registry) as live, LiveClient(live.url) as client:
        client.subscribe("public:1")
        client.subscribe("public:2")
        for channel in ("public:3", "public:2"):
            client.send(op="subscribe", channel=channel)
            assert client.receive()["problem"]["status"] == 409


PATIENT = {"live__queue_events": "100000", "live__queue_bytes": str(2**30)}


@pytest.mark.parametrize(
    "settings",
    [PATIENT | {"live__queue_events": "50"}, PATIENT | {"live__stuck_seconds": "0.5"}],
    ids=["too many frames wait", "nothing is taken for too long"],
)
def test_a_client_that_never_reads_is_closed_and_the_others_hear_everything(
    make_room, deaf, eventually, settings
) -> None:
    room = make_room(**settings)
    big = {"text": "x" * 15_000}
    total = 600
    with LiveServer(room.registry) as live, LiveClient(live.url) as reader, deaf(live.gateway.port) as silent:
        reader.subscribe("public:1")
        heard: list[int] = []
        thread = threading.Thread(target=lambda: heard.extend(e["offset"] for e in reader.events_until(total)))
        thread.start()
        for _ in range(total // 10):
            with work(room.registry) as request:
                for _ in range(10):
                    request.publish("public:1", "test.big", big)
        thread.join(60)
        assert heard == list(range(1, total + 1))
        eventually(lambda: any(one.ending for one in tuple(live.gateway.sockets)))
        assert silent.close_code() == 4008


def test_deaf_clients_do_not_hold_up_the_end(room, deaf) -> None:
    """``stop`` gives up after 20 seconds."""
    with LiveServer(room.registry) as live, deaf(live.gateway.port), LiveClient(live.url) as client:
        client.subscribe("public:1")
        live.stop()
        assert client.close_code() == 1001


def test_frames_that_ask_for_the_same_ids_get_their_own_answers(live) -> None:
    with LiveClient(live.url) as client:
        for number in (1, "1", None):
            client.connection.send(json.dumps({"op": "ping", "id": number}))
            assert client.receive().get("id") == number
