"""The end of an auction is the database clock's, whoever bids, closes, waits or has a wrong clock meanwhile."""

from __future__ import annotations

import random
import re
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from marketcore.testing.market import Market
from marketcore_auctions import services
from marketcore_auctions.desk import Bid, Flight
from marketcore_auctions.jobs import close_due_auctions
from marketcore_auctions.refusals import AuctionClosed, BidTooLow
from marketcore_auctions.replay import replay

from .saleroom import (
    PATIENCE,
    bid,
    bid_on,
    close_all,
    differences,
    kes,
    open_market,
    outcome,
    people,
    process,
    put_up,
    service,
    until,
)

# Gate figure: 1,000 closings, 300 of them found overdue by closers that were away.
OVERDUE, PUNCTUAL = 300, 700
APART = timedelta(milliseconds=7)
AROUND = 0.050
CLOSER = """
import threading
from marketcore_auctions.jobs import close_due_auctions
stop = threading.Event()
def close():
    while not stop.is_set():
        close_due_auctions(registry)
        stop.wait(0.02)
closers = [threading.Thread(target=close) for _ in range(2)]
print("ready", flush=True)
sys.stdin.readline()
for closer in closers: closer.start()
sys.stdin.readline()
stop.set()
for closer in closers: closer.join()
print("done", flush=True)
"""
HAND = """CREATE TABLE hand (shift interval NOT NULL);
          INSERT INTO hand VALUES ('0');
          CREATE OR REPLACE FUNCTION market_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
          AS 'SELECT clock_timestamp() + shift FROM hand'"""
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture(scope="module")
def market(servers, templates, tmp_path_factory):
    with open_market(servers, templates, tmp_path_factory.mktemp("data")) as market:
        # The database's clock, to be moved while others wait for a lock.
        for statement in HAND.split(";"):
            market.query(statement)
        yield market


@pytest.fixture
def pass_time(market):
    """Return ``pass_time(interval)``: every connection sees so much later a clock at once."""
    yield lambda interval: market.query("UPDATE hand SET shift = shift + CAST(:more AS interval)", more=interval)
    market.query("UPDATE hand SET shift = '0'")


@contextmanager
def locked(market, auction_id):
    """Hold the lock of an auction, as a slow transaction would; yield its connection."""
    with market.registry["engine"].connect() as connection:
        connection.execute(
            text("SELECT 1 FROM auctions_standings WHERE listing_id = :id FOR UPDATE"), {"id": auction_id}
        )
        yield connection


def state(market, auction_id):
    ((row,),) = market.query("SELECT to_jsonb(s) FROM auctions_standings s WHERE listing_id = :id", id=auction_id)
    return row


def kinds(market, auction_id):
    return [row.kind for row in market.query("SELECT kind FROM auctions_log WHERE auction_id = :id ORDER BY seq",
                                             id=auction_id)]  # fmt: skip


def test_bids_that_wait_for_the_lock_past_the_end_are_late_though_they_were_sent_in_time(market, pass_time):
    seller, early, late = people(market, 3)
    (lot,) = put_up(market, seller)
    bid(market, lot, early, 500)
    with locked(market, lot) as holder:
        futures = [market.registry["bid desk"].place(Bid(lot, late, kes(minor))) for minor in (900, 1000, 1100)]
        until(lambda: market.query(WAITING))
        pass_time("1 hour")
        holder.commit()
        assert {type(outcome(future)) for future in futures} == {AuctionClosed}
    assert kinds(market, lot) == ["opened", "bid"]
    assert service(market, "close", lot)
    assert state(market, lot)["leader_id"] == early
    assert differences(market, lot) == {}


def test_an_extension_that_commits_while_a_closer_waits_for_the_lock_keeps_the_auction_open(market, pass_time):
    seller, bidder = people(market, 2)
    (lot,) = put_up(market, seller, soft_close="extend", window_seconds=7200, extension_seconds=7200,
                    cap=timedelta(hours=5))  # fmt: skip
    with market.registry["engine"].connect() as connection, ThreadPoolExecutor(1) as pool:
        transaction = connection.begin()
        flight = Flight(market.registry, connection, [Bid(lot, bidder, kes(500))])
        flight.decide()
        flight.write(commit=False)
        pass_time("90 minutes")
        assert close_all(market) == 0
        closer = pool.submit(service, market, "close", lot)
        until(lambda: market.query(WAITING))
        transaction.commit()
        assert closer.result(PATIENCE) is False
    assert close_all(market) == 0
    assert (state(market, lot)["state"], state(market, lot)["extensions"]) == ("open", 1)
    pass_time("90 minutes")
    assert close_all(market) == 1
    assert kinds(market, lot) == ["opened", "bid", "awarded"]


