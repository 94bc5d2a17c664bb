"""Jepsen's bank: whatever many clients do at once, every look at all accounts finds the same total."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from marketcore.db.session import make_engine
from marketcore.exceptions import InsufficientFunds
from marketcore.ledger.accounts import commission, wallet
from marketcore.ledger.services import LedgerService
from marketcore.testing.delay import distant

from .books import fund, hold, move, transfer
from .crowd import together

ACCOUNTS, TOTAL, MAX_TRANSFER, CLIENTS = 8, 100, 5, 16
LONG = bool(os.environ.get("MARKETCORE_LONG"))
TRANSFERS_EACH = 100_000 // CLIENTS if LONG else 352
# Through the proxy every statement takes so many seconds longer; there, too, the long form makes 5,000 transfers.
DELAY, DISTANT_EACH = (0.1, 5_008 // CLIENTS) if LONG else (0.002, 10)
WALLETS = [wallet(number, "KES") for number in range(ACCOUNTS)]
# Hot and deferred, so it takes part in every sum through its deltas.
SHARED = commission("KES")
SNAPSHOT = text("""
SELECT sum(a.credits_posted - a.debits_posted + coalesce(d.net, 0)),
       min(a.credits_posted - a.debits_posted - a.debits_pending) FILTER (WHERE a.guard = 'credit'),
       sum(a.debits_pending + coalesce(d.debits_pending, 0)), sum(a.credits_pending + coalesce(d.credits_pending, 0)),
       count(*)
FROM ledger_accounts a
LEFT JOIN (
    SELECT account_id, sum(credits_posted - debits_posted) AS net,
           sum(debits_pending) AS debits_pending, sum(credits_pending) AS credits_pending
    FROM ledger_deltas GROUP BY account_id
) d ON d.account_id = a.id
WHERE a.purpose IN ('wallet', 'commission')
""")


def pick(chance: random.Random) -> tuple[Any, Any, int]:
    """Return where from, where to and how much; now and then the shared account takes part."""
    debit, credit = chance.sample(WALLETS, 2)
    if chance.random() < 0.1:
        credit = SHARED
    elif chance.random() < 0.1:
        debit = SHARED
    return debit, credit, chance.randint(1, MAX_TRANSFER)


def pay(session: Session, chance: random.Random) -> str:
    transfer(session, move(*pick(chance)))
    return "paid"


def reserve_and_resolve(session: Session, chance: random.Random) -> str:
    reserved = hold(*pick(chance))
    transfer(session, reserved)
    session.commit()
    ledger = LedgerService(session)
    if chance.random() < 0.5:
        ledger.void(reserved.id, id=uuid4(), event_id=uuid4())
        return "voided"
    ledger.post(reserved.id, chance.randint(1, reserved.minor), id=uuid4(), event_id=uuid4())
    return "posted"


def look(session: Session, _chance: random.Random) -> str:
    total, lowest, debits_pending, credits_pending, count = session.execute(SNAPSHOT).one()
    assert (total, debits_pending, count) == (TOTAL, credits_pending, ACCOUNTS + 1)
    assert lowest >= 0
    return "looked"


def roll(session: Session, _chance: random.Random) -> str:
    LedgerService(session).roll_deltas(limit=20)
    return "rolled"


def client(session: Session, number: int, seed: int, share: int) -> Counter[str]:
    """Act until this client's ``share`` of the transfers has been made; count what happened."""
    chance, done = random.Random(seed + number), Counter[str]()
    deadline = time.monotonic() + (3600 if LONG else 100)
    while done["paid"] + 2 * (done["posted"] + done["voided"]) < share:
        assert time.monotonic() < deadline, f"too slow: {done}"
        act = chance.choices([pay, reserve_and_resolve, look, roll], [70, 15, 25, 3])[0]
        try:
            done[act(session, chance)] += 1
            session.commit()
        except InsufficientFunds:
            session.rollback()
            done["refused"] += 1
    return done


def open_bank(session: Session) -> int:
    """Give everybody something, and return the seed of what follows."""
    seed = int(os.environ.get("MARKETCORE_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed={seed}")
    fund(session, 0, TOTAL)
    transfer(session, *(move(WALLETS[0], account, 5) for account in [*WALLETS[1:], SHARED]))
    session.commit()
    return seed


def run_bank(engine: Engine, session: Session, share: int) -> Counter[str]:
    """Let the clients make ``share`` transfers each through ``engine``; count what happened."""
    seed = open_bank(session)
    clients: list[Callable[[Session], Any]] = [
        partial(client, number=n, seed=seed, share=share) for n in range(CLIENTS)
    ]
    done = sum(together(engine, *clients), Counter())
    made = session.execute(text("SELECT count(*) FROM ledger_transfers")).scalar_one()
    assert made >= CLIENTS * share
    assert look(session, random.Random()) == "looked"
    return done


@pytest.mark.timeout(3600 if LONG else 120)
def test_no_look_at_the_bank_ever_finds_money_made_or_lost(engine: Engine, session: Session, differences: Any) -> None:
    done = run_bank(engine, session, TRANSFERS_EACH)
    assert CLIENTS * TRANSFERS_EACH >= 5_000
    assert min(done[what] for what in ("paid", "posted", "voided", "looked", "rolled", "refused")) > 0
    assert differences() == []


@pytest.mark.timeout(3600 if LONG else 120)
def test_nor_does_it_where_every_statement_travels_far(database_url: str, session: Session, differences: Any) -> None:
    with distant(database_url, DELAY) as proxy:
        engine = make_engine(proxy.url(database_url), pool_size=20)
        try:
            done = run_bank(engine, session, DISTANT_EACH)
        finally:
            engine.dispose()
    assert proxy.connections >= CLIENTS
    assert min(done[what] for what in ("paid", "looked")) > 0
    assert differences() == []
