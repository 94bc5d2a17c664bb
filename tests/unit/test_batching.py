"""Group commit: order kept, an answer for everybody, and never a thread too many or too few."""

from __future__ import annotations

import os
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from marketcore import batching
from marketcore.batching import Batcher
from marketcore.exceptions import Unavailable

PATIENCE = 10


class Runway:
    """Carries batches out one at a time, each when the test lets it; ``flights`` is what flew."""

    def __init__(self):
        self.flights = []
        self.under_way = threading.Semaphore(0)
        self.clear = threading.Semaphore(0)

    def carry_out(self, items):
        self.under_way.release()
        assert self.clear.acquire(timeout=PATIENCE)
        self.flights.append(items)
        return [item * 2 for item in items]


@pytest.fixture
def runway():
    return Runway()


@pytest.fixture
def make():
    """Return ``make(carry_out, **options)``: a batcher that is closed at the end."""
    made = []

    def batcher(carry_out, **options):
        made.append(Batcher(carry_out, name="test", **options))
        return made[-1]

    yield batcher
    for one in made:
        one.close()


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def test_what_comes_while_a_flight_is_under_way_flies_together_in_order(make, runway):
    batcher = make(runway.carry_out)
    futures = [batcher.submit(0)]
    assert runway.under_way.acquire(timeout=PATIENCE)
    futures += [batcher.submit(number) for number in range(1, 6)]
    runway.clear.release(2)
    assert [future.result(PATIENCE) for future in futures] == [0, 2, 4, 6, 8, 10]
    assert runway.flights == [[0], [1, 2, 3, 4, 5]]


def test_a_flight_has_so_many_items_at_most(make, runway):
    batcher = make(runway.carry_out, largest=2)
    futures = [batcher.submit(0)]
    assert runway.under_way.acquire(timeout=PATIENCE)
    futures += [batcher.submit(number) for number in range(1, 6)]
    runway.clear.release(4)
    assert [future.result(PATIENCE) for future in futures] == [0, 2, 4, 6, 8, 10]
    assert runway.flights == [[0], [1, 2], [3, 4], [5]]


def test_who_only_waits_carries_out_what_nobody_else_is_about(make):
    threads = []
    batcher = make(lambda items: [threads.append(threading.current_thread()) or item for item in items])
    assert batcher.submit(1, by_myself=True).done()
    assert batcher.submit(2).result(PATIENCE) == 2
    assert [thread is threading.current_thread() for thread in threads] == [True, False]


def test_what_comes_while_somebody_flies_by_themselves_flies_next(make, runway):
    batcher = make(runway.carry_out)
    first = threading.Thread(target=lambda: batcher.submit(0, by_myself=True))
    first.start()
    assert runway.under_way.acquire(timeout=PATIENCE)
    futures = [batcher.submit(number, by_myself=True) for number in range(1, 4)]
    runway.clear.release(2)
    assert [future.result(PATIENCE) for future in futures] == [2, 4, 6]
    first.join(PATIENCE)
    assert runway.flights == [[0], [1, 2, 3]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 99), min_size=1, max_size=40), st.integers(1, 7), st.integers(1, 4), st.booleans())
