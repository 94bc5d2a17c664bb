"""A process that dies under the hammer, or at the meter, leaves nothing half done, and the next one does it once.

``MARKETCORE_LONG=1`` lets a hundred and seventy die at the meter.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from marketcore.testing.dying import DyingWorkers

from .stage import ok

DEATHS = 170 if os.environ.get("MARKETCORE_LONG") else 12

CONFIGURED = """
import json, os, sys
from marketcore.config import configure
from marketcore.db.session import perform
registry = configure(json.loads(os.environ["STAGE"])).registry
print("ready", flush=True)
words = json.loads(sys.stdin.readline())
"""
HAMMER = """
from marketcore_auctions.conducting import AuctionConductor
perform(registry, lambda request: request.find_service(AuctionConductor).hammer(*words))
"""
METER = """
from marketcore_livestream.jobs import meter_streams
meter_streams(registry)
"""
VICTIMS = {"hammer": (HAMMER, "auctions.hammered"), "meter": (METER, "livestream.credits_taken")}


@pytest.fixture(scope="module")
def victims(stage, stage_settings):
    """Processes that wait for their word, by name; they are started at once, for that takes most of the time."""
    children = {name: start(CONFIGURED + program, stage_settings, point) for name, (program, point) in VICTIMS.items()}
    yield children
    for child in children.values():
        child.kill()
        child.communicate()


def start(program, settings, point):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONWARNINGS": "ignore",
        "STAGE": json.dumps(settings),
        "MARKETCORE_CRASH_AT": point,
    }
    return subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def die(child, *words):
    """Let a process do its work and be killed at its crash point."""
    assert child.stdout.readline() == "ready\n"
    child.communicate(json.dumps(words) + "\n", timeout=60)
    assert child.returncode == -signal.SIGKILL


def test_S4_a_process_killed_under_the_hammer_leaves_the_session_open_and_the_next_sells_it_once(stage, victims):
    seller, stream = stage.on_air()
    (buyer,) = stage.buyers(1)
    session = stage.open(seller, stream)
    ok(buyer.bid(session, 150), 201)
    ok(stage.step(seller, session, "pause"))
    die(victims["hammer"], session["id"], seller.id)
    assert (stage.look(session)["auction"]["state"], stage.stock(session), buyer.cart) == ("paused", (1, "active"), [])
    for _again in range(2):
        assert ok(stage.step(seller, session, "close"))["outcome"] == "sold"
    assert [(item["listing_id"], item["quantity"]) for item in buyer.cart] == [(session["id"], 1)]
    assert stage.stock(session) == (0, "paused")
    told = "SELECT count(*) FROM live_events WHERE channel = :name AND type = 'livestream.won'"
    assert stage.market.query(told, name=f"user:{buyer.id}") == [(1,)]


def test_S5_a_process_killed_at_the_meter_has_taken_nothing_and_the_next_takes_each_slot_once(stage, victims):
    seller, stream = stage.on_air(credits=4)
    poor, short = stage.on_air(credits=1)
    stage.travel(minutes=65)
    die(victims["meter"])
    # The first of both was being charged when the process died.
    assert (stage.slots(stream), seller.credits, stage.stream_state(short)) == ([0], 3, ("live", None))
    for _again in range(2):
        stage.meter()
    assert (stage.slots(stream), seller.credits) == ([0, 1, 2], 1)
    assert (stage.slots(short), poor.credits, stage.stream_state(short)) == ([0], 0, ("ended", "no_credits"))


@pytest.mark.timeout(900)
def test_R28_each_half_hour_of_a_stream_is_charged_once_however_many_workers_die(stage, stage_settings):
    on_air = [stage.on_air(credits=3 * DEATHS) for _ in range(3)]
    deaths = half_hours = 0
    with DyingWorkers(stage_settings) as workers:
        while deaths < DEATHS:
            half_hours += 1
            stage.travel(minutes=30)
            deaths += workers.die("livestream.meter_streams")
    for _again in range(2):
        stage.meter()
    for seller, stream in on_air:
        assert stage.slots(stream) == list(range(half_hours + 1))
        assert seller.credits == 3 * DEATHS - half_hours - 1
