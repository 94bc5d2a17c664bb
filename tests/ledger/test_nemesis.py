"""The bank while its processes are killed and its connections cut: what was acknowledged is there, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from marketcore.ledger.accounts import wallet

from .books import fund, move, transfer

LONG = bool(os.environ.get("MARKETCORE_LONG"))
SECONDS = 1800 if LONG else 8
TELLERS, TOTAL = 4, 100
_SUM = """SELECT sum(credits_posted - debits_posted), min(credits_posted - debits_posted)
          FROM ledger_accounts WHERE purpose = 'wallet'"""
_CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class Teller:
    """A process, and everything it has said so far; a killed one is replaced."""

    def __init__(self, url: str, seed: int, folder: Path) -> None:
        self.url, self.said = url, folder / f"{seed}.txt"
        self.start(seed)

    def start(self, seed: int) -> None:
        with self.said.open("a") as out:
            command = [sys.executable, str(Path(__file__).with_name("teller.py")), self.url, str(seed)]
            self.process = subprocess.Popen(command, stdout=out)

    def die(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def told(folder: Path) -> tuple[set[str], set[str]]:
    """Return the ids that were tried, and those that were acknowledged; a last word cut short says nothing."""
    lines = [line.split() for said in folder.glob("*.txt") for line in said.read_text().splitlines(keepends=False)]
    words = [line for line in lines if len(line) == 2 and len(line[1]) == 36]
    return {id for verb, id in words if verb == "tries"}, {id for verb, id in words if verb == "made"}


def test_kills_and_cut_connections_lose_nothing_that_was_acknowledged_and_make_nothing_twice(
    session: Session,
    database_url: str,
    query: Callable[..., list[Any]],
    differences: Callable[[], list[Any]],
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("MARKETCORE_SEED", random.SystemRandom().randrange(2**31)))
    print(f"seed={seed}")
    chance = random.Random(seed)
    fund(session, 0, TOTAL)
    transfer(session, *(move(wallet(0, "KES"), wallet(number, "KES"), 12) for number in range(1, 8)))
    session.commit()
    before = {str(row.id) for row in query("SELECT id FROM ledger_transfers")}
    tellers = [Teller(database_url, seed + number, tmp_path) for number in range(TELLERS)]
    kills, end = 0, time.monotonic() + SECONDS
    try:
        while time.monotonic() < end or kills < 3:
            time.sleep(chance.uniform(0.8, 1.6))
            total, lowest = query(_SUM)[0]
            assert (total, lowest >= 0) == (TOTAL, True)
            victim = chance.choice(tellers)
            victim.die()
            victim.start(seed + 1000 + kills)
            kills += 1
            if kills % 4 == 0:
                query(_CUT)
    finally:
        for teller in tellers:
            teller.die()
    query(_CUT)
    tried, made = told(tmp_path)
    there = {str(row.id) for row in query("SELECT id FROM ledger_transfers")} - before
    assert made <= there <= tried
    assert len(made) > 50
    assert query(_SUM)[0][0] == TOTAL
    assert differences() == []
