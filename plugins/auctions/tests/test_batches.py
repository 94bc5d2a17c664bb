"""Bids decided many at a time say, write and tell exactly what they would one at a time.

The same bids go to two sets of auctions on the same terms: to one in flights of any size, to the other one by one.
The database's clock is in the test's hand, so that both happen at the same moments.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from marketcore.exceptions import MarketError
from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.ledger.verify import verify
from marketcore.money import Money
from marketcore_auctions.desk import Bid
from marketcore_auctions.opening import open_auction

from .saleroom import differences, listed, open_market, people, terms_for

# What fails is not made smaller: that would take longer than a test may.
PHASES = (Phase.explicit, Phase.generate)
CASES = settings(max_examples=25, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
START = datetime(2031, 5, 1, 12, tzinfo=UTC)
NOWHERE = 10**15
DEPOSIT = 1000
SELLER, BLOCKED = 0, 5
CLOCK = (
    "CREATE TABLE hand (at timestamptz NOT NULL)",
    "INSERT INTO hand VALUES ('2031-05-01 12:00Z')",
    """CREATE OR REPLACE FUNCTION market_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
       AS 'SELECT at FROM hand'""",
)

# Who (0 sells, 5 is blocked), on which auction (3 does not exist), up to how much, in which currency.
BIDS = st.tuples(
    st.sampled_from([1, 2, 3, 4] * 4 + [SELLER, BLOCKED]),
    st.sampled_from([0, 1, 2] * 6 + [3]),
    st.integers(90, 400),
    st.sampled_from(["KES"] * 14 + ["USD"]),
)
FLIGHTS = st.lists(
    st.tuples(st.integers(0, 9), st.lists(BIDS, min_size=1, max_size=12)), min_size=1, max_size=5
)  # fmt: skip
TERMS = st.fixed_dictionaries(
    {
        "price": st.integers(90, 120),
        "ends_in": st.integers(8, 25),
        "starts_in": st.sampled_from([-3600, -3600, -3600, 2]),
        "cap": st.integers(0, 12),
        "soft_close": st.sampled_from(["none", "extend", "reset"]),
        "window_seconds": st.integers(1, 20),
        "extension_seconds": st.integers(1, 6),
        "increments": st.sampled_from([[[0, 1]], [[0, 10]], [[0, 5], [150, 20]]]),
        "reserve_minor": st.none() | st.integers(120, 300),
    }
)


@pytest.fixture(scope="module")
def market(servers, templates, tmp_path_factory):
    with open_market(servers, templates, tmp_path_factory.mktemp("data"), "wallet") as market:
        for statement in CLOCK:
            market.query(statement)
        yield market
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []


@pytest.fixture(scope="module")
def everybody(market):
    return people_of(market)


def people_of(market):
    found = people(market, 6)
    market.query("UPDATE users SET blocked_at = market_clock() WHERE id = :id", id=found[BLOCKED])
    return found


class World:
    """Some auctions, and what bids on them are answered. ``people`` are told by their place."""

    def __init__(self, market, people, auctions):
        self.market = market
        self.people = people
        self.auctions = [*auctions, NOWHERE]
        self.places = {id: place for place, id in enumerate(people)} | {None: None}

    def fly(self, bids):
        """Let the desk carry ``bids`` out in one flight and return what each is told."""
        flight = [
            Bid(self.auctions[auction], self.people[who], Money(maximum, currency))
            for who, auction, maximum, currency in bids
        ]
        return [self._told(answer) for answer in self.market.registry["bid desk"]._carry_out(flight)]

    def _told(self, answer):
        if not isinstance(answer, BaseException):
            return {name: value for name, value in answer.items() if name != "auction_id"}
        assert isinstance(answer, MarketError), answer
        detail = re.sub(r"auction \d+", "auction", answer.detail)
        return type(answer).__name__, detail, str(answer.extra), str(answer.errors)

    def _rows(self, sql, **values):
        return [dict(row._mapping) for row in self.market.query(sql, ids=self.auctions, **values)]

    def log(self):
        """Return all entries, by columns and by text, without what chance or the past put into them."""
        rows = self._rows("SELECT * FROM auctions_log WHERE auction_id = ANY(:ids) ORDER BY auction_id, seq")
        names = {}
        for row in rows:
            entry = json.loads(row.pop("text"))
            for name in ("prev", "salt", "auction"):
                del entry[name]
            if row["bidder_id"]:
                names[entry["bidder"]] = self.places[row["bidder_id"]]
            row["text"] = {**entry, "bidder": names.get(entry.get("bidder")), "leader": names.get(entry.get("leader"))}
            row |= {"bidder_id": self.places[row["bidder_id"]], "leader_id": self.places[row["leader_id"]]}
            del row["hash"]
            row["auction_id"] = self.auctions.index(row["auction_id"])
        return rows

    def standings(self):
        rows = self._rows("SELECT * FROM auctions_standings WHERE listing_id = ANY(:ids) ORDER BY listing_id")
        for row in rows:
            row["leader_id"] = self.places[row["leader_id"]]
            row["deposit_hold"] = row["deposit_hold"] is not None
            del row["listing_id"], row["head"]
        return rows

    def interests(self):
        rows = self._rows("SELECT user_id, auction_id, bidding FROM auctions_interests WHERE auction_id = ANY(:ids)")
        return {(self.places[row["user_id"]], self.auctions.index(row["auction_id"]), row["bidding"]) for row in rows}

    def news(self, auction):
        """Return the live events of an auction by the number of their last entry."""
        rows = self._rows(
            'SELECT type, data FROM live_events WHERE channel = :name ORDER BY "offset"',
            name=f"auction:{self.auctions[auction]}",
        )
        assert {row["type"] for row in rows} <= {"auction.bid"}
        found = {}
        for row in rows:
            data = {name: value for name, value in row["data"].items() if name not in ("auction_id", "log_head")}
            if data["leader"]:
                data["leader"] = data["leader"]["name"]
            for bid in data["recent"]:
                del bid["bidder"]
            found[data["seq"]] = data
        assert len(found) == len(rows)
        return found

    def outbid(self):
        """Return how often each person was told of having lost the lead of each auction."""
        rows = self._rows(
            "SELECT channel, data FROM live_events WHERE type = 'auction.outbid' AND channel = ANY(:names)",
            names=[f"user:{id}" for id in self.people],
        )
        ours = [row for row in rows if row["data"]["auction_id"] in self.auctions]
        return Counter(
            (self.places[int(row["channel"].partition(":")[2])], self.auctions.index(row["data"]["auction_id"]))
            for row in ours
        )

    def wallets(self):
        def read(request):
            ledger = request.find_service(LedgerService)
            found = [ledger.balance(wallet(id, "KES")) for id in self.people]
            return [(balance.available_minor, balance.reserved_minor) for balance in found]

        return self.market.perform(read)


def set_clock(market, moment):
    market.query("UPDATE hand SET at = :at", at=moment)


def open_worlds(market, everybody, all_terms, **more):
    """Return two worlds whose auctions have the same terms."""
    set_clock(market, START)
    with market.work() as request:
        worlds = []
        for crowd in everybody:
            ids = []
            for terms in all_terms:
                given = {name: value for name, value in terms.items() if name not in ("price", "ends_in")}
                for name in ("starts_in", "cap"):
                    given[name] = timedelta(seconds=given[name])
                ends_at = START + timedelta(seconds=terms["ends_in"])
                (listing_id,) = listed(request.db, crowd[SELLER], 1, terms["price"])
                open_auction(request.db, listing_id, terms_for(START, ends_at, **given, **more), START)
                ids.append(listing_id)
            worlds.append(World(market, crowd, ids))
    return worlds


def run(market, together, apart, flights):
    """Fly ``flights`` in both worlds, and compare every answer."""
    now, before = START, Counter()
    for gap, bids in flights:
        now += timedelta(seconds=gap)
        set_clock(market, now)
        leaders = [row["leader_id"] for row in together.standings()]
        answers = together.fly(bids)
        singly = [apart.fly([bid])[0] for bid in bids]
        compare_answers(bids, answers, singly)
        for auction, (was, row) in enumerate(zip(leaders, together.standings(), strict=True)):
            if was is not None and row["leader_id"] != was:
                before[was, auction] += 1
    return before


def compare_answers(bids, answers, singly):
    last = {}
    for bid, answer, alone in zip(bids, answers, singly, strict=True):
        if isinstance(alone, tuple):
            event(alone[0])
            assert answer == alone
        else:
            event("accepted")
            assert (answer["seq"], answer["maximum"]) == (alone["seq"], alone["maximum"])
            last[bid[1]] = answer, alone
    # Every answer tells how the auction stands after the flight: as the last accepted bid alone was answered.
    for answer, alone in last.values():
        assert answer == alone
    for bid, answer in zip(bids, answers, strict=True):
        if not isinstance(answer, tuple):
            shared = ("price", "next_minimum", "bids", "ends_at", "server_now")
            assert [answer[name] for name in shared] == [last[bid[1]][0][name] for name in shared]


def compare(market, together, apart, outbid):
    log = together.log()
    assert log == apart.log()
    assert together.standings() == apart.standings()
    assert together.interests() == apart.interests()
    assert together.outbid() == outbid
    for auction in range(3):
        many, single, told = together.news(auction), apart.news(auction), 1
        entries = [row["seq"] for row in log if row["auction_id"] == auction and row["kind"] == "bid"]
        assert sorted(single) == entries
        for seq, news in sorted(many.items()):
            recent = [single[number]["recent"][0] for number in range(seq, told, -1)][:5]
            assert news == {**single[seq], "recent": recent}
            told = seq
        assert told == max(entries, default=1)
    assert differences(market, *together.auctions[:3], *apart.auctions[:3]) == {}


@CASES
@given(terms=st.lists(TERMS, min_size=3, max_size=3), flights=FLIGHTS)
def test_flights_of_any_size_decide_write_and_tell_what_bids_one_by_one_do(market, everybody, terms, flights):
    together, apart = open_worlds(market, [everybody, everybody], terms)
    outbid = run(market, together, apart, flights)
    compare(market, together, apart, outbid)


@settings(CASES, max_examples=8)
@given(
    terms=st.lists(TERMS, min_size=3, max_size=3),
    flights=FLIGHTS,
    purses=st.lists(st.integers(0, 3 * DEPOSIT), min_size=6, max_size=6),
)
def test_with_deposits_too_and_whoever_leads_has_theirs_held_once(market, terms, flights, purses):
    crowds = [people_of(market), people_of(market)]
    market.query(
        "UPDATE users SET username = left(username, 1) || 'x' || id WHERE id = ANY(:ids)", ids=[*crowds[0], *crowds[1]]
    )
    for crowd in crowds:
        fill(market, crowd, purses)
    together, apart = open_worlds(market, crowds, terms, deposit_minor=DEPOSIT)
    run(market, together, apart, flights)
    for world in (together, apart):
        leaders = Counter(row["leader_id"] for row in world.standings() if row["leader_id"] is not None)
        held = [leaders[place] * DEPOSIT for place in range(6)]
        assert world.wallets() == [(purse - hold, hold) for purse, hold in zip(purses, held, strict=True)]
        assert [row["deposit_hold"] for row in world.standings()] == [
            row["leader_id"] is not None for row in world.standings()
        ]
    strip = ("name", "leader_name")
    one, other = (
        [{key: value for key, value in row.items() if key not in strip} for row in world.log() + world.standings()]
        for world in (together, apart)
    )
    assert one == other
    assert differences(market, *together.auctions[:3], *apart.auctions[:3]) == {}


def fill(market, crowd, purses):
    def work(request):
        for id, minor in zip(crowd, purses, strict=True):
            if minor:
                key = business_id("purse", id)
                gift = Transfer(key, provider_clearing("gift", "KES"), wallet(id, "KES"), minor, "gift", "test", "1")
                request.find_service(LedgerService).transfer([gift], event_id=key)

    market.perform(work)


def test_the_clock_in_the_tests_hand_is_the_one_that_counts(market):
    set_clock(market, START + timedelta(days=400))
    with market.registry["engine"].connect() as connection:
        assert connection.execute(text("SELECT market_clock()")).scalar_one() == START + timedelta(days=400)