def test_every_item_flies_once_and_each_sender_keeps_its_order(numbers, largest, senders, by_myself):
    flown = []
    batcher = Batcher(lambda items: flown.extend(items) or items, name="test", largest=largest)
    answers = {}

    def send(sender):
        mine = {"by_myself": by_myself and sender % 2 == 0}  # some wait for themselves, others do not
        futures = [batcher.submit((sender, place, number), **mine) for place, number in enumerate(numbers)]
        answers[sender] = [future.result(PATIENCE) for future in futures]

    threads = [threading.Thread(target=send, args=[sender]) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    batcher.close()
    for sender in range(senders):
        sent = [(sender, place, number) for place, number in enumerate(numbers)]
        assert answers[sender] == sent
        assert [item for item in flown if item[0] == sender] == sent
    assert len(flown) == senders * len(numbers)


def test_a_result_that_is_an_exception_is_raised_to_whoever_sent_that_item_alone(make):
    batcher = make(lambda items: [ValueError(f"not {item}") if item % 2 else item for item in items])
    futures = [batcher.submit(number) for number in range(4)]
    assert [futures[0].result(PATIENCE), futures[2].result(PATIENCE)] == [0, 2]
    for place in (1, 3):
        with pytest.raises(ValueError, match=f"not {place}"):
            futures[place].result(PATIENCE)


@pytest.mark.parametrize("results", [lambda items: 1 / 0, lambda items: items[1:], lambda items: [*items, 1]])
def test_a_flight_that_fails_fails_all_aboard_and_the_next_one_flies(make, results):
    flights = []

    def carry_out(items):
        flights.append(items)
        return items if len(flights) > 1 else results(items)

    batcher = make(carry_out)
    with capture_logs() as logs:
        with pytest.raises((ZeroDivisionError, RuntimeError)):
            batcher.submit(5).result(PATIENCE)
        assert batcher.submit(6).result(PATIENCE) == 6
    assert [entry["event"] for entry in logs] == ["batch_failed"]


def test_a_future_that_was_cancelled_in_time_does_not_fly_and_one_that_flies_cannot_be_cancelled(make, runway):
    batcher = make(runway.carry_out)
    first = batcher.submit(1)
    assert runway.under_way.acquire(timeout=PATIENCE)
    cancelled, last = batcher.submit(2), batcher.submit(3)
    assert not first.cancel()
    assert cancelled.cancel()
    runway.clear.release(2)
    assert (first.result(PATIENCE), last.result(PATIENCE)) == (2, 6)
    assert runway.flights == [[1], [3]]


def test_too_many_that_wait_are_refused_and_those_before_are_not(make, runway, monkeypatch):
    monkeypatch.setattr(batching, "WAITING", 3)
    batcher = make(runway.carry_out)
    futures = [batcher.submit(0)]
    assert runway.under_way.acquire(timeout=PATIENCE)
    futures += [batcher.submit(number) for number in (1, 2, 3)]
    with pytest.raises(Unavailable, match="3 requests wait for test already"):
        batcher.submit(4)
    runway.clear.release(2)
    assert [future.result(PATIENCE) for future in futures] == [0, 2, 4, 6]
    assert runway.flights == [[0], [1, 2, 3]]


def test_an_idle_thread_ends_and_the_next_item_gets_another(make, monkeypatch):
    monkeypatch.setattr(batching, "IDLE_SECONDS", 0.02)
    threads = []
    batcher = make(lambda items: threads.append(threading.current_thread()) or items)
    for number in range(3):
        assert batcher.submit(number).result(PATIENCE) == number
        until(lambda: not threads[-1].is_alive())
    assert len(set(threads)) == 3


def test_closing_carries_out_what_waits_and_then_nothing_is_taken(make, runway):
    batcher = make(runway.carry_out)
    futures = [batcher.submit(0)]
    assert runway.under_way.acquire(timeout=PATIENCE)
    futures += [batcher.submit(number) for number in (1, 2)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    until(lambda: batcher._closing)
    with pytest.raises(Unavailable, match="not taken any more"):
        batcher.submit(3)
    runway.clear.release(2)
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert [future.result(0) for future in futures] == [0, 2, 4]
    with pytest.raises(Unavailable):
        batcher.submit(4)


def test_closing_waits_for_whoever_flies_by_themselves_and_for_what_waits_behind(make, runway):
    batcher = make(runway.carry_out)
    alone = threading.Thread(target=lambda: batcher.submit(0, by_myself=True))
    alone.start()
    assert runway.under_way.acquire(timeout=PATIENCE)
    behind = batcher.submit(1)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    until(lambda: batcher._closing)
    closing.join(0.1)
    assert closing.is_alive(), "a flight is under way"
    runway.clear.release(2)
    for thread in (closing, alone):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert behind.result(0) == 2
    assert runway.flights == [[0], [1]]


def test_a_forked_child_starts_empty_even_while_another_thread_holds_the_queue(make, runway):
    batcher = make(runway.carry_out)
    first = batcher.submit(1)
    assert runway.under_way.acquire(timeout=PATIENCE)
    waiting = batcher.submit(2)
    held, release = threading.Event(), threading.Event()

    def hold():
        with batcher._changed:
            held.set()
            release.wait(PATIENCE)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(PATIENCE)
    child = os.fork()
    if child == 0:
        os._exit(_child(batcher))
    release.set()
    holder.join(PATIENCE)
    runway.clear.release(2)
    assert (first.result(PATIENCE), waiting.result(PATIENCE)) == (2, 4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert runway.flights == [[1], [2]]


def _child(batcher):
    """Return 0 if a child's own item is answered, and the parent's are left to the parent."""
    flown = []
    batcher._carry_out = lambda items: flown.extend(items) or items
    try:
        return int(not (batcher.submit(7).result(PATIENCE) == 7 and flown == [7]))
    except BaseException:
        return 2
