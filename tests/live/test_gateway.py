from __future__ import annotations

import threading

import pytest
from websockets.exceptions import InvalidStatus

from marketcore.db.session import work
from marketcore.events import SessionsRevoked, UserBlocked
from marketcore.live.history import stream_position
from marketcore.testing.live import LiveClient, LiveServer, Recording, Refused


def position(room, channel: str) -> dict:
    with work(room.registry) as request:
        return stream_position(request.db, channel)


def test_a_subscriber_hears_what_is_published_with_its_offset(room, live) -> None:
    with LiveClient(live.url) as client:
        begun = client.subscribe("public:1")
        assert begun == {"op": "subscribed", "channel": "public:1", "epoch": None, "offset": 0, "recovered": False}
        room.publish("public:1", 10, 11)
        first, second = client.events_until(2)
        assert first["type"] == "test.happened"
        assert first["data"] == {"number": 10}
        assert first["at"].endswith("Z")
        assert set(first) == {"op", "channel", "offset", "type", "data", "at"}
        assert (second["offset"], second["data"]) == (2, {"number": 11})


def test_a_listener_of_an_unborn_channel_learns_its_epoch_with_the_first_event(room, live) -> None:
    with LiveClient(live.url) as client:
        client.subscribe("public:1", position(room, "public:1"))
        room.publish("public:1", 1)
        renewed = client.answer("subscribed")
        assert renewed["recovered"] is True
        assert (renewed["epoch"], renewed["offset"]) == (position(room, "public:1")["epoch"], 0)
        assert client.next_event()["offset"] == 1


def test_a_client_that_comes_back_gets_exactly_what_it_missed(room, live) -> None:
    room.publish("public:1", *range(5))
    since = position(room, "public:1")
    room.publish("public:1", *range(5, 9))
    with LiveClient(live.url) as client:
        begun = client.subscribe("public:1", since)
        assert begun["recovered"] is True
        assert begun["offset"] == 9
        assert [event["data"]["number"] for event in begun["events"]] == [5, 6, 7, 8]
        room.publish("public:1", 9)
        assert client.next_event()["offset"] == 10


def test_a_client_that_was_away_too_long_is_told_to_load_the_resource(room, live) -> None:
    room.publish("public:1", 0)
    since = position(room, "public:1")
    room.publish("public:1", *range(301))
    with LiveClient(live.url) as client:
        begun = client.subscribe("public:1", since)
        assert begun["recovered"] is False
        assert "events" not in begun
        assert begun["offset"] == 302


def test_a_foreign_epoch_is_not_recovered(room, live) -> None:
    room.publish("public:1", 0, 1)
    with LiveClient(live.url) as client:
        begun = client.subscribe("public:1", {"epoch": "00000000-0000-0000-0000-000000000000", "offset": 1})
        assert begun["recovered"] is False


def test_listeners_are_told_when_the_stream_is_replaced(room, live) -> None:
    room.publish("public:1", *range(5))
    with LiveClient(live.url) as client:
        client.subscribe("public:1")
        room.query("DELETE FROM live_events")
        room.query("UPDATE live_channels SET epoch = gen_random_uuid(), last_offset = 2")
        renewed = client.answer("subscribed")
        assert (renewed["recovered"], renewed["offset"]) == (False, 2)
        room.publish("public:1", 5)
        assert client.next_event()["offset"] == 3


def test_joining_while_events_are_published_all_the_time_leaves_no_gap(room, live) -> None:
    room.publish("public:1", 0)
    stop = threading.Event()

    def publish_on() -> None:
        number = 1
        while not stop.is_set():
            room.publish("public:1", number)
            number += 1

    publisher = threading.Thread(target=publish_on)
    publisher.start()
    recordings = []
    try:
        for _ in range(15):
            recording = Recording()
            since = position(room, "public:1")
            recording.epoch, recording.offset = since["epoch"], since["offset"]
            with LiveClient(live.url) as client:
                recording.take(client.subscribe("public:1", since))
                while len(recording.events) < 10:
                    recording.take(client.receive())
            recordings.append(recording)
    finally:
        stop.set()
        publisher.join()
    truth = dict(room.stream("public:1"))
    for recording in recordings:
        assert recording.repeated == 0
        assert {event["offset"]: event["data"]["number"] for event in recording.events}.items() <= truth.items()


