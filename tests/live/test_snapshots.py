"""A channel's snapshot: what a listener begins with, and the events after it, without a gap."""

from __future__ import annotations

import threading

import pytest

from marketcore.testing.live import LiveClient, Refused


def whole(frame) -> int:
    """How many events somebody knows of who has read this frame."""
    assert [event["offset"] for event in frame["events"]] == list(
        range(frame["snapshot"]["stream"]["offset"] + 1, frame["offset"] + 1)
    )
    return frame["snapshot"]["events"] + len(frame["events"])


def test_a_listener_without_since_begins_with_the_snapshot(room, live) -> None:
    with LiveClient(live.url) as client:
        unborn = client.subscribe("board:1")
        assert unborn["snapshot"] == {"number": 1, "events": 0, "stream": {"epoch": None, "offset": 0}}
        assert (unborn["recovered"], unborn["events"]) == (False, [])
        room.publish("board:1", 1, 2)
        assert client.answer("subscribed")["offset"] == 0
        assert [event["offset"] for event in client.events_until(2)] == [1, 2]
    with LiveClient(live.url, path="/ws/board/1") as plain:
        begun = plain.answer("subscribed")
        assert begun["snapshot"]["stream"] == {"epoch": begun["epoch"], "offset": 2}
        assert whole(begun) == begun["offset"] == 2


def test_whoever_can_resume_gets_no_snapshot(room, live) -> None:
    room.publish("board:1", 1, 2)
    with LiveClient(live.url) as client:
        since = client.subscribe("board:1")["snapshot"]["stream"]
    room.publish("board:1", 3)
    with LiveClient(live.url) as client:
        back = client.subscribe("board:1", since)
        assert "snapshot" not in back
        assert (back["recovered"], len(back["events"])) == (True, 1)


@pytest.mark.parametrize("since", [{"epoch": "of another life", "offset": 1}, {"epoch": None, "offset": 7}])
def test_whoever_cannot_resume_begins_with_the_snapshot(room, live, since) -> None:
    room.publish("board:1", 1, 2)
    with LiveClient(live.url) as client:
        begun = client.subscribe("board:1", since)
        assert (begun["recovered"], whole(begun)) == (False, 2)
        room.publish("board:1", 3)
        assert client.next_event()["offset"] == 3


def test_whoever_was_away_too_long_begins_with_the_snapshot(room, live) -> None:
    room.publish("board:1", 0)
    with LiveClient(live.url) as client:
        since = client.subscribe("board:1")["snapshot"]["stream"]
        room.publish("board:1", *range(302))
    with LiveClient(live.url) as client:
        assert whole(client.subscribe("board:1", since)) == 303


@pytest.mark.parametrize("channel", ["board:404", "board:500"])
def test_a_channel_whose_snapshot_is_refused_or_broken_is_nothing(live, channel) -> None:
    with LiveClient(live.url) as client:
        with pytest.raises(Refused) as refused:
            client.subscribe(channel)
        assert refused.value.problem["status"] == 404
        client.subscribe("board:1")


def test_snapshot_and_stream_join_without_a_gap_while_events_are_written(room, live) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            room.publish("board:1", 1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(25):
            with LiveClient(live.url) as client:
                begun = client.subscribe("board:1")
                if begun["epoch"] is not None:
                    assert whole(begun) == begun["offset"]
                    assert client.next_event()["offset"] == begun["offset"] + 1
    finally:
        stop.set()
        writer.join()
