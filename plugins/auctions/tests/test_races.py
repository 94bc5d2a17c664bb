"""Everybody bids on one lot at once, over HTTP and sockets, through several processes: one log, one leader."""

from __future__ import annotations

import http.client
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import pairwise
from threading import Barrier, Thread
from urllib.parse import urlsplit

import pytest

from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.ledger.verify import verify
from marketcore.testing.live import LiveClient, Refused
from marketcore.testing.live_process import free_port, wait_for_port
from marketcore.testing.market import Market
from marketcore_auctions.desk import Bid
from marketcore_auctions.refusals import BidTooLow

from .saleroom import PATIENCE, differences, kes, open_market, outcome, people, process, put_up, token

BIDDERS, BIDS = 50, 20
STEP = 1000
WEB = "from marketcore.web.server import serve; serve(registry)"
LIVE = "from marketcore.live.gateway.server import run; run(registry)"
FREELY = {"live__messages_per_second": "1000"}


@pytest.fixture(scope="module")
def market(servers, templates, tmp_path_factory):
    with open_market(servers, templates, tmp_path_factory.mktemp("data"), "wallet", **FREELY) as market:
        yield market


@pytest.fixture(scope="module")
def doors(market):
    """The ports of two web processes, this one and another, and of a live process."""
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        for program, setting, port in zip((WEB, LIVE), ("web", "live"), ports, strict=True):
            child = process(program, {**market.settings, f"{setting}.port": str(port)})
            stack.callback(_end, child)
        for port in ports:
            wait_for_port(port, 60)
        stack.enter_context(market.serving())
        yield [urlsplit(market.url).port, *ports]


def _end(child):
    child.kill()
    child.communicate()