def test_whoever_lists_what_is_due_does_not_decide_it(market, monkeypatch):
    """What was due when it was listed may have been extended since: the closer looks again under the lock."""
    seller, bidder = people(market, 2)
    (lot,) = put_up(market, seller, ends_in=timedelta(days=9))
    bid(market, lot, bidder, 500)
    everything = text(
        "SELECT listing_id FROM auctions_standings WHERE listing_id = :id AND listing_id <> ALL(:failed) LIMIT :limit"
    )
    monkeypatch.setattr(services, "_DUE", everything.bindparams(id=lot))
    assert service(market, "close_due") == 0
    assert state(market, lot)["state"] == "open"


def test_looking_for_what_is_due_reads_nothing_of_what_is_not(market):
    """However many auctions are open: the clock bounds the index, it does not filter what the index brings."""
    with market.registry["engine"].connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        explain = text(f"EXPLAIN {services._DUE.text}")
        plan = "\n".join(connection.execute(explain, {"limit": 50, "failed": []}).scalars())
        connection.rollback()
    assert re.search(r"Index Cond: \(ends_at <= .*(InitPlan|\$0)", plan), plan


def test_one_closer_of_many_that_wait_for_the_same_auction_closes_it(market, pass_time):
    seller, bidder = people(market, 2)
    (lot,) = put_up(market, seller)
    bid(market, lot, bidder, 500)
    pass_time("1 hour")
    with locked(market, lot) as holder, ThreadPoolExecutor(4) as pool:
        closers = [pool.submit(service, market, "close", lot) for _ in range(4)]
        until(lambda: len(market.query(WAITING)) == 4)
        holder.commit()
        assert sorted(closer.result(PATIENCE) for closer in closers) == [False, False, False, True]
    assert kinds(market, lot) == ["opened", "bid", "awarded"]


def test_closers_pass_by_what_somebody_else_is_closing(market, pass_time):
    seller, bidder = people(market, 2)
    held, free = put_up(market, seller, 2)
    bid_on(market, [held, free], bidder, 500)
    pass_time("1 hour")
    with locked(market, held):
        assert close_all(market) == 1
        assert (state(market, held)["state"], state(market, free)["state"]) == ("open", "closed")
    assert close_all(market) == 1


def test_auctions_that_cannot_be_closed_keep_no_other_open_and_nothing_is_told_of_them(market, pass_time):
    """More than are closed in one transaction; what is wrong with them is that their piece is gone."""
    seller, bidder = people(market, 2)
    broken = put_up(market, seller, 53)
    (sound,) = put_up(market, seller, ends_in=timedelta(minutes=61))
    bid_on(market, [*broken, sound], bidder, 500)
    market.query("UPDATE listings SET quantity = 0 WHERE id = ANY(:ids)", ids=broken)
    pass_time("2 hours")
    with capture_logs() as logs:
        close_due_auctions(market.registry)
    assert sorted(entry["auction_id"] for entry in logs if entry["event"] == "auction_not_closed") == broken
    assert state(market, sound)["state"] == "closed"
    assert market.query("SELECT count(*) FROM auctions_standings WHERE state = 'open' AND listing_id = ANY(:ids)",
                        ids=broken) == [(53,)]  # fmt: skip
    told = market.query("SELECT data ->> 'auction_id' FROM live_events WHERE type IN ('auction.won', 'auction.closed')")
    assert {int(id) for (id,) in told} & {*broken, sound} == {sound}
    assert differences(market, sound, *broken[:3]) == {}
    market.query("UPDATE listings SET quantity = 1 WHERE id = ANY(:ids)", ids=broken)
    close_due_auctions(market.registry)
    assert {state(market, id)["outcome"] for id in broken} == {"sold"}


def test_a_leader_who_is_blocked_by_the_end_does_not_win_and_the_log_says_who_was_left_out(market, pass_time):
    seller, first, second, third = people(market, 4)
    (lot,) = put_up(market, seller)
    (alone,) = put_up(market, seller)
    for bidder, maximum in ((third, 300), (second, 700), (first, 900)):
        bid(market, lot, bidder, maximum)
    bid(market, alone, first, 900)
    market.query("UPDATE users SET blocked_at = market_clock() WHERE id = :id", id=first)
    pass_time("2 hours")
    assert close_all(market) == 2
    ((award,),) = market.query("SELECT to_jsonb(a) FROM auctions_awards a WHERE auction_id = :id", id=lot)
    assert (award["bidder_id"], award["price_minor"]) == (second, 310)
    assert state(market, alone)["outcome"] == "unsold"
    assert differences(market, lot, alone) == {}


