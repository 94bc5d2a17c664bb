"""Whatever is changed in an auction's log, or beside it, is found by running the engine over the log again."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy.exc import DBAPIError

from marketcore_auctions.auditing import audit
from marketcore_auctions.bidding import Refusal
from marketcore_auctions.chain import GENESIS, make_entry, read_entry
from marketcore_auctions.commands import auctions
from marketcore_auctions.replay import replay

from .saleroom import bid_on, close_all, differences, log_of, open_market, people, put_up, service

LOTS = 60
MAXIMA = [(0, 500), (1, 300), (2, 900), (1, 920), (3, 950)]


@pytest.fixture(scope="module")
def market(servers, templates, tmp_path_factory):
    with open_market(servers, templates, tmp_path_factory.mktemp("data"), auctions__retraction_hours="0") as market:
        yield market


@pytest.fixture(scope="module")
def sold(market):
    """Auctions that were bid for, one bidder having retracted, and sold; each test takes one."""
    seller, *bidders = people(market, 5)
    ids = put_up(
        market, seller, LOTS, reserve_minor=200, soft_close="extend", window_seconds=7200, extension_seconds=1,
        cap=timedelta(seconds=2),
    )  # fmt: skip
    for place, maximum in MAXIMA:
        bid_on(market, ids, bidders[place], maximum)
    for id in ids:
        service(market, "retract", id, bidders[3])
    bid_on(market, ids, bidders[0], 1000)
    market.travel("2 hours")
    assert close_all(market) == LOTS
    assert differences(market, *ids) == {}
    return ids


@pytest.fixture
def lot(sold):
    return sold.pop()


def tamper(market, lot, *statements, **values):
    """Change what nobody should: the triggers that keep the log are off for as long as it takes."""
    market.query("ALTER TABLE auctions_log DISABLE TRIGGER USER")
    for statement in statements:
        market.query(statement, id=lot, **values)
    market.query("ALTER TABLE auctions_log ENABLE TRIGGER USER")


def found(market, lot):
    return audit(market.registry["engine"], lot).differences


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def rewrite(market, lot, change, *, whole=False):
    """Write the log anew with its entries changed by ``change``; ``whole``: so that the chain fits again."""
    entries = [json.loads(text) for text, _hash in log_of(market, lot)]
    change(entries)
    head, rows = GENESIS, []
    for entry in entries:
        if whole:
            entry["prev"] = head
        text = json.dumps(entry, separators=(",", ":"))
        head = sha(text)
        rows.append((entry["seq"], text, head))
    for seq, text, hash in rows:
        update = "UPDATE auctions_log SET text = :text, hash = :hash WHERE auction_id = :id AND seq = :seq"
        tamper(market, lot, update, text=text, hash=hash, seq=seq)
    if whole:
        tamper(market, lot, "UPDATE auctions_standings SET head = :head WHERE listing_id = :id", head=head)
    return head


def log(column, value, seq=3):
    return f"UPDATE auctions_log SET {column} = {value} WHERE auction_id = :id AND seq = {seq}"


def standing(column, value):
    return f"UPDATE auctions_standings SET {column} = {value} WHERE listing_id = :id"


def terms(column, value):
    return f"UPDATE auctions_auctions SET {column} = {value} WHERE listing_id = :id"


SWAP = """UPDATE auctions_log l SET text = o.text, hash = o.hash FROM auctions_log o
          WHERE l.auction_id = :id AND o.auction_id = :id AND (l.seq, o.seq) IN ((3, 4), (4, 3))"""
RENUMBER = "UPDATE auctions_log SET seq = seq - 1 WHERE auction_id = :id AND seq > 3"
DELETE = "DELETE FROM auctions_log WHERE auction_id = :id AND seq = {}"
TAMPERINGS = {
    "a text": log("text", "replace(text, '300', '310')"),
    "a salt": log("text", 'regexp_replace(text, \'"salt":"...\', \'"salt":"000\')'),
    "a hash": log("hash", "repeat('0', 64)"),
    "the column of a maximum": log("maximum_minor", "maximum_minor + 1"),
    "the column of a price": log("price_minor", "price_minor + 1"),
    "the column of a bidder": log("bidder_id", "bidder_id + 1"),
    "the column of a leader": log("leader_id", "bidder_id"),
    "the column of a kind": log("kind", "'retracted'"),
    "the column of a moment": log("at", "at + interval '1 microsecond'"),
    "two entries swapped": SWAP,
    "an entry in the middle gone": DELETE.format(3),
    "an entry in the middle gone, the rest moved up": (DELETE.format(3), RENUMBER),
    "the last entry gone": DELETE.format(9),
    "the first entry gone": DELETE.format(1),
    "all gone": "DELETE FROM auctions_log WHERE auction_id = :id",
    "an entry twice": """INSERT INTO auctions_log (auction_id, seq, kind, at, name, text, hash)
                         SELECT auction_id, 10, kind, at, name, text, hash FROM auctions_log
                         WHERE auction_id = :id AND seq = 9""",
    "the price it stands at": standing("price_minor", "price_minor - 1"),
    "its leader": standing("leader_id", "leader_id - 1"),
    "its leader's maximum": standing("leader_max_minor", "leader_max_minor + 1"),
    "its runner-up": standing("runner_up_minor", "runner_up_minor - 1"),
    "its number of bids": standing("bids", "bids + 1"),
    "its end": standing("ends_at", "ends_at - interval '1 microsecond'"),
    "its extensions": standing("extensions", "extensions + 1"),
    "its last entry's number": standing("seq", "seq + 1"),
    "its head": standing("head", "repeat('0', 64)"),
    "its outcome": standing("outcome", "'unsold'"),
    "its state": "UPDATE auctions_standings SET state = 'open', outcome = NULL WHERE listing_id = :id",
    "the starting price": terms("start_minor", "start_minor - 1"),
    "the reserve price": terms("reserve_minor", "NULL"),
    "the buy-now price": terms("buy_now_minor", "5000"),
    "the increments": terms("increments", "'[[0, 20]]'"),
    "the planned end": terms("ends_at", "ends_at - interval '1 second'"),
    "the latest end": terms("latest_end_at", "latest_end_at + interval '1 second'"),
    "the start": terms("starts_at", "starts_at + interval '1 second'"),
    "the soft close": terms("soft_close", "'none'"),
    "the window": terms("window_seconds", "2"),
    "the extension": terms("extension_seconds", "2"),
    "the currency": terms("currency", "'USD'"),
    "an award's price": "UPDATE auctions_awards SET price_minor = price_minor - 1 WHERE auction_id = :id",
    "an award's winner": "UPDATE auctions_awards SET bidder_id = bidder_id - 1 WHERE auction_id = :id",
    "an award gone": "DELETE FROM auctions_awards WHERE auction_id = :id",
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_whatever_is_changed_behind_the_logs_back_is_found(market, lot, name):
    statements = TAMPERINGS[name]
    assert found(market, lot) == []
    tamper(market, lot, *([statements] if isinstance(statements, str) else statements))
    assert found(market, lot) != []


def _set(place, **values):
    return lambda entries: entries[place].update(values)


def _drop(place, *names):
    return lambda entries: [entries[place].pop(name) for name in names]


def _exclude_the_winner(entries):
    entries[-1]["without"] = [entries[-1]["bidder"]]


REWRITINGS = {
    "a higher maximum": (_set(2, maximum=901), "the engine"),
    "a lower maximum than the next minimum": (_set(3, maximum=101), "the engine refuses this bid"),
    "a price": (_set(4, price=911), "the engine"),
    "a leader": (_set(4, leader="0" * 16), "the engine"),
    "an end": (_set(4, ends_at="2030-01-01T00:00:00Z"), "the engine"),
    "a bid after the end": (_set(7, at="2030-01-01T00:00:00Z"), "'bid' after the end"),
    "a bid of nobody": (_drop(2, "bidder"), "a bid is somebody's"),
    "a bid up to nothing": (_drop(2, "maximum"), "a bid is somebody's"),
    "a retraction by somebody else": (_set(6, bidder="0" * 16), "nothing was there to retract"),
    "another winner": (_set(8, bidder="0" * 16), "it awards"),
    "a price to pay": (_set(8, price=1), "it awards"),
    "the winner left out": (_exclude_the_winner, "it awards"),
    "an award before the end": (_set(8, at="2026-01-01T00:00:00Z"), "before its end"),
    "a second award without a first": (_set(8, round=2), "does not belong after 0 awards"),
    "another auction's number": (_set(5, auction=10**6), "it is of auction 1000000"),
    "another number": (_set(5, seq=7), "its number is 7"),
    "an unknown kind": (_set(5, kind="wish"), "'wish' does not belong here"),
    "a field too many": (_set(5, note="?"), "written in one way only"),
    "a moment without a zone": (_set(5, at="2026-01-01T00:00:00"), "it cannot be read"),
    "no terms": (_drop(0, "terms"), "opened once, with its terms"),
    "terms without an end": (lambda entries: entries[0]["terms"].pop("ends_at"), "terms cannot be read"),
    "terms without increments": (lambda entries: entries[0]["terms"].update(increments=[]), "terms cannot be read"),
    "terms told twice": (_set(1, kind="opened"), "an auction is opened once"),
}


@pytest.mark.parametrize("name", REWRITINGS)
def test_a_log_that_is_rewritten_with_a_chain_that_fits_still_has_to_agree_with_the_engine(market, sold, name):
    """Whoever rewrites everything after a change, hashes included, is left with what the engine says of it."""
    change, why = REWRITINGS[name]
    entries = [json.loads(text) for text, _hash in log_of(market, sold[0])]
    change(entries)
    rewritten, head = [], GENESIS
    for entry in entries:
        entry["prev"] = head
        text = json.dumps(entry, separators=(",", ":"))
        head = sha(text)
        rewritten.append((text, head))
    result = replay(rewritten)
    assert any(why in difference for difference in result.differences), result.differences


def test_a_name_that_is_given_twice_in_an_entry_is_not_read(market, sold):
    (text, _hash), *rest = log_of(market, sold[0])
    twice = text[:-1] + ',"kind":"opened"}'
    result = replay([(twice, sha(twice)), *rest])
    assert any("written in one way only" in difference for difference in result.differences)


def test_what_is_no_entry_at_all_is_told_and_does_not_stop_the_replay(market, sold):
    log = log_of(market, sold[0])
    for nothing in ("", "{}", "[]", "nonsense", '{"auction":"x"}', "null"):
        result = replay([*log[:4], (nothing, sha(nothing)), *log[4:]])
        assert any("entry 5: it cannot be read" in difference for difference in result.differences)
        assert result.entries == len(log) + 1


def test_a_forged_bid_that_fits_the_chain_and_the_standing_is_refused_by_the_engine(market, lot):
    last = read_entry(log_of(market, lot)[-1][0])
    ((row,),) = market.query("SELECT to_jsonb(s) FROM auctions_standings s WHERE listing_id = :id", id=lot)
    text, hash = make_entry(lot, 10, "bid", last.at + timedelta(seconds=1), row["head"], bidder=last.bidder,
                            maximum=5000, price=last.price, leader=last.leader, ends_at=last.ends_at)  # fmt: skip
    insert = """INSERT INTO auctions_log (auction_id, seq, kind, at, bidder_id, maximum_minor, price_minor, leader_id,
                                          text, hash)
                SELECT :id, 10, 'bid', :at, bidder_id, 5000, price_minor, leader_id, :text, :hash FROM auctions_log
                WHERE auction_id = :id AND seq = 9"""
    tamper(market, lot, insert, at=last.at + timedelta(seconds=1), text=text, hash=hash)
    tamper(market, lot, "UPDATE auctions_standings SET seq = 10, head = :hash WHERE listing_id = :id", hash=hash)
    assert [difference for difference in found(market, lot) if str(Refusal.OVER) in difference]


def test_a_log_rewritten_from_the_first_entry_on_is_betrayed_by_any_hash_noted_before(market, lot):
    (noted,) = market.query("SELECT head FROM auctions_standings WHERE listing_id = :id", id=lot)[0]
    rewrite(market, lot, _set(0, salt="0" * 32), whole=True)
    assert found(market, lot) == []
    assert noted not in [hash for _text, hash in log_of(market, lot)]


@pytest.mark.parametrize(
    "statement", ["UPDATE auctions_log SET name = 'x'", "DELETE FROM auctions_log", "TRUNCATE auctions_log"]
)
def test_the_database_refuses_to_change_the_log(market, sold, statement):
    with pytest.raises(DBAPIError, match="the log is append-only"):
        market.query(statement)
    assert differences(market, sold[0]) == {}


@pytest.fixture(scope="module")
def pages(market, sold):
    """The log of an auction as HTTP answers it, three entries a page, and the auction's document."""
    lot, found = sold.pop(), []
    with market.serving():
        http, after = market.client(), {}
        while True:
            page = http.get(f"/api/v1/auctions/{lot}/log", params={"limit": 3, **after})
            assert page.status_code == 200, page.text
            found.append(page.text)
            if page.json()["next"] is None:
                document = http.get(f"/api/v1/auctions/{lot}").json()
                return lot, found, document
            after = {"cursor": page.json()["next"]}


