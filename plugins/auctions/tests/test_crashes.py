"""A process that dies among bids or while it closes leaves nothing half done, and what it has answered stays."""

from __future__ import annotations

import json
import signal

import pytest

from .saleroom import bid, bid_on, close_all, differences, log_of, open_market, people, process, put_up

BIDDING = """
import threading
from concurrent.futures import ThreadPoolExecutor
from marketcore.exceptions import MarketError
from marketcore.money import Money
from marketcore_auctions.desk import Bid
print("ready", flush=True)
lots, users = json.loads(sys.stdin.readline())
desk, told = registry["bid desk"], threading.Lock()
def bid(user):
    for number in range(1, 100_000):
        for lot in lots:
            maximum = number * 1000 + user % 100 * 10
            try:
                answer = desk.place(Bid(lot, user, Money(maximum, "KES"))).result(60)
            except MarketError:
                continue
            with told:
                print(json.dumps([lot, user, maximum, answer["seq"]]), flush=True)
with ThreadPoolExecutor(len(users)) as pool:
    list(pool.map(bid, users))
"""
CLOSING = """
from marketcore_auctions.jobs import close_due_auctions
print("ready", flush=True)
sys.stdin.readline()
close_due_auctions(registry)
"""
VICTIMS = {
    "decided": (BIDDING, {"MARKETCORE_CRASH_AT": "auctions.bids_decided"}),
    "committed": (BIDDING, {"MARKETCORE_CRASH_AT": "auctions.bids_committed"}),
    "closed": (CLOSING, {"MARKETCORE_CRASH_AT": "auctions.closed"}),
    "busy": (BIDDING, {}),
}


@pytest.fixture(scope="module")
def market(servers, templates, tmp_path_factory):
    with open_market(servers, templates, tmp_path_factory.mktemp("data")) as market:
        yield market


@pytest.fixture(scope="module")
def victims(market):
    """Processes that wait for their word, by name; they are started at once, for that takes most of the time."""
    children = {name: process(program, market.settings, **more) for name, (program, more) in VICTIMS.items()}
    yield children
    for child in children.values():
        child.kill()
        child.communicate()


@pytest.fixture
def lots(market):
    """Three auctions, and four bidders."""
    seller, *bidders = people(market, 5)
    return put_up(market, seller, 3), bidders


def send(child, *words):
    assert child.stdout.readline() == "ready\n"
    child.stdin.write(json.dumps(words) + "\n")
    child.stdin.flush()


def last_words(child):
    """Return what a killed process had still said, whole lines only."""
    said, _nothing = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    return [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]


def entries(market, ids):
    rows = market.query(
        """SELECT auction_id, bidder_id, maximum_minor, seq FROM auctions_log
           WHERE kind = 'bid' AND auction_id = ANY(:ids)""",
        ids=ids,
    )
    return {tuple(row) for row in rows}


def assert_told(market, ids):
    """The last live event of each auction tells of the last entry of its log, and they have no gap."""
    for id in ids:
        events = market.query(
            'SELECT "offset", data FROM live_events WHERE channel = :name ORDER BY "offset"', name=f"auction:{id}"
        )
        assert [event.offset for event in events] == list(range(1, len(events) + 1))
        assert events[-1].data["seq"] == len(log_of(market, id))


def test_a_process_killed_before_its_flight_is_committed_leaves_nothing_of_it(market, victims, lots):
    ids, bidders = lots
    send(victims["decided"], ids, bidders)
    assert last_words(victims["decided"]) == []
    assert entries(market, ids) == set()
    assert market.query("SELECT 1 FROM live_events WHERE channel = ANY(:n)", n=[f"auction:{id}" for id in ids]) == []
    assert bid(market, ids[0], bidders[0], 500)["seq"] == 2
    assert differences(market, *ids) == {}


def test_a_process_killed_before_it_answers_has_taken_the_bids_and_sending_them_again_is_harmless(
    market, victims, lots
):
    ids, bidders = lots
    send(victims["committed"], ids, bidders)
    assert last_words(victims["committed"]) == []
    taken = entries(market, ids)
    assert taken
    assert differences(market, *ids) == {}
    auction_id, bidder_id, maximum, _seq = max(taken, key=lambda entry: entry[2])
    before = log_of(market, auction_id)
    again = bid(market, auction_id, bidder_id, maximum)
    assert (again["leading"], again["seq"]) == (True, len(before))
    assert log_of(market, auction_id) == before
    assert_told(market, {id for id, *_rest in taken})


def test_a_process_killed_among_many_flights_has_kept_every_bid_that_it_answered(market, victims, lots):
    ids, bidders = lots
    send(victims["busy"], ids, bidders)
    answered = [json.loads(victims["busy"].stdout.readline()) for _ in range(200)]
    victims["busy"].kill()
    answered += last_words(victims["busy"])
    kept = entries(market, ids)
    assert {tuple(answer) for answer in answered} <= kept
    # At most one flight had not been answered: one bid of each bidder.
    assert len(kept) - len(answered) <= len(bidders)
    assert differences(market, *ids) == {}
    assert_told(market, ids)
    assert bid(market, ids[0], bidders[0], 10**9)["seq"] == len(log_of(market, ids[0]))


def test_a_process_killed_while_it_closes_leaves_all_open_and_the_next_one_closes_each_once(market, victims, lots):
    ids, bidders = lots
    seller, *_ = people(market, 1)
    (unwanted,) = put_up(market, seller)
    bid_on(market, ids, bidders[0], 500)
    market.travel("2 hours")
    send(victims["closed"])
    assert last_words(victims["closed"]) == []
    states = "SELECT DISTINCT state FROM auctions_standings WHERE listing_id = ANY(:ids)"
    assert market.query(states, ids=[*ids, unwanted]) == [("open",)]
    assert market.query("SELECT 1 FROM orders") == []
    assert close_all(market) >= len(ids) + 1
    awarded = market.query("SELECT auction_id, count(*) FROM auctions_awards GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in awarded if row.auction_id in ids] == [(id, 1) for id in ids]
    assert market.query(states, ids=[*ids, unwanted]) == [("closed",)]
    assert differences(market, *ids, unwanted) == {}