class Bidder:
    """Somebody who bids what is asked for and a little more; what was accepted and what refused is kept.

    No maximum is given twice, and its last digits say whose it is.
    """

    def __init__(self, number, auction_id, user_id, seed):
        self.number = number
        self.auction_id = auction_id
        self.user_id = user_id
        self.accepted = {}
        self.refused = set()
        self._random = random.Random(f"{seed} {number}")
        self._least = STEP

    def next_maximum(self):
        while True:
            steps = self._random.choice((0, 0, 1, 1, 2, 5))
            maximum = (self._least // STEP + steps) * STEP + self._random.randrange(9) * 100 + self.number
            if maximum not in self.accepted and maximum not in self.refused:
                return maximum

    def hear(self, maximum, answer):
        """Take the document of an accepted bid."""
        assert (answer["maximum"]["amount"], answer["auction_id"]) == (f"{maximum / 100:.2f}", self.auction_id)
        self.accepted[maximum] = answer["seq"]
        self._least = _minor(answer["next_minimum"])

    def hear_refusal(self, maximum, problem):
        assert problem["type"] == "urn:marketcore:problem:bid-too-low", problem
        self.refused.add(maximum)
        self._least = _minor(problem["next_minimum"])


def _minor(money):
    return int(money["amount"].replace(".", ""))


def _body(maximum):
    return {"amount": f"{maximum // 100}.{maximum % 100:02}", "currency": "KES"}


def bid_over_http(bidder, port, bearer, start):
    """Let ``bidder`` bid 20 times over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    start.wait(PATIENCE)
    for _ in range(BIDS):
        maximum = bidder.next_maximum()
        body = json.dumps({"maximum": _body(maximum)})
        connection.request("POST", f"/api/v1/auctions/{bidder.auction_id}/bids", body, headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        if answer.status == 201:
            bidder.hear(maximum, document)
        else:
            assert answer.status == 409, document
            bidder.hear_refusal(maximum, document)
    connection.close()


def bid_over_socket(bidder, port, bearer, start):
    """Let ``bidder`` bid 20 times over one socket."""
    with LiveClient(f"ws://127.0.0.1:{port}", bearer, timeout=PATIENCE) as client:
        start.wait(PATIENCE)
        for number in range(BIDS):
            maximum = bidder.next_maximum()
            try:
                data = {"auction_id": bidder.auction_id, "maximum": _body(maximum)}
                bidder.hear(maximum, client.command("auctions.place_bid", data, number))
            except Refused as refused:
                bidder.hear_refusal(maximum, refused.problem)


class Listener(Thread):
    """Somebody who only watches, from the first bid to the last."""

    def __init__(self, auction_id, port):
        super().__init__(daemon=True)
        self._client = LiveClient(f"ws://127.0.0.1:{port}", timeout=PATIENCE)
        self.frame = self._client.subscribe(f"auction:{auction_id}")
        self.events = []
        self.last = None
        self._deadline = time.monotonic() + 2 * PATIENCE

    def run(self):
        with self._client:
            while self.last is None or not self.events or self.events[-1]["data"]["seq"] < self.last:
                with suppress(TimeoutError):
                    self.events.append(self._client.next_event(0.1))
                if time.monotonic() > self._deadline:
                    return


def entries(market, auction_id):
    return market.query("SELECT * FROM auctions_log WHERE auction_id = :id ORDER BY seq", id=auction_id)


def assert_one_truth(market, auction_id, bidders):
    """Prices rise by the increment, numbers have no gap, one leads, and each answer is the log's."""
    log = entries(market, auction_id)
    assert [entry.seq for entry in log] == list(range(1, len(log) + 1))
    for before, entry in pairwise(log[1:]):
        assert entry.price_minor >= before.price_minor + (STEP if entry.bidder_id != before.leader_id else 0)
    said = {(entry.bidder_id, entry.maximum_minor): entry.seq for entry in log[1:]}
    assert said == {(one.user_id, maximum): seq for one in bidders for maximum, seq in one.accepted.items()}
    assert len(said) == len(log) - 1
    ((standing,),) = market.query("SELECT to_jsonb(s) FROM auctions_standings s WHERE listing_id = :id", id=auction_id)
    highest = max(log[1:], key=lambda entry: entry.maximum_minor)
    assert (standing["leader_id"], standing["leader_max_minor"]) == (highest.bidder_id, highest.maximum_minor)
    assert (standing["bids"], standing["seq"]) == (len(log) - 1, len(log))
    assert differences(market, auction_id) == {}
    return log


def test_fifty_bidders_with_twenty_bids_each_at_once_over_http_and_sockets_through_three_processes(market, doors):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    seller, *users = people(market, BIDDERS + 1)
    (auction_id,) = put_up(market, seller, increments=[[0, STEP]], price=STEP)
    bidders = [Bidder(number, auction_id, user, seed) for number, user in enumerate(users)]
    bearers = [token(market, user) for user in users]
    start = Barrier(BIDDERS)
    listener = Listener(auction_id, doors[2])
    listener.start()
    with ThreadPoolExecutor(BIDDERS) as pool:
        runs = []
        for number, bidder in enumerate(bidders):
            bid_over, port = (bid_over_socket, doors[2]) if number % 5 < 2 else (bid_over_http, doors[number % 2])
            runs.append(pool.submit(bid_over, bidder, port, bearers[number], start))
        for run in runs:
            run.result()
    assert sum(len(one.accepted) + len(one.refused) for one in bidders) == BIDDERS * BIDS
    log = assert_one_truth(market, auction_id, bidders)
    assert len({entry.leader_id for entry in log}) > 1
    listener.last = len(log)
    listener.join(2 * PATIENCE)
    assert_heard_all(market, auction_id, listener, log)


def assert_heard_all(market, auction_id, listener, log):
    """The listener's snapshot and events are the database's stream: no gap, no reorder, and its last word the log's."""
    stored = market.query(
        'SELECT "offset", data FROM live_events WHERE channel = :name ORDER BY "offset"', name=f"auction:{auction_id}"
    )
    assert [row.offset for row in stored] == list(range(1, len(stored) + 1))
    assert listener.frame["snapshot"]["bids"] == 0
    heard = listener.frame["events"] + listener.events
    assert [event["offset"] for event in heard] == [row.offset for row in stored]
    assert [event["data"] for event in heard] == [row.data for row in stored]
    numbers = [row.data["seq"] for row in stored]
    assert numbers == sorted(set(numbers))
    for row in stored:
        entry = log[row.data["seq"] - 1]
        assert (_minor(row.data["price"]), row.data["log_head"]) == (entry.price_minor, entry.hash)
    assert numbers[-1] == len(log)


def fill(market, users, minor):
    def work(request):
        for id in users:
            key = business_id("purse", id)
            gift = Transfer(key, provider_clearing("gift", "KES"), wallet(id, "KES"), minor, "gift", "test", "1")
            request.find_service(LedgerService).transfer([gift], event_id=key)

    market.perform(work)


def test_two_desks_hold_the_deposit_of_each_leader_once_and_no_wallet_covers_more_than_it_has(market):
    """One wallet bids on many lots at once, and its money is enough for the lead of two."""
    deposit, lots = 5000, 5
    seller, *users = people(market, 9)
    fill(market, users, 2 * deposit + 1)
    ids = put_up(market, seller, lots, increments=[[0, STEP]], price=STEP, deposit_minor=deposit)
    other = Market(market.settings)
    bidders = {(user, id): Bidder(number, id, user, 7) for number, user in enumerate(users) for id in ids}
    start, short = Barrier(len(users)), []

    def run(user, desk):
        start.wait(PATIENCE)
        for _ in range(5):
            for id in ids:
                bidder = bidders[user, id]
                maximum = bidder.next_maximum()
                told = outcome(desk.place(Bid(id, user, kes(maximum))))
                if isinstance(told, dict):
                    bidder.hear(maximum, told)
                elif isinstance(told, BidTooLow):
                    bidder.hear_refusal(
                        maximum,
                        {"type": f"urn:marketcore:problem:{told.code}", "next_minimum": told.extra["next_minimum"]},
                    )
                else:
                    short.append(type(told).__name__)

    with ThreadPoolExecutor(len(users)) as pool:
        desks = [market.registry["bid desk"], other.registry["bid desk"]]
        for future in [pool.submit(run, user, desks[number % 2]) for number, user in enumerate(users)]:
            future.result()
    desks[1].close()
    other.registry["live sender"].close()
    other.close()
    assert set(short) <= {"InsufficientFunds"}
    for id in ids:
        assert_one_truth(market, id, [one for one in bidders.values() if one.auction_id == id])
    leaders = [row.leader_id for row in market.query(
        "SELECT leader_id FROM auctions_standings WHERE listing_id = ANY(:ids)", ids=ids)]  # fmt: skip

    def read(request):
        ledger = request.find_service(LedgerService)
        return {user: ledger.balance(wallet(user, "KES")) for user in users}

    for user, balance in market.perform(read).items():
        assert balance.reserved_minor == leaders.count(user) * deposit
        assert balance.available_minor == 2 * deposit + 1 - balance.reserved_minor
    with market.registry["engine"].connect() as connection:
        assert verify(connection) == []
