"""Commands over a socket: decided, checked and refused as over HTTP, and never the end of the socket."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from marketcore.db.session import work
from marketcore.events import UserBlocked
from marketcore.testing.live import LiveClient, LiveServer, Refused

MANY = {"live__messages_per_second": "1000"}


@pytest.fixture
def kept(room):
    found = room.registry["marketcore live commands"]["test.queue"].handler.__self__
    found.futures.clear()
    found.identities.clear()
    return found


def refused(client, name, data=None, **more) -> dict:
    with pytest.raises(Refused) as caught:
        client.command(name, data or {"number": 5}, **more)
    return caught.value.problem


def test_a_command_is_carried_out_as_the_person_of_the_socket_and_answered_by_its_id(room, live) -> None:
    user_id, _session, token = room.person()
    with LiveClient(live.url, token) as client, LiveClient(live.url) as nobody:
        client.subscribe("public:1")
        client.send(op="command", id="first", name="test.write", data={"number": 5})
        assert client.answer("reply") == {"op": "reply", "id": "first", "data": {"number": 5, "user_id": user_id}}
        assert client.next_event()["data"] == {"number": 5}
        assert nobody.command("test.write", {"number": 6})["user_id"] is None


def test_a_refused_command_leaves_nothing_behind_and_the_socket_open(room, live) -> None:
    with LiveClient(live.url) as client:
        problem = refused(client, "test.write", {"number": 13})
        assert (problem["status"], problem["type"]) == (409, "urn:marketcore:problem:conflict")
        assert problem["detail"] == "thirteen brings bad luck"
        assert room.stream("public:1") == []
        assert client.command("test.write", {"number": 5})["number"] == 5


def test_a_fault_is_told_without_its_inside_and_found_in_the_log_by_its_id(room, live, capsys) -> None:
    with LiveClient(live.url) as client:
        problem = refused(client, "test.write", {"number": 14})
        assert (problem["status"], problem["type"]) == (500, "urn:marketcore:problem:internal")
        assert "plugin" not in json.dumps(problem)
        client.ping()
    assert problem["request_id"] in "".join(capsys.readouterr())
    assert room.stream("public:1") == []


def test_an_unknown_command_is_named(live) -> None:
    with LiveClient(live.url) as client:
        for _ in range(12):
            problem = refused(client, "test.destroy")
        assert (problem["status"], problem["type"]) == (404, "urn:marketcore:problem:unknown-command")
        assert problem["command"] == "test.destroy"
        assert "'test.destroy'" in problem["detail"]


WRONG = [
    ({}, 422, "number"),
    ({"number": "5"}, 422, "number"),
    ({"number": True}, 422, "number"),
    ({"number": 2**63}, 422, "number"),
    ({"number": 5, "more": 1}, 422, "more"),
    ({"number": 5, "price": {"amount": "1.005", "currency": "KES"}}, 422, "price.amount"),
    ({"number": 5, "price": {"amount": 1.5, "currency": "KES"}}, 422, "price.amount"),
    ({"number": 5, "price": {"amount": "NaN", "currency": "KES"}}, 422, "price.amount"),
    ({"number": 5, "price": {"amount": "9" * 17, "currency": "KES"}}, 422, "price.amount"),
    ({"number": 5, "price": {"amount": "5.00", "currency": "XXX"}}, 422, "price.currency"),
    ([], 400, None),
    ("number", 400, None),
    (None, 400, None),
]


def test_the_data_are_checked_as_a_body_is(room, live) -> None:
    with LiveClient(live.url) as client:
        for data, status, field in WRONG:
            client.send(op="command", id=7, name="test.write", data=data)
            error = client.receive()
            assert (error["op"], error["id"], error["problem"]["status"]) == ("error", 7, status), data
            assert list(error["problem"].get("errors", {})) == ([field] if field else []), data
        client.connection.send('{"op":"command","id":8,"name":"test.write","data":{"number":5,"number":6}}')
        assert client.receive()["problem"]["detail"].endswith("a name is given twice in one object")
    assert room.stream("public:1") == []


def test_a_command_without_an_id_is_no_frame(live) -> None:
    with LiveClient(live.url) as client:
        client.send(op="command", name="test.write", data={"number": 5})
        assert client.receive()["problem"]["status"] == 422
        client.ping()


def test_who_may_is_decided_as_over_http(room, live) -> None:
    _user, _session, token = room.person()
    with LiveClient(live.url) as nobody, LiveClient(live.url, token) as buyer:
        for name in ("test.trade", "test.rule", "test.queue"):
            assert refused(nobody, name)["type"] == "urn:marketcore:problem:not-authenticated"
        problem = refused(buyer, "test.rule", {"number": "nonsense"})
        assert (problem["status"], problem["type"]) == (403, "urn:marketcore:problem:forbidden")
        assert buyer.command("test.trade", {"number": 5})["number"] == 5


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_blocked_account_can_trade_no_more_at_once_or_with_the_next_poll(make_room, eventually, with_redis) -> None:
    alone = {"marketcore__redis_url": "redis://127.0.0.1:1/0"}
    room = make_room(**(MANY | ({"live__poll_seconds": "600"} if with_redis else alone)))
    user_id, _session, token = room.person()
    with LiveServer(room.registry) as live, LiveClient(live.url, token) as client:
        assert client.command("test.trade", {"number": 5})["number"] == 5
        room.query("UPDATE users SET blocked_at = market_clock(), blocked_reason = 'fraud' WHERE id = :id", id=user_id)
        with work(room.registry) as request:
            request.emit(UserBlocked(user_id, True, "fraud"))
        problems: list[dict] = []
        eventually(lambda: _is_refused(client, problems))
        assert problems[0]["type"] == "urn:marketcore:problem:account-blocked"
        assert problems[0]["reason"] == "fraud"
        assert client.command("test.write", {"number": 6})["user_id"] == user_id


def _is_refused(client, problems) -> bool:
    try:
        client.command("test.trade", {"number": 5})
    except Refused as refused_:
        problems.append(refused_.problem)
    return bool(problems)


def test_a_queued_command_is_answered_when_its_future_is_done_in_whatever_order(room, live, kept) -> None:
    user_id, _session, token = room.person()
    with LiveClient(live.url, token) as client:
        for number in (2, 3, 1):
            client.send(op="command", id=number, name="test.queue", data={"number": number})
        assert client.answer("reply") == {"op": "reply", "id": 1, "data": {"number": 1}}
        assert {identity.user_id for identity in kept.identities} == {user_id}
        second, third, _done = kept.futures
        third.set_result({"number": 30})
        second.set_exception(ZeroDivisionError("a fault in a plugin"))
        assert client.answer("reply") == {"op": "reply", "id": 3, "data": {"number": 30}}
        failed = client.receive()
        assert (failed["id"], failed["problem"]["status"]) == (2, 500)
        assert refused(client, "test.queue", {"number": 13})["detail"] == "the queue is full"


def test_a_queue_that_ends_with_work_in_it_says_so(room, live, kept) -> None:
    _user, _session, token = room.person()
    with LiveClient(live.url, token) as client:
        client.send(op="command", id=4, name="test.queue", data={"number": 4})
        client.ping()
        kept.futures[0].cancel()
        assert client.receive()["problem"]["status"] == 503


def test_commands_that_wait_are_limited_per_socket(make_room) -> None:
    room = make_room(live__commands_per_socket="2")
    _user, _session, token = room.person()
    kept = room.registry["marketcore live commands"]["test.queue"].handler.__self__
    kept.futures.clear()
    with LiveServer(room.registry) as live, LiveClient(live.url, token) as client:
        for number in (2, 3, 4):
            client.send(op="command", id=number, name="test.queue", data={"number": number})
        assert client.receive()["problem"]["status"] == 429
        for future in kept.futures:
            future.set_result({"number": 0})
        assert {client.answer("reply")["id"] for _ in range(2)} == {2, 3}
        assert client.command("test.queue", {"number": 1})["number"] == 1


def test_an_answer_for_a_socket_that_has_gone_disturbs_nobody(room, live, kept, eventually) -> None:
    _user, _session, token = room.person()
    with LiveClient(live.url, token) as client:
        client.send(op="command", id=4, name="test.queue", data={"number": 4})
        client.ping()
    eventually(lambda: not live.gateway.sockets)
    kept.futures[0].set_result({"number": 4})
    with LiveClient(live.url, token) as client:
        assert client.command("test.queue", {"number": 1})["number"] == 1


def test_an_id_may_be_any_short_text_or_number(live) -> None:
    with LiveClient(live.url) as client:
        for id_ in (0, 2**53 - 1, "", str(uuid4())):
            client.send(op="command", id=id_, name="test.write", data={"number": 5})
            assert client.answer("reply")["id"] == id_
