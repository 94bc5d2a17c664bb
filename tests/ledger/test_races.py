"""Two resolvers of one hold, at the same instant: one wins, the other is told so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from marketcore.db import clock
from marketcore.exceptions import InsufficientFunds, MarketError
from marketcore.ledger.accounts import commission, seller_payable
from marketcore.ledger.refusals import AlreadyPosted, AlreadyVoided
from marketcore.ledger.services import LedgerService

from .books import fund, hold, move, transfer
from .crowd import together

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
AHEAD = text(
    "SELECT set_config('marketcore.clock_shift', (expires_at - clock_timestamp() + interval '30 min')::text, true)"
    " FROM ledger_transfers WHERE id = :id"
)
RACES = 1_000
LONELY = timedelta(seconds=30)


def post(session: Session, pending_id: UUID) -> str:
    LedgerService(session).post(pending_id, id=uuid4(), event_id=uuid4())
    return "post"


def void(session: Session, pending_id: UUID) -> str:
    LedgerService(session).void(pending_id, id=uuid4(), event_id=uuid4())
    return "void"


def expire(session: Session, pending_id: UUID) -> str:
    """Sweep with a clock that is ahead: for this session the hold has expired and those after it have not."""
    session.execute(AHEAD, {"id": pending_id})
    return "void" if LedgerService(session).void_expired() else "too late"


def racer(act: Callable[[Session, UUID], str], holds: list[UUID], start: Barrier) -> Callable[[Session], list[str]]:
    """Return a client that resolves every hold in step with its rival, and what came of each."""

    def outcome(session: Session, pending_id: UUID) -> str:
        try:
            done = act(session, pending_id)
            session.commit()
            return done
        except MarketError as refusal:
            session.rollback()
            return type(refusal).__name__

    def run(session: Session) -> list[str]:
        try:
            outcomes = []
            for pending_id in holds:
                start.wait(LONELY.seconds)
                outcomes.append(outcome(session, pending_id))
                start.wait(LONELY.seconds)
            return outcomes
        except BaseException:
            start.abort()
            raise

    return run


def race(engine: Engine, session: Session, left: Any, right: Any, count: int) -> list[frozenset[str]]:
    """Let ``left`` and ``right`` meet over ``count`` holds of one unit each; return both outcomes of each race."""
    buyer = fund(session, 1, count)
    first = clock.now(session) + timedelta(hours=1)
    made = [hold(buyer, seller_payable(2, "KES"), 1, first + timedelta(hours=n)) for n in range(count)]
    transfer(session, *made)
    session.commit()
    start, ids = Barrier(2), [transfer.id for transfer in made]
    outcomes = together(engine, racer(left, ids, start), racer(right, ids, start))
    return [frozenset(pair) for pair in zip(*outcomes, strict=True)]


ENDS = {
    "two posts": (post, post, [{"post", "AlreadyPosted"}]),
    "post and void": (post, void, [{"post", "AlreadyPosted"}, {"void", "AlreadyVoided"}]),
    "expiry and post": (expire, post, [{"post", "too late"}, {"void", "AlreadyVoided"}]),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_hold_ends_exactly_once_whoever_races(
    engine: Engine, session: Session, query: Any, differences: Any, name: str
) -> None:
    left, right, allowed = ENDS[name]
    count = -(-RACES // len(ENDS))
    outcomes = race(engine, session, left, right, count)
    assert len(outcomes) == count
    assert {frozenset(ends) for ends in outcomes} <= {frozenset(ends) for ends in allowed}
    posted = sum("post" in ends for ends in outcomes)
    resolutions = query(
        "SELECT count(*), count(DISTINCT pending_id) FROM ledger_transfers WHERE pending_id IS NOT NULL"
    )
    assert resolutions == [(count, count)]
    assert LedgerService(session).balance(seller_payable(2, "KES")).posted_minor == posted
    assert differences() == []


def test_one_wallet_is_never_spent_twice_by_ten_buyers_at_once(
    engine: Engine, session: Session, differences: Any
) -> None:
    account = fund(session, 1, 35)
    session.commit()
    start = Barrier(10)

    def spend(mine: Session) -> int:
        start.wait(LONELY.seconds)
        try:
            transfer(mine, hold(account, commission("KES"), 10))
            mine.commit()
            return 10
        except InsufficientFunds:
            mine.rollback()
            return 0

    assert sum(together(engine, *[spend] * 10)) == 30
    assert LedgerService(session).balance(account).available_minor == 5
    assert differences() == []


def test_one_effect_sent_ten_times_at_once_happens_once(engine: Engine, session: Session, differences: Any) -> None:
    account = fund(session, 1, 100)
    session.commit()
    start, id = Barrier(10), uuid4()

    def send(mine: Session) -> str:
        start.wait(LONELY.seconds)
        [written] = transfer(mine, move(account, commission("KES"), 10, id))
        mine.commit()
        return written

    assert sorted(together(engine, *[send] * 10)) == ["created"] + ["exists"] * 9
    assert LedgerService(session).balance(account).available_minor == 90
    assert differences() == []


def test_opposite_transfers_between_the_same_accounts_do_not_deadlock(
    engine: Engine, session: Session, differences: Any
) -> None:
    left, right = fund(session, 1, 1_000), fund(session, 2, 1_000)
    session.commit()

    def shuttle(debit: Any, credit: Any) -> Callable[[Session], None]:
        def run(mine: Session) -> None:
            for _ in range(100):
                transfer(mine, move(debit, credit, 1))
                mine.commit()

        return run

    together(engine, shuttle(left, right), shuttle(right, left), shuttle(left, right), shuttle(right, left))
    assert LedgerService(session).balance(left).available_minor == 1_000
    assert differences() == []


def test_a_post_that_waited_for_another_resolver_until_the_hold_expired_is_too_late(
    engine: Engine, session: Session
) -> None:
    """The clock is read after the wait: the loser of a rolled-back race may not post an expired hold."""
    buyer = fund(session, 1, 10)
    expires_at = clock.now(session) + timedelta(seconds=1)
    held = hold(buyer, commission("KES"), 10, expires_at)
    transfer(session, held)
    session.commit()
    void(session, held.id)

    def wait_in_line(mine: Session) -> str:
        try:
            return post(mine, held.id)
        except MarketError as refusal:
            return type(refusal).__name__

    def let_go(mine: Session) -> str:
        for _ in range(600):
            if mine.execute(WAITING).scalar_one() and clock.now(mine) > expires_at:
                session.rollback()
                return "let go"
            mine.rollback()
            mine.execute(text("SELECT pg_sleep(0.05)"))
        raise AssertionError("the second resolver never waited for the first")

    assert together(engine, wait_in_line, let_go) == ["HoldExpired", "let go"]


def test_the_refusals_of_a_race_are_conflicts() -> None:
    assert {AlreadyPosted.status, AlreadyVoided.status} == {409}
    assert {AlreadyPosted.code, AlreadyVoided.code} == {"already-posted", "already-voided"}
