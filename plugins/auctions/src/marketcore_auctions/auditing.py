"""An auction's log against everything else that the database says of the auction.

The chain proves that nothing within the log was changed. That nothing was cut off its end, and that the columns and
the other tables tell the same, only shows beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from marketcore_auctions.bidding import price_of
from marketcore_auctions.chain import Entry, pseudonym
from marketcore_auctions.lots import COLUMNS, standing_of_row, terms_of
from marketcore_auctions.replay import Replay, Replayed

_AUCTION = text(
    f"SELECT {COLUMNS} FROM auctions_auctions a JOIN auctions_standings s USING (listing_id) WHERE a.listing_id = :id"
)
_LOG = text(
    """SELECT seq, kind, at, bidder_id, maximum_minor, price_minor, leader_id, text, hash
       FROM auctions_log WHERE auction_id = :id ORDER BY seq"""
)
_COMPARED = (
    "ends_at", "leader_max", "runner_up_max", "bids", "extensions", "paused_at", "remaining", "paused_for",
)  # fmt: skip
_AWARDS = text("SELECT bidder_id, price_minor FROM auctions_awards WHERE auction_id = :id ORDER BY round")


def audit(engine: Any, auction_id: int) -> Replayed:
    """Replay the log of an auction, which may be running, and compare it with the auction's rows."""
    # One snapshot: bids that come meanwhile are in all of the tables, or in none.
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as connection:
        row = connection.execute(_AUCTION, {"id": auction_id}).first()
        run = Replay(auction_id)
        for entry in connection.execution_options(yield_per=1000).execute(_LOG, {"id": auction_id}):
            _compare_columns(run, entry, row)
        if row is not None:
            awards = connection.execute(_AWARDS, {"id": auction_id}).all()
            for what, said, found in _pairs(run.result, row, awards):
                if said != found:
                    run.result.differ(f"{what}: the auction says {said}, its log {found}")
        elif run.result.entries:
            run.result.differ(f"there is a log, but no auction {auction_id}")
    return run.result


def _compare_columns(run: Replay, logged: Any, row: Any) -> None:
    entry = run.take(logged.text, logged.hash)
    if entry is None or row is None:
        return
    columns = (
        logged.seq, logged.kind, logged.at, _called(row, logged.bidder_id), logged.maximum_minor, logged.price_minor,
        _called(row, logged.leader_id),
    )  # fmt: skip
    if columns != _said(entry):
        run.result.differ(f"entry {run.result.entries}: its columns say {columns}, its text {_said(entry)}")


def _said(entry: Entry) -> tuple[Any, ...]:
    return (entry.seq, entry.kind, entry.at, entry.bidder, entry.maximum, entry.price, entry.leader)


def _pairs(result: Replayed, row: Any, awards: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what is compared: its name, what the auction's rows say, and what its log says."""
    yield "last entry", (row.seq, row.head), (result.entries, result.head)
    yield "outcome", row.outcome or "open", result.outcome
    yield "awards", [(_called(row, award.bidder_id), award.price_minor) for award in awards], result.awards
    yield "currency", row.currency, result.currency
    yield "terms", terms_of(row), result.terms
    if result.terms is not None and result.standing is not None:
        told, logged = standing_of_row(row), result.standing
        yield "leader", _called(row, told.leader), logged.leader
        yield "price", row.price_minor, price_of(result.terms, logged)
        for name in _COMPARED:
            yield name, getattr(told, name), getattr(logged, name)


def _called(row: Any, user_id: Any) -> str | None:
    return None if user_id is None else pseudonym(row.key, user_id)
