"""A program follows channels through everything that a network and a gateway can do to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from marketcore.live import client as module
from marketcore.live.client import Ended, LiveClient, Refused, StreamLost, Unanswered
from marketcore.live.history import stream_position
from marketcore.settings import section
from marketcore.testing.interference import Interference
from marketcore.testing.live import LiveServer


@pytest.fixture(scope="module")
def room(lasting_settings: dict[str, Any], open_room: Callable[..., Any]) -> Iterator[Any]:
    yield from open_room({**lasting_settings, "live.poll_seconds": "0.2", "live.port": "0"})


@pytest.fixture(scope="module")
def live(room) -> Iterator[LiveServer]:
    with LiveServer(room.registry) as server:
        yield server


@pytest.fixture
def network(live) -> Iterator[Interference]:
    with Interference(live.url) as between:
        yield between


@pytest.fixture
def client(network) -> Iterator[LiveClient]:
    with LiveClient(network.url) as connected:
        yield connected


@pytest.fixture
def name(request) -> Callable[[str], str]:
    """Return ``name(family)``: a channel that no other test uses."""
    number = 1000 + request.node.session.items.index(request.node)
    return lambda family: f"{family}:{number}"


@pytest.fixture
def channel(room, name) -> str:
    """A public channel with one event in it."""
    room.publish(name("public"), 0)
    return name("public")


def position(room, channel: str) -> dict[str, Any]:
    return room.perform(lambda request: stream_position(request.db, channel))


def break_off(room, channel: str) -> None:
    """Forget everything that the channel has carried."""
    room.query("DELETE FROM live_events WHERE channel = :c", c=channel)
    room.query("UPDATE live_channels SET epoch = gen_random_uuid(), last_offset = 70 WHERE name = :c", c=channel)


def hear(client: LiveClient, last: int) -> list[int]:
    """Return the offsets of the events up to the one at ``last``."""
    offsets = [client.next_event()["offset"]]
    while offsets[-1] < last:
        offsets.append(client.next_event()["offset"])
    return offsets


def test_everything_is_heard_once_though_the_gateway_is_killed_and_started_again(room, channel, monkeypatch) -> None:
    with room.process() as process, LiveClient(process.url) as client:
        client.subscribe(channel, position(room, channel))
        room.publish(channel, *range(10))
        assert hear(client, 11) == list(range(2, 12))
        process.kill()
        room.publish(channel, *range(10))
        with pytest.raises(TimeoutError):
            client.next_event(timeout=0.1)
        monkeypatch.setitem(section(room.registry, "live"), "port", process.port)
        with LiveServer(room.registry):
            room.publish(channel, *range(10))
            assert hear(client, 31) == list(range(12, 32))


def test_a_lost_frame_is_noticed_and_fetched_and_a_repeated_one_is_dropped(room, network, client, channel) -> None:
    client.subscribe(channel, position(room, channel))
    network.copies = lambda frame: 0 if frame.get("offset") in {2, 3} else 1
    room.publish(channel, 1, 2, 3, 4)
    assert hear(client, 5) == [2, 3, 4, 5]
    network.copies = lambda _frame: 3
    room.publish(channel, 5, 6)
    assert hear(client, 7) == [6, 7]
    asked = [frame["since"]["offset"] for frame in network.sent if frame["op"] == "subscribe"]
    assert (asked, network.connections) == ([1, 1], 1)


def test_a_program_that_starts_again_goes_on_after_its_last_event(room, network, channel) -> None:
    with LiveClient(network.url) as first:
        begun = first.subscribe(channel, position(room, channel))
        assert (begun["channel"], begun["offset"], begun["recovered"]) == (channel, 1, True)
        room.publish(channel, 1, 2)
        last = first.next_event()
        assert (last["type"], last["data"]) == ("test.happened", {"number": 1})
    with LiveClient(network.url) as second:
        second.subscribe(channel, since=last)
        assert hear(second, 3) == [3]


def test_a_loss_is_told_and_the_loaded_resource_is_gone_on_with(room, network, client, channel) -> None:
    client.subscribe(channel, position(room, channel))
    network.cut()
    break_off(room, channel)
    with pytest.raises(StreamLost) as lost:
        client.next_event()
    assert (lost.value.channel, lost.value.snapshot) == (channel, None)
    room.publish(channel, 1)
    loaded = position(room, channel)
    room.publish(channel, 2)
    assert client.subscribe(channel, since=loaded)["recovered"] is True
    assert hear(client, 72) == [72]


def test_a_channel_with_a_snapshot_begins_with_it_and_after_a_loss_with_another(room, network, client, name) -> None:
    board = name("board")
    room.publish(board, 1, 2)
    assert client.subscribe(board)["snapshot"]["events"] == 2
    room.publish(board, 3)
    assert hear(client, 3) == [3]
    network.cut()
    break_off(room, board)
    with pytest.raises(StreamLost) as lost:
        client.next_event()
    assert lost.value.snapshot["events"] == 70
    room.publish(board, 4)
    assert hear(client, 71) == [71]


def test_a_refused_ticket_is_replaced_and_an_ended_session_is_the_end(room, network) -> None:
    user_id, session_id, _token = room.person(7)
    tickets = iter(["nonsense", room.ticket(user_id, session_id), None])
    with LiveClient(network.url, ticket=lambda: next(tickets)) as client:
        client.subscribe("order:7", {"epoch": None, "offset": 0})
        room.query("UPDATE auth_sessions SET revoked_at = market_clock() WHERE id = :id", id=session_id)
        with pytest.raises(Ended, match="log in") as ended:
            client.next_event()
    assert ended.value.code == 4401
    assert list(tickets) == []
    assert network.connections == 2


def test_a_worthless_token_is_shown_once(live) -> None:
    with LiveClient(live.url, token="nonsense") as client, pytest.raises(Ended):
        client.subscribe("order:7")


def test_a_wrong_address_is_not_tried_again(live) -> None:
    with LiveClient(f"{live.url}/nothing") as client, pytest.raises(Ended) as ended:
        client.subscribe("order:7")
    assert ended.value.code == 404


def test_a_channel_that_is_refused_or_taken_away_is_given_up_and_the_others_go_on(room, live, channel) -> None:
    user_id, _session, token = room.person(8)
    with LiveClient(live.url, token=token) as client:
        with pytest.raises(Refused) as refused:
            client.subscribe("order:9")
        assert refused.value.problem["status"] == 404
        client.subscribe("order:8")
        client.subscribe(channel, position(room, channel))
        room.query("DELETE FROM order_members WHERE order_id = 8")
        room.perform(lambda request: request.recheck_live(user_id))
        with pytest.raises(Refused, match="any more"):
            client.next_event()
        room.publish(channel, 1)
        assert hear(client, 2) == [2]


def test_a_channel_that_was_left_is_silent(room, client, name) -> None:
    one, other = name("public"), name("board")
    client.subscribe(one)
    client.subscribe(other)
    room.publish(one, 1)
    room.publish(other, 2)
    assert client.next_event()["channel"] == one
    client.unsubscribe(one)
    room.publish(one, 3)
    assert client.next_event()["channel"] == other
    with pytest.raises(LookupError, match="you do not listen"):
        client.unsubscribe(one)


def test_a_command_is_answered_and_a_refusal_is_the_problem_that_http_would_answer(client) -> None:
    assert client.command("test.write", {"number": 5})["number"] == 5
    with pytest.raises(Refused, match="thirteen") as refused:
        client.command("test.write", {"number": 13})
    assert refused.value.problem["status"] == 409


def test_a_command_whose_answer_is_lost_is_reported_and_not_sent_again(network, client) -> None:
    network.copies = lambda frame: 0 if frame["op"] == "reply" else 1
    with pytest.raises(Unanswered, match="may have been carried out") as late:
        client.command("test.write", {"number": 1}, timeout=0.2)
    assert late.value.sent is True
    network.copies = lambda frame: network.cut() or 0 if frame["op"] == "reply" else 1
    with pytest.raises(Unanswered, match="the connection broke"):
        client.command("test.write", {"number": 2})
    network.copies = lambda _frame: 1
    assert client.command("test.write", {"number": 3})["number"] == 3
    assert [frame["data"]["number"] for frame in network.sent if frame["op"] == "command"] == [1, 2, 3]


def test_a_gateway_that_closes_every_connection_is_not_hammered_and_no_command_reaches_it(
    network, client, monkeypatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.04)
    network.refusal = 1011
    with pytest.raises(Unanswered, match="was not sent") as unsent:
        client.command("test.write", {"number": 1}, timeout=1.2)
    assert unsent.value.sent is False
    assert network.sent == []
    assert network.connections <= 7  # the pauses are at least 0.02, 0.04, 0.08, … seconds


def test_many_channels_are_joined_at_the_pace_of_the_gateway(room, network, client, channel) -> None:
    for number in range(5000, 5020):
        client.subscribe(f"public:{number}")
    client.subscribe(channel, position(room, channel))
    network.cut()
    room.publish(channel, 1)
    assert hear(client, 2) == [2]
    assert network.connections == 2


def test_a_program_that_only_listens_does_not_load_the_server() -> None:
    look = "import sys, marketcore.live.client; print({'pyramid', 'sqlalchemy', 'colander'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", look], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
