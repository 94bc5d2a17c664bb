"""The pure rules: shares never exceed what is there, a share goes somewhere whole, links are addresses of the web."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from marketcore.exceptions import Conflict, InsufficientFunds, Invalid
from marketcore.money import Money, commission
from marketcore_escrow.rules import (
    answer_due,
    check_funded,
    check_shares,
    decided,
    divide,
    link_fault,
    outcome_of,
    proof_due,
    when_unanswered,
)
from marketcore_escrow.states import (
    ADVERTISEMENT_TRANSITIONS,
    APPLICATION_TRANSITIONS,
    HOLDING,
    AdvertisementState,
    ApplicationState,
)

# The machine may be busy with other tests.
CASES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MINOR = st.integers(1, 10**15)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@CASES
@given(MINOR, st.data(), st.integers(0, 10_000), st.integers(-100, 10**15))
def test_a_share_is_divided_without_losing_or_making_a_unit(share, data, rate, owed):
    released = data.draw(st.integers(0, share))
    parts = divide(share, released, rate, owed)
    assert min(parts.payee, parts.debt, parts.fee, parts.back) >= 0
    assert parts.payee + parts.debt + parts.fee + parts.back == share
    assert (parts.back, parts.fee) == (share - released, commission(released, rate))
    assert parts.debt == min(max(0, owed), released - parts.fee)
    assert outcome_of(share, released) == ("released" if released == share else "split" if released else "returned")


@pytest.mark.parametrize("released", [-1, 11])
def test_more_than_a_share_is_not_released(released):
    with pytest.raises(ValueError, match="cannot be released"):
        divide(10, released, 0, 0)


@CASES
@given(
    MINOR, st.lists(st.tuples(st.lists(st.integers(1, 10**14), min_size=1, max_size=4), st.integers(0, 3)), max_size=12)
)
def test_whatever_is_accepted_released_and_returned_the_budget_is_never_exceeded(budget, story):
    held, reserved, out = budget, [], 0
    for shares, ending in story:
        free = held - sum(reserved)
        if sum(shares) > free:
            with pytest.raises(InsufficientFunds) as refusal:
                check_shares(shares, free, "KES")
            assert refusal.value.extra["available"] == Money(free, "KES").amount
        else:
            check_shares(shares, free, "KES")
            reserved += shares
        if reserved and ending:
            share = reserved.pop()
            parts = divide(share, share * (ending - 1) // 2, 200, 0)
            out += share - parts.back
            held -= share - parts.back
        assert 0 <= sum(reserved) <= held
        assert held + out == budget


def test_a_decision_gives_all_nothing_or_a_true_part():
    part = Money(40, "KES")
    assert [decided("release", 100, None, "KES"), decided("return", 100, None, "KES")] == [100, 0]
    assert decided("split", 100, part, "KES") == 40
    for outcome, amount in (("split", None), ("release", part), ("return", part)):
        with pytest.raises(Invalid):
            decided(outcome, 100, amount, "KES")
    for amount in (Money(100, "KES"), Money(0, "KES"), Money(101, "KES"), Money(40, "USD")):
        with pytest.raises(Invalid):
            decided("split", 100, amount, "KES")


def test_deadlines_leave_time_to_answer_and_to_do_better():
    end = NOON + timedelta(days=10)
    assert answer_due(NOON, 3) == NOON + timedelta(days=3)
    assert proof_due(NOON, end, 2) == end
    assert proof_due(end, end, 2) == end + timedelta(days=2)


def test_only_a_proof_that_waits_can_be_released_by_the_clock():
    assert when_unanswered("submitted", "release") == "released"
    assert when_unanswered("submitted", "return") == "returned"
    assert {when_unanswered(state, "release") for state in ("accepted", "rejected")} == {"returned"}


@pytest.mark.parametrize("state", list(AdvertisementState))
def test_somebody_can_be_accepted_only_while_the_budget_is_held(state):
    if state in ("open", "running"):
        check_funded(state, 1)
    else:
        with pytest.raises(Conflict, match="pay for it before" if state == "unfunded" else "nobody can be accepted"):
            check_funded(state, 1)


@pytest.mark.parametrize("table", [ADVERTISEMENT_TRANSITIONS, APPLICATION_TRANSITIONS])
def test_every_life_comes_to_an_end_and_ends_for_good(table):
    finals = {"finished", "cancelled", "released", "returned", "split", "declined", "withdrawn"}
    states = set(type(next(iter(table))))
    assert {state for state in states if state not in table} == finals & states

    def ends(state, seen=()):
        return state not in table or any(ends(later, (*seen, state)) for later in table[state] if later not in seen)

    assert all(ends(state) for state in states)


def test_a_share_that_is_held_is_released_returned_or_split_and_nothing_else():
    left = {later for state in HOLDING for later in APPLICATION_TRANSITIONS[state]} - HOLDING
    assert left == {ApplicationState.RELEASED, ApplicationState.RETURNED, ApplicationState.SPLIT}
    entered = {state for state, later in APPLICATION_TRANSITIONS.items() if later & HOLDING and state not in HOLDING}
    assert entered == {ApplicationState.APPLIED}


@CASES
@given(st.text(max_size=600) | st.text("htps:/\\@. x[]?#0\n", max_size=20).map("http://".__add__))
@example("https://\u202eexample.com")
@example("https://[::1")
@example("https://example.com:99999")
@example("http:\\\\example.com")
@example("https:example.com")
@example("java\nscript:https://example.com")
def test_no_text_but_an_address_of_the_web_is_a_link(text):
    if link_fault(text) is None:
        assert text.lower().startswith(("http://", "https://"))
        assert len(text) <= 500
        host = re.split("[/?#]", text.partition("//")[2])[0]
        assert host
        assert "@" not in host
        assert text.isprintable()


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com",
        "HTTP://example.com/a?b=c#d",
        "https://tiktok.com/@me/1",
        "https://[::1]:8080/",
        "http://ü.de",
    ],
)
def test_addresses_of_the_web_are_links(link):
    assert link_fault(link) is None


@pytest.mark.parametrize(
    "link",
    ["", "example.com", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://example.com", "https://",
     "https:///path", "https://u:p@example.com", "https://u@example.com", "https://example.com/a b", "https://x:port/",
     "https://example.com:0", " https://example.com", "https://x/" + "a" * 500],
)  # fmt: skip
def test_other_texts_are_no_links(link):
    assert link_fault(link)
