"""A marketplace full of auctions, made without detours: people and lots by SQL, everything else as in earnest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from marketcore.db import clock
from marketcore.money import Money
from marketcore.testing.databases import database_from
from marketcore.testing.market import Market
from marketcore_auctions.auditing import audit
from marketcore_auctions.desk import Bid
from marketcore_auctions.opening import open_auction
from marketcore_auctions.services import AuctionService

PATIENCE = 30
LONG_AGO = timedelta(hours=1)
# The beginning of a program that gets its marketplace's settings as JSON in an environment variable.
CONFIGURED = """
import json, os, sys
from marketcore.config import configure
registry = configure(json.loads(os.environ["SALEROOM"])).registry
"""
_PEOPLE = """INSERT INTO users (email, username, password_hash, roles)
             SELECT :tag || n || '@example.test', left(:tag, 8) || n, 'x', ARRAY['buyer','seller']
             FROM generate_series(1, :count) n RETURNING id"""
_SESSION = """INSERT INTO auth_sessions (user_id, expires_at) VALUES (:id, market_clock() + interval '30 days')
              RETURNING id, market_clock() AS now"""
_LISTINGS = """WITH goods AS (
                 INSERT INTO products (seller_id, title) SELECT :seller, 'Lot ' || n FROM generate_series(1, :count) n
                 RETURNING id)
               INSERT INTO listings (product_id, seller_id, kind, currency, price_minor, quantity)
               SELECT id, :seller, 'auction', CAST(:currency AS text), :price, 1 FROM goods RETURNING id"""


@contextmanager
def open_market(servers, templates, folder, *plugins, **settings):
    """Yield a marketplace with auctions over a database of its own; it is not served."""
    plugins = ("auctions", *plugins)
    with database_from(servers[0], templates(*plugins)) as url:
        market = Market(
            {
                "marketcore.plugins": " ".join(plugins),
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(folder),
                "marketcore.environment": "development",
                "marketcore.database_pool_size": "20",
                "marketcore.log_level": "error",
                # Tokens are made here and used in other processes.
                "marketcore.public_url": "http://127.0.0.1:8000",
                "web.threads": "16",
                **{key.replace("__", "."): value for key, value in settings.items()},
            }
        )
        yield market
        market.registry["bid desk"].close()
        market.registry["live sender"].close()
        market.close()


def people(market, count):
    """Return the ids of so many new people, who may sell and buy."""
    tag = uuid.uuid4().hex
    return [row.id for row in market.query(_PEOPLE, tag=f"{tag}-", count=count)]


def token(market, user_id):
    """Return a bearer token of a user."""
    ((session_id, now),) = market.query(_SESSION, id=user_id)
    return market.registry["access_tokens"].issue(user_id, session_id, now)


def listed(session, seller_id, count, price, currency="KES"):
    """Return the ids of so many new listings of one piece each, in order."""
    values = {"seller": seller_id, "count": count, "currency": currency, "price": price}
    return sorted(session.execute(text(_LISTINGS), values).scalars())


def put_up(
    market, seller_id, count=1, *, ends_in=timedelta(hours=1), apart=timedelta(0), price=100, currency="KES", **terms
):
    """Return the ids of ``count`` new auctions that began an hour ago; the n-th ends at ``ends_in + n * apart``."""
    with market.work() as request:
        ids = listed(request.db, seller_id, count, price, currency)
        now = clock.now(request.db)
        for number, listing_id in enumerate(ids):
            open_auction(request.db, listing_id, terms_for(now, now + ends_in + number * apart, **terms), now)
    return ids


def terms_for(now, ends_at, *, cap=timedelta(hours=1), starts_in=-LONG_AGO, **terms):
    """Return the columns of an auction's terms."""
    soft_close = terms.get("soft_close", "none")
    return {
        "reserve_minor": None,
        "buy_now_minor": None,
        "deposit_minor": None,
        "increments": [[0, 10]],
        "starts_at": now + starts_in,
        "ends_at": ends_at,
        "latest_end_at": ends_at if soft_close == "none" else ends_at + cap,
        "soft_close": "none",
        "window_seconds": 120,
        "extension_seconds": 120,
        "if_unpaid": "end",
        "relists_left": 0,
        **terms,
    }


def kes(minor):
    return Money(minor, "KES")


def bid(market, auction_id, user_id, minor):
    """Bid at the market's desk and return the answer, or raise the refusal."""
    return market.registry["bid desk"].place(Bid(auction_id, user_id, kes(minor))).result(PATIENCE)


def bid_on(market, auction_ids, user_id, minor):
    """Bid the same on many auctions and wait for all answers."""
    desk = market.registry["bid desk"]
    for future in [desk.place(Bid(auction_id, user_id, kes(minor))) for auction_id in auction_ids]:
        future.result(PATIENCE)


def outcome(future):
    """Return what a bid was answered: a document, or the exception."""
    return future.exception(PATIENCE) or future.result()


def service(market, method, *arguments, **named):
    """Call a method of the auction service in a unit of work."""
    return market.perform(lambda request: getattr(request.find_service(AuctionService), method)(*arguments, **named))


def close_all(market):
    """Close whatever is due; return how many auctions."""
    closed = 0
    while some := service(market, "close_due"):
        closed += some
    return closed


def log_of(market, auction_id):
    """Return the log as (text, hash)."""
    rows = market.query("SELECT text, hash FROM auctions_log WHERE auction_id = :id ORDER BY seq", id=auction_id)
    return [(row.text, row.hash) for row in rows]


def differences(market, *auction_ids):
    """Return what the replay of these auctions finds, by auction."""
    found = {id: audit(market.registry["engine"], id).differences for id in auction_ids}
    return {id: what for id, what in found.items() if what}


def process(program, settings, **environment):
    """Start a program of its own with ``settings``; its standard output can be read."""
    paths = [str(Path(__file__).parent), *sys.path]
    return subprocess.Popen(
        [sys.executable, "-c", CONFIGURED + program],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "PYTHONWARNINGS": "ignore",
            "SALEROOM": json.dumps(settings),
            **environment,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def until(condition, seconds=PATIENCE):
    """Wait until ``condition()`` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def await_ends(market, ids):
    """Wait until the time of these auctions is up by the database's clock."""
    running = "SELECT 1 FROM auctions_standings WHERE listing_id = ANY(:ids) AND ends_at > market_clock() LIMIT 1"
    until(lambda: not market.query(running, ids=list(ids)))