def replayed(lot, folder, pages, *options):
    """Run the command over ``pages``, a file each; return its exit code and what it says."""
    files = []
    for number, page in enumerate(pages):
        file = folder / f"page{number}.json"
        file.write_text(page)
        files += ["--file", str(file)]
    done = CliRunner().invoke(auctions, ["replay", str(lot), *files, *options])
    return done.exit_code, done.output


def test_anybody_can_replay_the_log_of_a_closed_auction_from_its_pages(tmp_path, pages):
    lot, texts, document = pages
    assert len(texts) == 3
    code, said = replayed(lot, tmp_path, texts, "--head", document["log_head"])
    assert (code, "9 entries, sold" in said, "the log and the engine agree" in said) == (0, True, True), said
    assert replayed(lot, tmp_path, ["\n".join(texts)])[0] == 0


def test_pages_that_are_missing_swapped_changed_or_of_another_auction_are_found(tmp_path, pages):
    lot, texts, document = pages
    wrong = {
        "missing at the end": texts[:-1],
        "missing at the beginning": texts[1:],
        "swapped": [texts[1], texts[0], texts[2]],
        "twice": [*texts, texts[2]],
        "changed": [texts[0].replace('\\"maximum\\":300', '\\"maximum\\":310'), *texts[1:]],
        "not a page": ["{}"],
        "not JSON": ["log"],
        "nothing": [""],
    }
    assert wrong["changed"] != texts
    assert {name for name, given in wrong.items() if replayed(lot, tmp_path, given)[0] != 1} == set()
    assert replayed(lot + 1, tmp_path, texts)[0] == 1
    assert replayed(lot, tmp_path, texts, "--head", "0" * 64)[0] == 1
    assert replayed(lot, tmp_path, texts, "--head", document["log_head"][:-1])[0] == 1


def test_the_command_says_by_its_exit_code_whether_log_and_database_agree(market, lot, tmp_path):
    ini = tmp_path / "market.ini"
    settings = {name: value for name, value in market.settings.items() if name != "marketcore.log_level"}
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    ini.write_text(f"[app:main]\nuse = egg:marketcore\n{lines}\n")

    def run(auction):
        paths = os.pathsep.join(path for path in sys.path if path)
        return subprocess.run(
            [sys.executable, "-m", "marketcore.cli", "-c", str(ini), "auctions", "replay", str(auction)],
            env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    good = run(lot)
    assert (good.returncode, "the log and the engine agree" in good.stdout) == (0, True), good.stdout + good.stderr
    tamper(market, lot, DELETE.format(9))
    bad = run(lot)
    assert (bad.returncode, "differences" in bad.stdout) == (1, True), bad.stdout + bad.stderr
    assert "the auction says (9," in bad.stdout
