from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import pytest
import redis
from sqlalchemy import text

from marketcore.db.session import perform, work
from marketcore.directives import LiveChannel, table
from marketcore.exceptions import ConfigurationError
from marketcore.live.declared import compile_declarations
from marketcore.live.hints import EVENTS, decode_event
from marketcore.live.history import HISTORY, read_stream, stream_position


def test_events_of_a_transaction_are_numbered_in_their_order_per_channel(room) -> None:
    with work(room.registry) as request:
        request.publish("order:2", "order.paid", {"number": 1})
        request.publish("order:1", "order.paid", {"number": 2})
        request.publish("order:2", "order.packed", {"number": 3})
    room.publish("order:2", 4)
    assert room.stream("order:2") == [(1, 1), (2, 3), (3, 4)]
    assert room.stream("order:1") == [(1, 2)]


def publish_and_fail(request: Any, number: int) -> None:
    request.publish("order:1", "order.paid", {"number": number})
    raise ZeroDivisionError


def test_an_aborted_transaction_leaves_nothing_and_no_gap(room) -> None:
    room.publish("order:1", 1)
    with pytest.raises(ZeroDivisionError), work(room.registry) as request:
        publish_and_fail(request, 2)
    room.publish("order:1", 3)
    assert room.stream("order:1") == [(1, 1), (2, 3)]


def test_a_savepoint_that_is_rolled_back_takes_its_events_with_it(room) -> None:
    with work(room.registry) as request:
        request.publish("order:1", "a", {"number": 1})
        savepoint = request.tm.savepoint()
        request.publish("order:1", "a", {"number": 2})
        with request.db.begin_nested():
            request.publish("order:1", "a", {"number": 3})
        savepoint.rollback()
        with request.db.begin_nested():
            request.publish("order:1", "a", {"number": 4})
        with pytest.raises(ZeroDivisionError), request.db.begin_nested():
            publish_and_fail(request, 5)
        request.publish("order:1", "a", {"number": 6})
    assert room.stream("order:1") == [(1, 1), (2, 4), (3, 6)]


def test_a_savepoint_from_before_the_first_statement_takes_everything_with_it(room) -> None:
    with work(room.registry) as request:
        savepoint = request.tm.savepoint()
        request.publish("order:1", "a", {"number": 1})
        savepoint.rollback()
        request.publish("order:1", "a", {"number": 2})
    assert room.stream("order:1") == [(1, 2)]


def test_events_are_written_after_all_other_changes_even_unflushed_ones(room) -> None:
    from marketcore.live.models import LiveChannelRow

    with work(room.registry) as request:
        request.publish("order:1", "a", {"number": 1})
        request.db.add(LiveChannelRow(name="order:1", last_offset=10))
    assert room.stream("order:1") == [(11, 1)]


def test_events_are_written_after_what_others_write_at_the_end_of_the_transaction(room) -> None:
    written = []

    def at_the_end(request: Any, number: int) -> None:
        written.append(request.db.execute(text("SELECT count(*) FROM live_events")).scalar_one())
        request.publish("order:1", "order.packed", {"number": number})
        if number < 4:
            request.tm.get().addBeforeCommitHook(at_the_end, args=(request, number + 1))

    with work(room.registry) as request:
        request.publish("order:1", "order.paid", {"number": 1})
        request.tm.get().addBeforeCommitHook(at_the_end, args=(request, 2))
    assert written == [0, 0, 0]
    assert room.stream("order:1") == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_concurrent_publishers_make_one_gapless_stream_in_commit_order(room) -> None:
    """The number published is taken under a row lock, so its order is that of the commits."""
    room.query("CREATE TABLE counter (value bigint)")
    room.query("INSERT INTO counter VALUES (0)")
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def publish_some(worker: int) -> None:
        def once(request: Any, step: int) -> None:
            from sqlalchemy import text

            number = request.db.execute(text("UPDATE counter SET value = value + 1 RETURNING value")).scalar_one()
            request.publish("order:1", "a", {"number": number})
            if step % 3 == 0:
                request.publish(f"order:{worker + 2}", "a", {"number": step})
            if step % 5 == 4:
                raise ZeroDivisionError

        barrier.wait()
        try:
            for step in range(25):
                try:
                    perform(room.registry, once, step)
                except ZeroDivisionError:
                    continue
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=publish_some, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert room.stream("order:1") == [(number, number) for number in range(1, 161)]


