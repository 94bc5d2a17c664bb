"""While an auction runs, nothing that anybody is told gives away another's maximum, name or account."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from marketcore.testing.live import LiveClient, LiveServer
from marketcore_auctions.chain import GENESIS, hash_of, make_entry, pseudonym, read_entry

from .saleroom import bid, close_all, log_of, open_market, people, put_up, service, token

FIRST_USER = 7_310_000
# Far apart, so that no price on the way is any of them; long, so that no time or hash has them by chance.
MAXIMA = [1_234_571_113, 3_456_791_317, 2_345_611_719, 8_765_431_923, 5_678_912_329, 9_876_532_931]
ENDPOINTS = (
    "/api/v1/auctions/{lot}", "/api/v1/auctions/{lot}/bids", "/api/v1/auctions?state=open",
    "/api/v1/users/me/auctions?role=bidding", "/api/v1/users/me/auctions?role=selling",
    "/api/v1/users/me/auctions?role=watching", "/api/v1/listings/{lot}", "/api/v1/listings",
    "/api/v1/auctions/{lot}/log",
)  # fmt: skip


@pytest.fixture(scope="module")
def market(servers, templates, tmp_path_factory):
    with open_market(
        servers, templates, tmp_path_factory.mktemp("data"), live__port="0", live__messages_per_second="1000"
    ) as market:
        market.query(f"ALTER TABLE users ALTER COLUMN id RESTART WITH {FIRST_USER}")
        with market.serving():
            yield market


class Eavesdropper:
    """Collects everything that one person, or a stranger, can get hold of."""

    def __init__(self, market, live, lot, user=None):
        bearer = token(market, user) if user else None
        self.user = user
        self.lot = lot
        self.heard = []
        self._http = market.client(bearer)
        self._socket = LiveClient(live.url, bearer)
        self._join(f"auction:{lot}")
        if user:
            self._join(f"user:{user}")

    def _join(self, channel):
        self.heard.append(json.dumps(self._socket.subscribe(channel)))

    def ask(self):
        """Ask every address about the auction, by every method that answers; and see what the socket has brought."""
        for endpoint in ENDPOINTS:
            answer = self._http.get(endpoint.format(lot=self.lot))
            self.heard.append(answer.text + str(dict(answer.headers)))
        low = {"maximum": {"amount": "1.00", "currency": "KES"}}
        self.heard.append(self._http.post(f"/api/v1/auctions/{self.lot}/bids", json=low).text)
        self.heard.append(self._http.put(f"/api/v1/auctions/{self.lot}/watch").text)

    def close(self, events):
        """Hear so many events of the auction, and what came for the person with them."""
        while sum('"channel":"auction:' in text for text in self.heard if text.startswith('{"op":"event"')) < events:
            self.heard.append(json.dumps(self._socket.next_event(), separators=(",", ":")))
        self._socket.ping()
        self.heard += [json.dumps(event) for event in self._socket._events]
        self._socket.close()


def written(minor):
    """Return how an amount may be written: as minor units or with a point."""
    return str(minor), f"{minor // 100}.{minor % 100:02}"


def test_nothing_that_is_told_before_the_end_contains_a_secret_of_somebody_else(market):
    seller, watcher, *bidders = people(market, 2 + len(MAXIMA))
    names = dict(market.query("SELECT id, username FROM users"))
    (lot,) = put_up(market, seller, price=10_000, reserve_minor=4_000_000_000, buy_now_minor=50_000_000_000)
    service(market, "watch", lot, watcher, watching=True)
    with LiveServer(market.registry) as live:
        everybody = [Eavesdropper(market, live, lot, user) for user in (None, watcher, seller, *bidders)]
        for bidder, maximum in zip(bidders, MAXIMA, strict=True):
            bid(market, lot, bidder, maximum)
            for one in everybody:
                one.ask()
        events = market.query("SELECT count(*) FROM live_events WHERE channel = :name", name=f"auction:{lot}")[0][0]
        for one in everybody:
            one.close(events)
    accepted = market.query(
        "SELECT bidder_id, maximum_minor FROM auctions_log WHERE kind = 'bid' AND auction_id = :id", id=lot
    )
    assert len(accepted) == len(MAXIMA)
    for one in everybody:
        assert len(one.heard) > 50
        everything = "\n".join(one.heard)
        for bidder, maximum in accepted:
            if bidder == one.user:
                continue
            for secret in written(maximum):
                assert secret not in everything, (one.user, secret)
            assert names[bidder] not in everything
            assert not re.search(rf"\b{bidder}\b", everything), (one.user, bidder)
    leader = everybody[-1]
    assert f'"maximum":{{"amount":"{written(MAXIMA[-1])[1]}"' in "".join(leader.heard), "one's own is told"


def test_the_log_of_a_running_auction_is_told_to_nobody(market):
    seller, bidder = people(market, 2)
    (lot,) = put_up(market, seller)
    bid(market, lot, bidder, 500)
    for user in (None, seller, bidder):
        answer = market.client(token(market, user) if user else None).get(f"/api/v1/auctions/{lot}/log")
        assert (answer.status_code, "maxima are secret" in answer.json()["detail"]) == (409, True)


def test_the_hash_of_an_entry_does_not_give_its_maximum_away_to_whoever_tries_them_all(market):
    """All but the maximum and the salt of an entry is public: without the salt a hash could be guessed."""
    seller, bidder = people(market, 2)
    (lot,) = put_up(market, seller)
    bid(market, lot, bidder, 500)
    text, hash = log_of(market, lot)[-1]
    entry = read_entry(text)
    assert len(entry.salt) == 32
    others = {read_entry(text).salt for text, _hash in log_of(market, lot)}
    assert len(others) == 2
    assert hash_of(text.replace(entry.salt, "")) != hash == hash_of(text)


def test_one_bidder_has_one_pseudonym_in_an_auction_and_another_one_in_the_next(market):
    seller, bidder, rival = people(market, 3)
    lots = put_up(market, seller, 3)
    for lot in lots:
        for minor in (500, 700):
            bid(market, lot, bidder, minor)
        bid(market, lot, rival, 600)
    called = [{read_entry(text).bidder for text, _hash in log_of(market, lot)} - {None} for lot in lots]
    assert [len(names) for names in called] == [2, 2, 2]
    assert len(set.union(*called)) == 6
    keys = [bytes(row.key) for row in market.query("SELECT key FROM auctions_auctions")]
    assert len(set(keys)) == len(keys)
    assert pseudonym(keys[0], bidder) == pseudonym(keys[0], bidder) != pseudonym(keys[1], bidder)


def test_an_entry_reads_back_as_it_was_written_and_its_hash_is_the_next_ones_link():
    now = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    first, head = make_entry(1, 1, "opened", now, GENESIS, terms={"start": 1}, ends_at=now + timedelta(hours=1))
    second, _hash = make_entry(1, 2, "bid", now, head, bidder="b", maximum=5, price=1)
    assert hash_of(first) == head == read_entry(second).prev
    assert (read_entry(first).terms, read_entry(first).ends_at) == ({"start": 1}, now + timedelta(hours=1))
    assert (read_entry(second).at, read_entry(second).maximum) == (now, 5)
    assert make_entry(1, 1, "opened", now, GENESIS)[1] != make_entry(1, 1, "opened", now, GENESIS)[1]


def test_once_it_is_closed_anybody_reads_the_log_and_no_name_or_account_is_in_it(market):
    seller, *bidders = people(market, 3)
    names = dict(market.query("SELECT id, username FROM users"))
    (lot,) = put_up(market, seller, ends_in=timedelta(minutes=1))
    bid(market, lot, bidders[0], 500)
    bid(market, lot, bidders[1], 900)
    market.travel("2 hours")
    close_all(market)
    log = market.client().get(f"/api/v1/auctions/{lot}/log").text
    assert [json.loads(item["text"]).get("maximum") for item in json.loads(log)["items"]] == [None, 500, 900, None]
    for bidder in bidders:
        assert names[bidder] not in log
        assert str(bidder) not in log
