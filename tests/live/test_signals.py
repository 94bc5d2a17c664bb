"""What is so at a moment reaches whoever listens then, and leaves nothing behind."""

from __future__ import annotations

import pytest

from marketcore.db.session import work
from marketcore.live.client import LiveClient as Program
from marketcore.testing.live import LiveClient, LiveServer


def signal(room, channel: str, number: int, type: str = "test.now") -> None:
    with work(room.registry) as request:
        request.signal(channel, type, {"number": number})


def test_a_signal_reaches_the_listeners_of_its_channel_at_every_gateway_and_nobody_else(room, live) -> None:
    with LiveServer(room.registry) as other, LiveClient(live.url) as near, LiveClient(other.url) as far:
        near.subscribe("public:1")
        far.subscribe("public:1")
        with LiveClient(live.url) as elsewhere:
            elsewhere.subscribe("public:2")
            signal(room, "public:1", 5)
            told = {"op": "signal", "channel": "public:1", "type": "test.now", "data": {"number": 5}}
            assert near.next_signal() == told
            assert far.next_signal() == told
            signal(room, "public:2", 6)
            assert elsewhere.next_signal()["data"] == {"number": 6}


def test_a_signal_has_no_place_in_the_stream_and_is_not_told_again(room, live) -> None:
    with LiveClient(live.url) as client:
        client.subscribe("public:1")
        room.publish("public:1", 1)
        signal(room, "public:1", 2)
        room.publish("public:1", 3)
        assert client.next_signal()["data"] == {"number": 2}
        assert [event["data"]["number"] for event in client.events_until(2)] == [1, 3]
    with LiveClient(live.url) as late:
        assert late.subscribe("public:1", {"epoch": None, "offset": 0})["recovered"] is True
        signal(room, "public:1", 4)
        assert late.next_signal()["data"] == {"number": 4}
    assert room.stream("public:1") == [(1, 1), (2, 3)]


def signal_and_fail(request) -> None:
    request.signal("public:1", "test.now", {"number": 1})
    raise ZeroDivisionError


def test_a_transaction_that_is_rolled_back_signals_nothing(room, live) -> None:
    with LiveClient(live.url) as client:
        client.subscribe("public:1")
        with pytest.raises(ZeroDivisionError), work(room.registry) as request:
            signal_and_fail(request)
        signal(room, "public:1", 2)
        assert client.next_signal()["data"] == {"number": 2}


def test_a_program_hears_signals_while_it_waits_and_its_events_go_on(room, live) -> None:
    heard = []
    with Program(live.url, on_signal=heard.append) as program:
        program.subscribe("public:1")
        signal(room, "public:1", 1)
        room.publish("public:1", 2)
        assert program.next_event()["data"] == {"number": 2}
        if not heard:  # the two ways may overtake each other
            room.publish("public:1", 3)
            program.next_event()
    assert heard == [{"channel": "public:1", "type": "test.now", "data": {"number": 1}}]


def test_signals_and_events_are_not_sent_as_each_other_and_signals_are_small(room) -> None:
    with work(room.registry) as request:
        with pytest.raises(LookupError, match=r"no signals 'test.happened'.*stored=False"):
            request.signal("public:1", "test.happened", {"number": 1})
        with pytest.raises(LookupError, match=r"no events 'test.now'"):
            request.publish("public:1", "test.now", {"number": 1})
        with pytest.raises(LookupError, match="no live channel"):
            request.signal("nowhere:1", "test.now", {"number": 1})
        with pytest.raises(ValueError, match="more than 1024"):
            request.signal("public:1", "test.now", {"number": "1" * 1024})
