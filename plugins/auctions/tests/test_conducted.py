"""Auctions whose clock somebody holds: what a pause does, and that the log reproduces all of it."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcore.catalog.services import ListingService
from marketcore.db import clock
from marketcore.money import Money
from marketcore_auctions.bidding import (
    Accepted,
    Refusal,
    SoftClose,
    SoftClosePolicy,
    Standing,
    Terms,
    decide,
    hammer,
    is_over,
    pause,
    resume,
)
from marketcore_auctions.chain import GENESIS, hash_of
from marketcore_auctions.conducting import AuctionConductor
from marketcore_auctions.lots import Lot, terms_of
from marketcore_auctions.opening import told_terms
from marketcore_auctions.refusals import AuctionClosed, AuctionPaused, AuctionRunning
from marketcore_auctions.replay import replay

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
COUNTDOWN = SoftClose(SoftClosePolicy.RESET, MINUTE, MINUTE)
NO_SOFT_CLOSE = SoftClose()


def terms(minutes=10, conducted=True, soft_close=NO_SOFT_CLOSE):
    end = None if minutes is None else START + minutes * MINUTE
    cap = None if end is None else end + 5 * MINUTE
    return Terms(100, ((0, 10),), START, end, cap, soft_close=soft_close, conducted=conducted)


def at(minutes):
    return START + minutes * MINUTE


def test_a_pause_keeps_what_is_left_and_refuses_bids():
    lot = terms()
    standing = pause(lot, Standing(lot.ends_at), at(4))
    assert (standing.ends_at, standing.remaining, standing.paused_at) == (None, 6 * MINUTE, at(4))
    assert decide(lot, standing, "A", 500, at(5)) is Refusal.PAUSED
    assert not is_over(standing, at(10_000))
    assert pause(lot, standing, at(6)) is Refusal.PAUSED
    resumed = resume(lot, standing, at(34))
    assert (resumed.ends_at, resumed.paused_for, resumed.remaining) == (at(40), 30 * MINUTE, None)
    assert resume(lot, resumed, at(35)) is Refusal.RUNNING
    assert isinstance(decide(lot, resumed, "A", 500, at(39)), Accepted)
    assert decide(lot, resumed, "A", 500, at(40)) is Refusal.OVER
    assert pause(lot, resumed, at(40)) is Refusal.OVER


def test_the_latest_end_moves_by_the_pauses():
    lot = terms(soft_close=COUNTDOWN)
    standing = Standing(lot.ends_at)
    for minute in (9.5, 10, 10.5, 11, 11.5, 12, 12.5, 13, 13.5, 14, 14.5):
        standing = decide(lot, standing, f"bidder {minute}", int(minute * 1000), at(minute)).standing
    assert standing.ends_at == at(15)
    standing = resume(lot, pause(lot, standing, at(14.75)), at(24.75))
    assert standing.ends_at == at(25)
    assert decide(lot, standing, "late", 99_000, at(24.9)).standing.ends_at == at(25)


def test_the_hammer_ends_it_at_that_moment_whether_the_clock_goes_stands_or_is_none():
    for lot in (terms(), terms(minutes=None)):
        running = Standing(lot.ends_at)
        for standing in (running, pause(lot, running, at(1))):
            ended = hammer(lot, standing, at(2))
            assert (ended.ends_at, is_over(ended, at(2))) == (at(2), True)
            assert decide(lot, ended, "A", 500, at(2)) is Refusal.OVER
    assert hammer(terms(), Standing(at(10)), at(10)) is Refusal.OVER


def test_nobody_holds_the_clock_of_an_ordinary_auction():
    lot = terms(conducted=False)
    for change in (pause, resume, hammer):
        assert change(lot, Standing(lot.ends_at), at(1)) is Refusal.NOT_CONDUCTED


def row_of(lot):
    """Return the row of an auction with these terms that nobody has bid in."""
    rule = lot.soft_close
    return SimpleNamespace(
        listing_id=1, currency="KES", title="x", key=b"k" * 16, state="open", outcome=None, leader_name="",
        deposit_hold=None, seq=0, head=GENESIS, start_minor=lot.start_minor, reserve_minor=None, buy_now_minor=None,
        increments=[list(pair) for pair in lot.increments], starts_at=lot.starts_at, planned_end_at=lot.ends_at,
        latest_end_at=lot.latest_end_at, ends_at=lot.ends_at, leader_id=None, leader_max_minor=0, runner_up_minor=0,
        bids=0, extensions=0, conducted=lot.conducted, hold_minutes=None, soft_close=str(rule.policy),
        window_seconds=rule.window // timedelta(seconds=1), extension_seconds=rule.extension // timedelta(seconds=1),
        paused_at=None, remaining_us=None, paused_us=0,
    )  # fmt: skip


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["bid", "bid", "bid", "pause", "resume", "hammer"]),
        st.integers(1, 4),
        st.integers(100, 3000),
        st.integers(0, 150),
    ),
    max_size=25,
)


@given(steps=STEPS, minutes=st.sampled_from([None, 1, 10]), soft_close=st.sampled_from([NO_SOFT_CLOSE, COUNTDOWN]))
def test_S3_any_course_of_bids_pauses_and_a_hammer_is_reproduced_from_its_log(steps, minutes, soft_close):
    planned = terms(minutes, soft_close=soft_close)
    lot = Lot(row_of(planned))
    assert terms_of(lot.row) == planned
    lot.note("opened", START, terms=told_terms(lot.row))
    now, changes = START, {"pause": (pause, "paused"), "resume": (resume, "resumed"), "hammer": (hammer, "hammered")}
    for step, bidder, maximum, seconds in steps:
        now += timedelta(seconds=seconds, microseconds=bidder)
        if step == "bid":
            verdict = lot.decide(bidder, maximum, now)
            if isinstance(verdict, Accepted) and verdict.changed:
                lot.accept(verdict, bidder, "b", maximum, now)
            assert not (lot.standing.paused_at and isinstance(verdict, Accepted))
            continue
        change, kind = changes[step]
        changed = change(planned, lot.standing, now)
        if isinstance(changed, Standing):
            lot.standing = changed
            lot.note(kind, now)
    log = [(entry["text"], entry["hash"]) for entry in lot.entries]
    found = replay(log, 1)
    assert found.differences == []
    leader = lot.pseudonym(lot.standing.leader)
    assert replace(found.standing, leader=None) == replace(lot.standing, leader=None)
    assert (found.standing.leader, found.terms) == (leader, planned)


def test_a_log_without_its_pause_or_with_one_that_nobody_may_order_does_not_replay():
    lot = Lot(row_of(terms()))
    lot.note("opened", START, terms=told_terms(lot.row))
    lot.accept(lot.decide(1, 500, at(1)), 1, "b", 500, at(1))
    for kind, change, minute in (("paused", pause, 2), ("resumed", resume, 60)):
        lot.standing = change(lot.terms, lot.standing, at(minute))
        lot.note(kind, at(minute))
    lot.accept(lot.decide(2, 900, at(61)), 2, "b", 900, at(61))
    log = [(entry["text"], entry["hash"]) for entry in lot.entries]
    assert replay(log).differences == []
    assert replay(log[:2] + log[4:]).differences
    ordinary = json.loads(log[0][0])
    del ordinary["terms"]["conducted"]
    text = json.dumps(ordinary, separators=(",", ":"))
    found = replay([(text, hash_of(text)), *log[1:]])
    assert any("not_conducted" in difference for difference in found.differences)


@pytest.fixture
def conducted(house):
    """Publish an auction whose clock the seller holds; return its document."""

    def publish(**terms):
        title = f"Drum {uuid.uuid4().hex[:6]}"
        product = house.seller.http.post("/api/v1/products", json={"title": title}).json()
        fields = {"price": Money(10_000, "KES"), "conducted": True, "if_unpaid": "end", **terms}

        def put_up(request):
            return request.find_service(ListingService).publish(house.seller.id, product["id"], "auction", fields)

        return house.look({"id": house.market.perform(put_up)})

    return publish


def conduct(house, lot, step):
    """Let the seller pause, resume or hammer."""
    house.market.perform(
        lambda request: getattr(request.find_service(AuctionConductor), step)(lot["id"], house.seller.id)
    )
    return house.look(lot)


def test_S3_a_conducted_lot_ends_by_the_hammer_and_is_ordered_like_any_other(house, conducted):
    lot, ann = conducted(), house.person()
    assert (lot["state"], lot["ends_at"], lot["conducted"]) == ("open", None, True)
    assert lot["id"] not in [item["id"] for item in ann.http.get("/api/v1/auctions").json()["items"]]
    assert ann.bid(lot, 300).status_code == 201
    assert ann.act(lot, "retraction").status_code == 409
    house.travel(days=3)
    house.close_due()
    house.tell()
    paused = conduct(house, lot, "pause")
    assert (paused["state"], paused["remaining_ms"], paused["bids"]) == ("paused", None, 1)
    assert ann.bid(lot, 400).json()["type"].endswith("auction-paused")
    with pytest.raises(AuctionPaused):
        conduct(house, lot, "pause")
    conduct(house, lot, "resume")
    with pytest.raises(AuctionRunning):
        conduct(house, lot, "resume")
    closed = conduct(house, lot, "hammer")
    assert (closed["outcome"], closed["ends_at"] is not None) == ("sold", True)
    with pytest.raises(AuctionClosed):
        conduct(house, lot, "pause")
    assert ann.won(lot).total_minor == 10_000


def test_S3_the_order_of_pause_and_bid_is_the_clock_of_the_database(house, conducted):
    lot, ann = conducted(duration_seconds=60, soft_close={"policy": "none"}), house.person()
    paused = conduct(house, lot, "pause")
    house.travel(minutes=5)
    house.close_due()
    assert house.look(lot)["state"] == "paused"
    resumed = conduct(house, lot, "resume")
    left = datetime.fromisoformat(resumed["ends_at"]) - house.market.perform(lambda request: clock.now(request.db))
    assert left <= timedelta(milliseconds=paused["remaining_ms"] + 1)
    assert ann.bid(lot, 300).status_code == 201
    house.travel(seconds=61)
    assert ann.bid(lot, 400).json()["type"].endswith("auction-closed")
    # The hammer after the end is the end's: nothing came later than that.
    closed = conduct(house, lot, "hammer")
    assert (closed["outcome"], closed["ends_at"]) == ("sold", resumed["ends_at"])