class Skewed(datetime):
    """The wrong clock of a process."""

    error = timedelta(0)

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.error

    @classmethod
    def utcnow(cls):
        return datetime.now(UTC).replace(tzinfo=None) + cls.error


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_process_whose_clock_is_five_minutes_off_decides_nothing_by_it(market, monkeypatch, minutes):
    seller, bidder = people(market, 2)
    (running,) = put_up(market, seller, ends_in=timedelta(minutes=2), soft_close="reset", window_seconds=240,
                        extension_seconds=180)  # fmt: skip
    (over,) = put_up(market, seller, ends_in=timedelta(seconds=-1))
    (future,) = put_up(market, seller, starts_in=timedelta(minutes=2))
    true_time, error = time.time, timedelta(minutes=minutes)
    monkeypatch.setattr(Skewed, "error", error)
    monkeypatch.setattr(time, "time", lambda: true_time() + error.total_seconds())
    for module in [module for name, module in sorted(__import__("sys").modules.items()) if name[:10] == "marketcore"]:
        if getattr(module, "datetime", None) is datetime and module.__name__ != __name__:
            monkeypatch.setattr(module, "datetime", Skewed)
    answer = bid(market, running, bidder, 500)
    for lot, refusal in ((over, "AuctionClosed"), (future, "AuctionNotStarted")):
        assert type(outcome(market.registry["bid desk"].place(Bid(lot, bidder, kes(500))))).__name__ == refusal
    assert close_all(market) == 1
    close_due_auctions(market.registry)
    assert [state(market, lot)["state"] for lot in (running, over, future)] == ["open", "closed", "open"]
    # By the database's clock: three minutes from the bid, which was two before the end.
    ((now,),) = market.query("SELECT market_clock()")
    assert timedelta(minutes=2) < answer["ends_at"] - now <= timedelta(minutes=3)
    assert now - answer["server_now"] < timedelta(minutes=1)
    assert differences(market, running, over, future) == {}