def test_publishers_of_the_same_channels_in_any_order_do_not_deadlock(room) -> None:
    failures: list[BaseException] = []

    def publish_both(first: str, second: str) -> None:
        try:
            for _ in range(40):
                with work(room.registry) as request:
                    request.publish(first, "a", {"number": 1})
                    request.publish(second, "a", {"number": 1})
        except BaseException as error:
            failures.append(error)

    pairs = [("order:1", "order:2"), ("order:2", "order:1")] * 2
    threads = [threading.Thread(target=publish_both, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [offset for offset, _ in room.stream("order:2")] == list(range(1, 161))


def test_a_hint_carries_the_event_just_as_the_history_has_it(room) -> None:
    epochs = defaultdict(list)
    with redis.Redis.from_url(room.settings["marketcore.redis_url"]) as client, client.pubsub() as messages:
        messages.subscribe(EVENTS)
        assert messages.get_message(timeout=5)["type"] == "subscribe"
        with work(room.registry) as request:
            request.publish("order:77123", "order.paid", {"b": [1, None, "ü"], "a": {"x": "1.50"}})
        with work(room.registry) as request:
            (stored,) = read_stream(request.db, "order:77123", 0).events
        while stored.epoch not in epochs:
            message = messages.get_message(timeout=5)
            assert message is not None, "the hint never came"
            event = decode_event(message["data"])
            epochs[event.epoch].append(event)
    assert epochs[stored.epoch][0] == stored or _same(epochs[stored.epoch][0], stored)


def _same(hint: Any, stored: Any) -> bool:
    import json

    frame, kept = json.loads(hint.frame), json.loads(stored.frame)
    return (hint.channel, hint.offset, frame) == (stored.channel, stored.offset, kept)


def test_publishing_needs_no_redis(make_room) -> None:
    room = make_room(marketcore__redis_url="redis://127.0.0.1:1/0")
    for number in range(3):
        room.publish("order:1", number)
    assert [number for _, number in room.stream("order:1")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("channel", "type_", "data", "error"),
    [
        ("oder:1", "a", {}, LookupError),
        ("order:0", "a", {}, LookupError),
        ("order:1", "order.eaten", {}, LookupError),
        ("faulty:1", "order.lost", {}, LookupError),
        ("order:1", "a", {"x": "y" * 20_000}, ValueError),
        ("order:1", "a", {"x": object()}, TypeError),
    ],
)
def test_what_nobody_could_hear_cannot_be_published(room, channel, type_, data, error) -> None:
    with work(room.registry) as request, pytest.raises(error):
        request.publish(channel, type_, data)
    assert room.query("SELECT * FROM live_channels") == []


def test_a_position_is_that_of_the_last_event_and_has_no_epoch_before_the_first(room) -> None:
    with work(room.registry) as request:
        assert stream_position(request.db, "order:1") == {"epoch": None, "offset": 0}
    room.publish("order:1", 1, 2)
    with work(room.registry) as request:
        position = stream_position(request.db, "order:1")
    ((epoch,),) = room.query("SELECT epoch FROM live_channels")
    assert position == {"epoch": str(epoch), "offset": 2}


def test_history_is_read_in_order_and_at_most_as_far_as_it_is_kept(room) -> None:
    room.publish("order:1", *range(HISTORY + 20))
    with work(room.registry) as request:
        stream = read_stream(request.db, "order:1", 10)
    assert [event.offset for event in stream.events] == list(range(11, HISTORY + 11))
    assert stream.position.offset == HISTORY + 20


def test_old_events_and_tickets_are_forgotten_and_positions_are_not(room) -> None:
    from marketcore.live.jobs import forget_history

    user_id, session_id, _token = room.person()
    room.publish("order:1", 1, 2)
    room.ticket(user_id, session_id)
    name = room.registry["engine"].url.database
    room.query(f"ALTER DATABASE {name} SET marketcore.clock_shift = '25 hours'")
    room.registry["engine"].dispose()
    room.publish("order:1", 3)
    with work(room.registry) as request:
        forget_history(request)
    assert room.stream("order:1") == [(3, 3)]
    assert room.query("SELECT last_offset FROM live_channels") == [(3,)]
    assert room.query("SELECT * FROM live_tickets") == []


def test_channels_that_cannot_be_used_stop_the_start(room) -> None:
    table(room.registry, "live channels")["Order {x}"] = LiveChannel("Order {x}", bool, None)
    with pytest.raises(ConfigurationError, match=r"Order \{x\}"):
        compile_declarations(room.registry)