def test_leaving_a_channel_ends_its_events_and_others_go_on(room, live) -> None:
    with LiveClient(live.url) as client:
        client.subscribe("public:1")
        client.subscribe("public:2")
        client.send(op="unsubscribe", channel="public:1")
        client.ping()
        room.publish("public:1", 1)
        room.publish("public:2", 2)
        assert client.next_event()["channel"] == "public:2"
        client.send(op="unsubscribe", channel="public:1", id="x")
        with pytest.raises(Refused, match="no such channel"):
            client.answer("pong")


def test_a_pong_repeats_the_id_of_its_ping(live) -> None:
    with LiveClient(live.url) as client:
        client.send(op="ping", id=7)
        assert client.receive() == {"op": "pong", "id": 7}


def test_two_gateways_carry_the_same_stream(room) -> None:
    with (
        LiveServer(room.registry) as one,
        LiveServer(room.registry) as other,
        LiveClient(one.url) as first,
        LiveClient(other.url) as second,
    ):
        first.subscribe("public:1")
        second.subscribe("public:1")
        room.publish("public:1", *range(20))
        assert first.events_until(20) == second.events_until(20)


def test_a_channel_of_others_and_one_that_is_not_declared_are_refused_alike(room, live) -> None:
    _user, _session, token = room.person(7)
    room.publish("order:8", 1)
    problems = []
    with LiveClient(live.url, token) as client:
        assert client.subscribe("order:7")["offset"] == 0
        for name in ("order:8", "order:999", "nothing:1", "order:07", "faulty:1"):
            with pytest.raises(Refused) as refused:
                client.subscribe(name)
            assert refused.value.problem.pop("channel") == name
            problems.append(refused.value.problem)
    assert all(problem == problems[0] for problem in problems)
    assert problems[0]["status"] == 404
    assert problems[0]["type"].endswith("not-found")


def test_nobody_known_hears_public_channels_only(room, live) -> None:
    with LiveClient(live.url) as client:
        client.subscribe("public:1")
        with pytest.raises(Refused):
            client.subscribe("order:7")


def test_a_plain_path_subscribes_by_itself_for_a_bearer_token_or_a_ticket(room, live) -> None:
    user_id, session_id, token = room.person(7)
    ticket = room.ticket(user_id, session_id)
    with (
        LiveClient(live.url, token, path="/track_order/7") as by_token,
        LiveClient(live.url, ticket=ticket, path="/track_order/7/") as by_ticket,
        LiveClient(live.url, path="/ws/public/3?x=1") as by_nothing,
    ):
        for client in (by_token, by_ticket, by_nothing):
            assert client.answer("subscribed")["offset"] == 0
        room.publish("order:7", 1)
        room.publish("public:3", 2)
        assert by_token.next_event() == by_ticket.next_event()
        assert by_nothing.next_event()["data"] == {"number": 2}


def test_a_ticket_may_follow_on_a_public_plain_path(room, live) -> None:
    user_id, session_id, _token = room.person(7)
    ticket = room.ticket(user_id, session_id)
    with LiveClient(live.url, ticket=ticket, path="/ws/public/3") as client:
        client.answer("subscribed")
        assert client.subscribe("order:7")["channel"] == "order:7"


def test_a_plain_path_of_others_ends_with_4404(room, live) -> None:
    user_id, session_id, token = room.person()
    with LiveClient(live.url, token, path="/track_order/7") as client:
        assert client.receive()["problem"]["status"] == 404
        assert client.close_code() == 4404
    with LiveClient(live.url, ticket=room.ticket(user_id, session_id), path="/track_order/7") as client:
        assert client.close_code() == 4404


@pytest.mark.parametrize("path", ["/nothing", "/track_order/x", "/track_order/0", "/track_order", "//"])
def test_an_unknown_address_is_refused_at_the_handshake(live, path) -> None:
    with pytest.raises(InvalidStatus) as refused:
        LiveClient(live.url, path=path)
    assert refused.value.response.status_code == 404


def test_a_worthless_bearer_token_is_refused_at_the_handshake(room, live) -> None:
    _user, session_id, token = room.person()
    room.query("UPDATE auth_sessions SET revoked_at = market_clock() WHERE id = :id", id=session_id)
    for bad in (token, "nonsense"):
        with pytest.raises(InvalidStatus) as refused:
            LiveClient(live.url, bad)
        assert refused.value.response.status_code == 401


