"""What follows from an answer, decided without a clock or chance of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcore_webhooks.rules.schedule import DELAYS, LONGEST_PAUSE, PAUSE, Answer, judge, pause_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIVE_DAYS = 5 * 24 * 3600


def verdict(status, *, tries=1, failing=0, jitter=0, retry_after=""):
    answer = Answer(status, retry_after=retry_after)
    return judge(answer, tries=tries, failing_seconds=failing, jitter=jitter, now=NOW)


def test_the_delays_are_those_that_are_documented():
    hours = [0, 0, 0, 0.5, 2, 5, 10, 14, 20, 24]
    assert list(DELAYS[:3]) == [0, 5, 300]
    assert [delay / 3600 for delay in DELAYS[3:]] == hours[3:]


@pytest.mark.parametrize("tries", range(1, 10))
def test_a_failed_try_is_followed_by_the_next_within_a_fifth_of_its_delay(tries):
    for jitter in (-1, -0.5, 0, 1):
        found = verdict(500, tries=tries, jitter=jitter)
        assert found.state == "waiting"
        assert found.delay == pytest.approx(DELAYS[tries] * (1 + jitter / 5))


@pytest.mark.parametrize("status", [None, 300, 400, 500, 429])
def test_the_tenth_failed_try_is_the_last(status):
    assert verdict(status, tries=10).state == "failed"


@given(st.integers(100, 999), st.integers(1, 20), st.integers(0, 10**7))
def test_only_2xx_is_delivered_and_only_gone_or_long_failing_disables(status, tries, failing):
    found = verdict(status, tries=tries, failing=failing)
    ok = 200 <= status < 300
    assert (found.state == "delivered") == ok
    long = "failing" if failing >= FIVE_DAYS else ""
    assert found.disable == ("" if ok else "gone" if status == 410 else long)
    assert (found.pause > 0) == (status in (429, 502, 504))


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 1),
        ("999999999999", LONGEST_PAUSE),
        (format_datetime(NOW + timedelta(minutes=3), usegmt=True), 180),
        (format_datetime(NOW - timedelta(days=3), usegmt=True), 1),
        ("Sun, 01 Mar 2026 12:01:00", 60),
        ("Sun, 01 Mar 2126 12:00:00 GMT", LONGEST_PAUSE),
        ("", PAUSE),
        ("soon", PAUSE),
        ("-5", PAUSE),
        ("1.5", PAUSE),
        ("٣", PAUSE),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_bounded(asked, seconds):
    assert pause_after(Answer(429, retry_after=asked), NOW) == seconds


@given(st.text(max_size=40) | st.from_regex(r"\w{3}, [0-9]{1,3} \w{3} [0-9]{1,6} [0-9:]{1,9} [+-]?\w{1,6}"))
def test_any_retry_after_gives_a_bounded_pause(asked):
    assert 1 <= pause_after(Answer(502, retry_after=asked), NOW) <= LONGEST_PAUSE


def test_the_next_try_waits_for_the_pause_to_end():
    assert verdict(429, retry_after="4000").delay == 4000
    assert verdict(429, tries=5, retry_after="10").delay == DELAYS[5]