@pytest.fixture
def closers(market):
    """Two processes with two closers each, who wait for their sign."""
    children = [process(CLOSER, market.settings) for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    yield children
    for child in children:
        child.kill()
        child.communicate()


def tell(children):
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()


class Sniper:
    """Somebody at a desk who sends bids at given moments and does not wait for the answers."""

    def __init__(self, desk):
        self.desk = desk
        self.sent = []

    def run(self, plan):
        """``plan`` has (moment, auction, bidder, maximum), by ``time.time``, in order."""
        for moment, auction, bidder, maximum in plan:
            time.sleep(max(0, moment - time.time()))
            self.sent.append(((auction, bidder, maximum), self.desk.place(Bid(auction, bidder, kes(maximum)))))


def leave_until_the_first_end(market, ids, pass_time):
    """Let time pass, but for the last second."""
    ((rest,),) = market.query(
        """SELECT (min(ends_at) - market_clock() - interval '1 second')::text FROM auctions_standings
           WHERE listing_id = ANY(:ids)""",
        ids=ids,
    )
    pass_time(rest)


def plans(market, ids, bidders, dice, snipers):
    """Return for each sniper a plan of bids within 50 ms before and after the end of each auction."""
    plan = []
    ((shift,),) = market.query("SELECT shift FROM hand")
    ends = market.query("SELECT listing_id, ends_at FROM auctions_standings WHERE listing_id = ANY(:ids)", ids=ids)
    for row in ends:
        for number in range(2):
            moment = (row.ends_at - shift).timestamp() + dice.uniform(-AROUND, AROUND)
            plan.append((moment, row.listing_id, dice.choice(bidders), dice.randrange(200, 900, 10) + number))
    plan.sort()
    return [plan[number::snipers] for number in range(snipers)]


@pytest.mark.timeout(300)  # the machine may have other things to do
def test_a_thousand_auctions_with_bids_around_their_ends_and_four_closers_have_the_right_winner_each(
    market, closers, pass_time
):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    seller, *bidders = people(market, 21)
    count = OVERDUE + PUNCTUAL
    soft = count // 10
    ids = put_up(market, seller, count - soft, apart=APART)
    ids += put_up(market, seller, soft, apart=10 * APART, soft_close="reset",
                  window_seconds=1, extension_seconds=1, cap=timedelta(seconds=2))  # fmt: skip
    bid_on(market, ids, bidders[0], 150)
    other = Market(market.settings)
    desks = [market.registry["bid desk"], other.registry["bid desk"]]
    leave_until_the_first_end(market, ids, pass_time)
    snipers = [Sniper(desks[number % 2]) for number in range(4)]
    closers_come = market.query("SELECT max(ends_at) FROM auctions_standings WHERE listing_id = :id", id=ids[OVERDUE])
    with ThreadPoolExecutor(len(snipers)) as pool:
        runs = [
            pool.submit(sniper.run, plan)
            for sniper, plan in zip(snipers, plans(market, ids, bidders, dice, len(snipers)), strict=True)
        ]
        until(lambda: market.query("SELECT 1 WHERE market_clock() > :moment", moment=closers_come[0][0]))
        tell(closers)
        for run in runs:
            run.result()
    answers = {key: outcome(future) for sniper in snipers for key, future in sniper.sent}
    desks[1].close()
    other.registry["live sender"].close()
    other.close()
    until(lambda: not market.query("SELECT 1 FROM auctions_standings WHERE state = 'open' AND listing_id = ANY(:ids) "
                                   "LIMIT 1", ids=ids), 120)  # fmt: skip
    tell(closers)
    assert [child.stdout.readline() for child in closers] == ["done\n", "done\n"]
    assert_answers_are_the_log(market, ids, answers, bidders[0])
    assert_right_winners(market, ids)


def assert_answers_are_the_log(market, ids, answers, first):
    accepted = {key: answer["seq"] for key, answer in answers.items() if isinstance(answer, dict)}
    refusals = {type(answer) for answer in answers.values() if not isinstance(answer, dict)}
    assert refusals == {AuctionClosed, BidTooLow}
    assert accepted
    log = market.query(
        "SELECT auction_id, bidder_id, maximum_minor, seq FROM auctions_log WHERE auction_id = ANY(:a)"
        " AND kind = 'bid'",
        a=ids,
    )
    entries = {(row.auction_id, row.bidder_id, row.maximum_minor): row.seq for row in log}
    assert len(entries) == len(log)
    for id in ids:
        assert entries.pop((id, first, 150)) == 2
    same_again = {key: seq for key, seq in accepted.items() if key not in entries}
    assert same_again == {}
    assert entries == accepted


def assert_right_winners(market, ids):
    late = market.query(
        """SELECT l.auction_id FROM auctions_log l JOIN auctions_standings s ON s.listing_id = l.auction_id
           WHERE l.auction_id = ANY(:ids) AND (l.kind = 'bid') = (l.at >= s.ends_at) AND l.kind <> 'opened'""",
        ids=ids,
    )
    assert late == []
    highest = market.query(
        """SELECT DISTINCT ON (auction_id) auction_id, bidder_id FROM auctions_log
           WHERE auction_id = ANY(:ids) AND kind = 'bid' ORDER BY auction_id, maximum_minor DESC, seq""",
        ids=ids,
    )
    awards = market.query(
        """SELECT a.auction_id, a.bidder_id, a.price_minor, l.listing_id, o.buyer_id, o.total_minor
           FROM auctions_awards a JOIN orders o ON o.id = a.order_id JOIN order_lines l ON l.order_id = o.id
           WHERE a.auction_id = ANY(:ids) AND a.round = 1 ORDER BY a.auction_id""",
        ids=ids,
    )
    assert [(row.auction_id, row.bidder_id) for row in awards] == [tuple(row) for row in highest]
    assert [row.auction_id for row in awards] == sorted(ids)
    assert all(row.listing_id == row.auction_id for row in awards)
    assert all((row.buyer_id, row.total_minor) == (row.bidder_id, row.price_minor) for row in awards)
    for table in ("order_lines", "stock_reservations"):
        assert market.query(f"SELECT count(*) FROM {table} WHERE listing_id = ANY(:ids)", ids=ids) == [(len(ids),)]
    for type in ("auction.closed", "auction.won"):
        told = market.query("SELECT (data ->> 'auction_id')::bigint FROM live_events WHERE type = :type", type=type)
        assert sorted(id for (id,) in told if id in set(ids)) == sorted(ids)
    assert_clean_replays(market, ids, {row.auction_id: row.price_minor for row in awards})


def assert_clean_replays(market, ids, prices):
    """Every log says the same again, and ends where its auction's standing says."""
    logs = market.query(
        "SELECT auction_id, text, hash FROM auctions_log WHERE auction_id = ANY(:ids) ORDER BY auction_id, seq", ids=ids
    )
    heads = market.query("SELECT listing_id, seq, head FROM auctions_standings WHERE listing_id = ANY(:ids)", ids=ids)
    stood = {row.listing_id: (row.seq, row.head) for row in heads}
    found = defaultdict(list)
    for id, log in groupby(logs, key=lambda row: row.auction_id):
        result = replay([(row.text, row.hash) for row in log], id)
        found[id] = result.differences
        assert (result.entries, result.head) == stood[id]
        assert (result.outcome, result.price_minor) == ("sold", prices[id])
    assert {id: what for id, what in found.items() if what} == {}
    assert sorted(found) == sorted(ids)
    assert differences(market, *ids[:10]) == {}