def test_pages_of_foreign_origins_are_refused_and_listed_ones_are_not(make_room) -> None:
    room = make_room(live__origins="https://shop.example https://admin.example")
    with LiveServer(room.registry) as live:
        for origin in ("https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"):
            with pytest.raises(InvalidStatus) as refused:
                LiveClient(live.url, origin=origin)
            assert refused.value.response.status_code == 403
        for origin in ("https://admin.example", None):
            with LiveClient(live.url, origin=origin) as client:
                client.ping()


def test_the_origin_of_the_public_url_is_listed_when_no_other_is(make_room) -> None:
    room = make_room(marketcore__public_url="https://market.example/shop")
    with LiveServer(room.registry) as live, LiveClient(live.url, origin="https://market.example") as client:
        client.ping()


def test_a_health_probe_gets_an_answer(live) -> None:
    import httpx

    answer = httpx.get(live.url.replace("ws:", "http:") + "/healthz", trust_env=False)
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_revoked_sessions_are_closed_at_once_and_other_sessions_live_on(make_room) -> None:
    room = make_room(live__poll_seconds="600")
    user_id, session_id, token = room.person(7)
    other = room.session(user_id)
    with (
        LiveServer(room.registry) as live,
        LiveClient(live.url, token) as ended,
        LiveClient(live.url, f"{user_id}:{other}") as kept,
    ):
        ended.subscribe("order:7")
        kept.subscribe("order:7")
        room.query("UPDATE auth_sessions SET revoked_at = market_clock() WHERE id = :id", id=session_id)
        with work(room.registry) as request:
            request.emit(SessionsRevoked(user_id, (session_id,)))
        assert ended.close_code() == 4401
        room.publish("order:7", 1)
        assert kept.next_event()["offset"] == 1


def test_ended_sessions_are_found_without_redis(make_room) -> None:
    room = make_room(marketcore__redis_url="redis://127.0.0.1:1/0")
    _user, session_id, token = room.person(7)
    with LiveServer(room.registry) as live, LiveClient(live.url, token) as client:
        client.subscribe("order:7")
        room.query("UPDATE auth_sessions SET revoked_at = market_clock() WHERE id = :id", id=session_id)
        assert client.close_code() == 4401


def test_a_right_that_is_taken_away_ends_the_channel_and_only_that(make_room) -> None:
    room = make_room(live__poll_seconds="600")
    user_id, _session, token = room.person(7, 8)
    with LiveServer(room.registry) as live, LiveClient(live.url, token) as client:
        client.subscribe("order:7")
        client.subscribe("order:8")
        with LiveClient(live.url, token, path="/track_order/7") as plain:
            plain.answer("subscribed")
            room.query("DELETE FROM order_members WHERE order_id = 7")
            with work(room.registry) as request:
                request.recheck_live(user_id)
            error = client.receive()
            assert (error["op"], error["problem"]["channel"]) == ("error", "order:7")
            assert plain.close_code() == 4403
        room.publish("order:7", 1)
        room.publish("order:8", 2)
        assert client.next_event()["channel"] == "order:8"


def test_rights_are_decided_again_every_now_and_then(make_room) -> None:
    room = make_room(live__recheck_seconds="0.5")
    _user, _session, token = room.person(7)
    with LiveServer(room.registry) as live, LiveClient(live.url, token) as client:
        client.subscribe("order:7")
        room.query("DELETE FROM order_members")
        assert client.receive()["problem"]["channel"] == "order:7"


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_blocked_user_is_looked_at_again(make_room, with_redis) -> None:
    room = make_room(**({} if with_redis else {"marketcore__redis_url": "redis://127.0.0.1:1/0"}))
    user_id, _session, token = room.person(7)
    with LiveServer(room.registry) as live, LiveClient(live.url, token) as client:
        client.subscribe("order:7")
        room.query("UPDATE users SET blocked_at = market_clock() WHERE id = :id", id=user_id)
        room.query("DELETE FROM order_members")
        with work(room.registry) as request:
            request.emit(UserBlocked(user_id, True, "fraud"))
        assert client.receive()["problem"]["channel"] == "order:7"
