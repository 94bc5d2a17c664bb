"""The bidding engine against its rules, and against a slow model that looks at all bids anew each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from marketcore_auctions.bidding import (
    Accepted,
    Award,
    Best,
    Refusal,
    SoftClose,
    SoftClosePolicy,
    Standing,
    Terms,
    award,
    can_buy_now,
    decide,
    next_minimum,
    price_of,
    reserve_met,
    standing_of,
)
from marketcore_auctions.rules import check_increments
from marketcore_auctions.settings import DEFAULT_INCREMENTS, read_increments

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CASES = settings(max_examples=100, deadline=None)


@st.composite
def increments(draw):
    rows = draw(st.lists(st.tuples(st.integers(1, 120), st.integers(0, 9)), max_size=3, unique_by=lambda row: row[0]))
    step, table = draw(st.integers(1, 12)), []
    for price, more in [(0, 0), *sorted(rows)]:
        step += more
        table.append((price, step))
    return check_increments(table)


@st.composite
def terms(draw, policies=tuple(SoftClosePolicy)):
    start = draw(st.integers(1, 60))
    reserve = draw(st.none() | st.integers(start, start + 80))
    buy_now = draw(st.none() | st.integers(max(start, reserve or 0), start + 200))
    soft = SoftClose(
        draw(st.sampled_from(policies)), draw(st.integers(1, 40)) * SECOND, draw(st.integers(1, 40)) * SECOND
    )
    end = START + 100 * SECOND
    cap = 0 if soft.policy is SoftClosePolicy.NONE else draw(st.integers(0, 90))
    return Terms(start, draw(increments()), START, end, end + cap * SECOND, reserve, buy_now, soft)


# Moments before the start, in the middle, and above all around the end.
SECONDS = st.sampled_from([-1, 0, 1, 50, 50, 50, 50, 70, 90, 95, 98, 99, 99.999, 100, 100.001, 110, 130, 189, 190, 191])
BIDS = st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, 180), SECONDS), max_size=30)
# A step is a bid, or a bidder's taking all of theirs back.
STEPS = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.none() | st.integers(1, 180), SECONDS)
    | st.tuples(st.sampled_from("ABCD"), st.integers(1, 180), st.just(50)),
    max_size=30,
)


def in_time(steps):
    """Return ``steps`` as (bidder, maximum, moment), time never going back."""
    return sorted(
        ((bidder, maximum, START + seconds * SECOND) for bidder, maximum, seconds in steps), key=lambda step: step[2]
    )


class Model:
    """The rules word by word: every bid is kept, and everything else is worked out from the whole list."""

    def __init__(self, terms):
        self.terms = terms
        self.counted = []  # (bidder, maximum) of every bid that counts
        self.accepted = 0
        self.ends_at = terms.ends_at
        self.extensions = 0

    def best(self):
        """Return (maximum, bidder) by rank: the highest, and of equals whoever gave it first."""
        first_given = {}
        for place, (bidder, maximum) in enumerate(self.counted):
            own = first_given.get(bidder)
            if own is None or maximum > own[0]:
                first_given[bidder] = (maximum, place)
        ranked = sorted(first_given.items(), key=lambda item: (-item[1][0], item[1][1]))
        return [(maximum, bidder) for bidder, (maximum, _place) in ranked]

    def step(self, price):
        return [step for start, step in self.terms.increments if start <= price][-1]

    def leader(self):
        return self.best()[0][1] if self.counted else None

    def price(self):
        ranked, terms = self.best(), self.terms
        if not ranked:
            return terms.start_minor
        highest = ranked[0][0]
        price = terms.start_minor
        if len(ranked) > 1:
            others = ranked[1][0]
            price = max(price, min(highest, others + self.step(others)))
        if terms.reserve_minor is not None and highest >= terms.reserve_minor:
            price = max(price, terms.reserve_minor)
        return price

    def least(self):
        return self.price() + (self.step(self.price()) if self.counted else 0)

    def bid(self, bidder, maximum, now):
        if now < self.terms.starts_at:
            return "not_started"
        if now >= self.ends_at:
            return "over"
        if bidder == self.leader():
            highest = self.best()[0][0]
            if maximum <= highest:
                return "same" if maximum == highest else "below_own_maximum"
        elif maximum < self.least():
            return "too_low"
        else:
            self._move_end(now)
        self.counted.append((bidder, maximum))
        self.accepted += 1
        return "accepted"

    def _move_end(self, now):
        rule = self.terms.soft_close
        if now < self.ends_at - rule.window:
            return
        new = {
            SoftClosePolicy.NONE: self.ends_at,
            SoftClosePolicy.EXTEND: self.ends_at + rule.extension,
            SoftClosePolicy.RESET: now + rule.extension,
        }[rule.policy]
        new = min(new, self.terms.latest_end_at)
        if new > self.ends_at:
            self.ends_at = new
            self.extensions += 1

    def take_back(self, bidder):
        self.counted = [bid for bid in self.counted if bid[0] != bidder]


def word(verdict):
    if isinstance(verdict, Refusal):
        return str(verdict)
    return "accepted" if verdict.changed else "same"


def best_of(bests, bidder, maximum, seq):
    known = bests.get(bidder)
    return known if known is not None and known.maximum >= maximum else Best(maximum, seq)


def bids_run(terms, bids):
    """Yield (bid, standing before, verdict, standing after) for every bid in turn."""
    standing = Standing(terms.ends_at)
    for bid in in_time(bids):
        verdict = decide(terms, standing, *bid)
        after = verdict.standing if isinstance(verdict, Accepted) else standing
        yield bid, standing, verdict, after
        standing = after


@settings(max_examples=300, deadline=None)
@given(terms(), STEPS)
def test_the_engine_and_a_list_of_all_bids_say_the_same(terms, steps):
    model, standing, bests = Model(terms), Standing(terms.ends_at), {}
    for seq, (bidder, maximum, now) in enumerate(in_time(steps)):
        if maximum is None:
            model.take_back(bidder)
            bests.pop(bidder, None)
            standing = standing_of(bests, standing)
        else:
            verdict = decide(terms, standing, bidder, maximum, now)
            said = model.bid(bidder, maximum, now)
            event(said)
            assert word(verdict) == said
            if isinstance(verdict, Accepted):
                standing = verdict.standing
                bests[bidder] = best_of(bests, bidder, maximum, seq)
        assert standing_of(bests, standing) == standing
        assert (standing.leader, price_of(terms, standing)) == (model.leader(), model.price())
        assert next_minimum(terms, standing) == model.least()
        assert (standing.ends_at, standing.extensions) == (model.ends_at, model.extensions)
        assert standing.bids == model.accepted
        met = bool(model.counted) and model.best()[0][0] >= (terms.reserve_minor or 0)
        assert reserve_met(terms, standing) == met
        assert award(terms, bests) == (Award(model.leader(), model.price()) if met else None)


@CASES
@given(terms(), BIDS)
def test_every_challengers_bid_raises_the_price_by_the_increment_or_more_and_no_bid_lowers_it(terms, bids):
    for (bidder, _maximum, _now), before, verdict, after in bids_run(terms, bids):
        was, is_now = price_of(terms, before), price_of(terms, after)
        assert is_now >= was
        if isinstance(verdict, Accepted) and before.leader not in (None, bidder):
            event("challenged")
            assert is_now >= was + terms.step(was)


@CASES
@given(terms(), BIDS)
def test_one_leads_who_gave_the_highest_maximum_and_gave_it_first_and_pays_no_more_than_it(terms, bids):
    given_ = []
    for (bidder, maximum, _now), _before, verdict, after in bids_run(terms, bids):
        if isinstance(verdict, Accepted):
            given_.append((bidder, maximum))
        if given_:
            highest = max(maximum for _bidder, maximum in given_)
            assert after.leader == next(bidder for bidder, maximum in given_ if maximum == highest)
            assert terms.start_minor <= price_of(terms, after) <= highest == after.leader_max


@CASES
@given(terms(), BIDS)
def test_the_end_only_grows_never_past_the_latest_and_only_by_challengers_near_it(terms, bids):
    rule = terms.soft_close
    for (bidder, _maximum, now), before, verdict, after in bids_run(terms, bids):
        assert before.ends_at <= after.ends_at <= terms.latest_end_at
        assert after.extensions == before.extensions + (after.ends_at > before.ends_at)
        if not isinstance(verdict, Accepted) or bidder == before.leader or before.ends_at - now > rule.window:
            assert after.ends_at == before.ends_at
        elif rule.policy is SoftClosePolicy.EXTEND:
            assert after.ends_at == min(before.ends_at + rule.extension, terms.latest_end_at)
        elif rule.policy is SoftClosePolicy.RESET:
            assert after.ends_at == max(before.ends_at, min(now + rule.extension, terms.latest_end_at))
        if after.ends_at > before.ends_at:
            event(str(rule.policy))
        if rule.policy is SoftClosePolicy.NONE:
            assert after.ends_at == terms.ends_at


@CASES
@given(terms(), BIDS)
def test_no_bid_counts_at_or_after_the_end_or_before_the_start(terms, bids):
    for (_bidder, _maximum, now), before, verdict, _after in bids_run(terms, bids):
        if isinstance(verdict, Accepted):
            assert terms.starts_at <= now < before.ends_at
        else:
            assert (verdict is Refusal.OVER) == (now >= before.ends_at)
            assert (verdict is Refusal.NOT_STARTED) == (now < terms.starts_at)


@CASES
@given(terms(), BIDS)
def test_the_least_that_is_asked_for_is_accepted_and_one_less_is_not(terms, bids):
    *_all, (_bid, _before, _verdict, standing) = [(None, None, None, Standing(terms.ends_at)), *bids_run(terms, bids)]
    least, now = next_minimum(terms, standing), START
    assert isinstance(decide(terms, standing, "somebody new", least, now), Accepted)
    assert decide(terms, standing, "somebody new", least - 1, now) is Refusal.TOO_LOW


@CASES
@given(terms(), BIDS)
def test_the_same_maximum_of_the_leader_again_changes_nothing(terms, bids):
    for (bidder, maximum, now), _before, verdict, after in bids_run(terms, bids):
        if isinstance(verdict, Accepted) and after.leader == bidder and now < after.ends_at:
            assert decide(terms, after, bidder, maximum, now) == Accepted(after, changed=False)


@CASES
@given(terms(), BIDS, st.sets(st.sampled_from("ABCD")))
def test_an_award_without_some_bidders_is_what_the_others_would_have_paid_without_them(terms, bids, without):
    bests = {}
    for seq, ((bidder, maximum, _now), _before, verdict, _after) in enumerate(bids_run(terms, bids)):
        if isinstance(verdict, Accepted):
            bests[bidder] = best_of(bests, bidder, maximum, seq)
    model = Model(terms)
    ranked = sorted(bests.items(), key=lambda item: item[1].seq)
    model.counted = [(bidder, best.maximum) for bidder, best in ranked if bidder not in without]
    reached = model.counted and model.best()[0][0] >= (terms.reserve_minor or 0)
    assert award(terms, bests, without) == (Award(model.leader(), model.price()) if reached else None)


@CASES
@given(terms(), BIDS)
def test_a_lot_can_be_bought_at_once_until_somebody_bids_or_a_reserve_price_is_met(terms, bids):
    for _bid, _before, _verdict, after in bids_run(terms, bids):
        bidden, met = after.leader is not None, reserve_met(terms, after)
        allowed = not bidden or (terms.reserve_minor is not None and not met)
        assert can_buy_now(terms, after) == (terms.buy_now_minor is not None and allowed)


def plain(**changes):
    end = START + 100 * SECOND
    return replace(Terms(100, ((0, 5),), START, end, end), **changes)


def test_a_reserve_price_is_what_whoever_reaches_it_pays_at_least():
    terms = plain(reserve_minor=300)
    low = decide(terms, Standing(terms.ends_at), "A", 250, START).standing
    assert (price_of(terms, low), reserve_met(terms, low)) == (100, False)
    assert award(terms, {"A": Best(250, 1)}) is None
    own = decide(terms, low, "A", 400, START).standing
    assert (price_of(terms, own), reserve_met(terms, own)) == (300, True)
    higher = decide(terms, own, "B", 350, START).standing
    assert (higher.leader, price_of(terms, higher)) == ("A", 355)


def test_between_equal_maxima_the_earlier_leads_and_pays_all_of_it():
    terms = plain()
    first = decide(terms, Standing(terms.ends_at), "A", 200, START).standing
    second = decide(terms, first, "B", 200, START).standing
    assert (second.leader, price_of(terms, second)) == ("A", 200)


@pytest.mark.parametrize(
    "table", [[], [(5, 1)], [(0, 0)], [(0, 2), (0, 3)], [(0, 1), (9, 2), (5, 3)], [(0, 10), (90, 1)]]
)
def test_an_increment_table_that_could_let_a_bid_raise_the_price_by_less_than_its_step_is_refused(table):
    with pytest.raises(ValueError, match="increments begin at price 0"):
        check_increments(table)


@pytest.mark.parametrize("currency", ["KES", "USD", "JPY", "KWD", "EUR"])
def test_the_tables_that_come_with_the_house_are_sound(currency):
    table = read_increments({}, currency)
    assert table[0][0] == 0
    assert check_increments(list(table)) == table
    assert DEFAULT_INCREMENTS.startswith("0:1 ")
