"""A process that dies at any named point of a payout leaves one payout, right books and nothing stuck."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CONFIGURED = (
    "import json, os; from marketcore.config import configure;"
    "registry = configure(json.loads(os.environ['MARKET'])).registry;"
)
WORK = CONFIGURED + "from marketcore.jobs.running import run_waiting; run_waiting(registry)"
RECONCILE = CONFIGURED + "from marketcore.payments.reconciler import reconcile; reconcile(registry)"


def die(desk, program, point):
    """Let a process run ``program`` until it dies at ``point``."""
    paths = [str(HERE), str(HERE / "fakebank"), *sys.path]
    process = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "PYTHONWARNINGS": "ignore",
            "MARKET": json.dumps(desk.market.settings),
            "MARKETCORE_CRASH_AT": point,
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()[-2000:]


@pytest.mark.parametrize(
    ("point", "sent"), [("payouts.before_submit", 0), ("payouts.after_submit", 1), ("payouts.before_commit", 1)]
)
def test_a_worker_that_dies_while_it_hands_a_payout_over(desk, point, sent):
    payout = desk.approved()
    die(desk, WORK, point)
    assert desk.state(payout) == "submitting"
    assert desk.balances() == {"in_payout": "1000.00"}
    assert desk.bank.moved.total() == sent
    desk.later()
    desk.ask_now()
    assert desk.state(payout) == ("sent" if sent else "approved")
    desk.ask_now()
    assert desk.state(payout) == "sent"
    desk.tell(payout, "paid")
    assert desk.codes() == ["pending payout", "post payout"]
    assert desk.bank.moved == {payout["id"]: 1}
    # When its lease has ended the dead worker's job runs again, and finds nothing to do.
    desk.market.travel("2 hours")
    desk.work()
    assert desk.row(payout).state == "paid"
    assert desk.bank.moved == {payout["id"]: 1}


@pytest.mark.parametrize("point", ["payouts.after_fetch", "payouts.before_commit"])
def test_a_reconciler_that_dies_with_the_answer_in_its_hands(desk, point):
    payout = desk.submitted()
    desk.bank.end(payout, "paid")
    desk.market.query("UPDATE payouts SET next_check_at = market_clock() WHERE id = :id", id=payout["id"])
    die(desk, RECONCILE, point)
    assert desk.state(payout) == "sent"
    assert desk.codes() == ["pending payout"]
    desk.market.travel("121 seconds")
    desk.ask_now()
    assert desk.state(payout) == "paid"
    assert desk.codes() == ["pending payout", "post payout"]


@pytest.mark.parametrize("point", ["destinations.before_enroll", "destinations.after_enroll"])
def test_a_process_that_dies_while_it_tells_the_bank_of_a_destination(desk, point):
    desk.market.query("UPDATE payout_destinations SET state = 'pending'")
    program = CONFIGURED + (
        "from uuid import UUID; from marketcore.payouts.destinations import enroll;"
        f"enroll(registry, UUID('{desk.destination['id']}'))"
    )
    die(desk, program, point)
    address = f"/api/v1/payout-destinations/{desk.destination['id']}"
    assert desk.seller.http.get(address).json()["state"] == "pending"
    assert desk.seller.http.post(f"{address}/link").json()["state"] == "active"
    payout = desk.approved()
    desk.work()
    assert desk.state(payout) == "sent"
    desk.tell(payout, "paid")
