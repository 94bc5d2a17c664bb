"""How long a failed job waits, and what is said about it."""

from __future__ import annotations

import pytest

from marketcore.db.session import collided
from marketcore.jobs.failures import LONGEST_DELAY, delay_after, describe


@pytest.mark.parametrize(("attempt", "longest"), [(1, 10), (2, 20), (3, 40), (10, 5120), (13, LONGEST_DELAY)])
def test_the_wait_doubles_with_each_failure_and_ends_at_six_hours(attempt, longest):
    delays = {delay_after(attempt) for _draw in range(200)}
    assert all(longest * 0.75 <= delay <= longest for delay in delays)
    assert len(delays) > 100


def test_a_very_late_attempt_still_waits_six_hours_at_most():
    assert delay_after(10**6) <= LONGEST_DELAY


def test_an_error_is_described_by_its_type_and_first_line_without_nul():
    assert describe(ValueError("bad\x00 thing\nSELECT secret")) == "ValueError: bad thing"
    assert len(describe(ValueError("x" * 10_000))) == 500
    assert describe(KeyError()) == "KeyError: "
    assert (
        describe(ValueError("POST https://a:canary@b secret='canary'")) == "ValueError: POST https://a:***@b secret=***"
    )


def test_only_database_collisions_are_repeated_at_once():
    assert not collided(ValueError("40001"))
