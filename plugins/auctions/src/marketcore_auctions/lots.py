"""A locked auction: its terms and standing as the engine sees them, and the log that every change goes into.

Whoever holds the standing's row lock builds a ``Lot`` from the row, lets it change, and hands it to ``save``: one
statement for all lots and entries of a transaction. Nothing else writes standings or the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text

from marketcore.db.planning import hide_values
from marketcore.web.json import dumps, present_money, utc
from marketcore_auctions.bidding import (
    Accepted,
    Best,
    Refusal,
    SoftClose,
    SoftClosePolicy,
    Standing,
    Terms,
    can_buy_now,
    decide,
    next_minimum,
    price_of,
    reserve_met,
)
from marketcore_auctions.chain import GENESIS, make_entry, pseudonym

COLUMNS = """a.listing_id, a.product_id, a.seller_id, a.title, a.currency, a.start_minor, a.reserve_minor,
    a.buy_now_minor, a.deposit_minor, a.increments, a.conducted, a.hold_minutes, a.starts_at,
    a.ends_at AS planned_end_at, a.latest_end_at, a.soft_close, a.window_seconds, a.extension_seconds, a.if_unpaid,
    a.relists_left, a.key, s.state, s.outcome, s.ends_at, s.paused_at, s.remaining_us, s.paused_us, s.price_minor,
    s.leader_id, s.leader_name, s.leader_max_minor, s.runner_up_minor,
    s.bids, s.extensions, s.seq, s.head, s.deposit_hold"""
# One lock order everywhere: auctions by id, before orders, ledger accounts and live channels.
# Planned once, and joined by index whatever the planner knows, it takes half as long.
_LOCK = text(
    hide_values(
        f"""SELECT {COLUMNS} FROM auctions_standings s
            CROSS JOIN LATERAL (SELECT * FROM auctions_auctions WHERE listing_id = s.listing_id OFFSET 0) a
            WHERE s.listing_id = ANY(:ids)
            ORDER BY s.listing_id FOR UPDATE OF s""",
        ids="bigint[]",
    )
)
_SAVE = text(
    """WITH moved AS (
         UPDATE auctions_standings s SET state = n.state, outcome = n.outcome, ends_at = n.ends_at,
             paused_at = n.paused_at, remaining_us = n.remaining_us, paused_us = n.paused_us,
             price_minor = n.price_minor, leader_id = n.leader_id, leader_name = n.leader_name,
             leader_max_minor = n.leader_max_minor, runner_up_minor = n.runner_up_minor, bids = n.bids,
             extensions = n.extensions, seq = n.seq, head = n.head, deposit_hold = n.deposit_hold
         FROM json_to_recordset(CAST(:standings AS json)) AS n(listing_id bigint, state text, outcome text,
             ends_at timestamptz, paused_at timestamptz, remaining_us bigint, paused_us bigint, price_minor bigint,
             leader_id bigint, leader_name text, leader_max_minor bigint, runner_up_minor bigint, bids int,
             extensions int, seq bigint, head text, deposit_hold uuid)
         WHERE s.listing_id = n.listing_id),
       interested AS (
         INSERT INTO auctions_interests (user_id, auction_id, bidding)
         SELECT i.user_id, i.auction_id, true
         FROM json_to_recordset(CAST(:bidders AS json)) AS i(user_id bigint, auction_id bigint)
         ON CONFLICT (user_id, auction_id) DO UPDATE SET bidding = true WHERE NOT auctions_interests.bidding)
       INSERT INTO auctions_log (auction_id, seq, kind, at, bidder_id, name, maximum_minor, price_minor, leader_id,
                                 text, hash)
       SELECT auction_id, seq, kind, at, bidder_id, name, maximum_minor, price_minor, leader_id, text, hash
       FROM json_to_recordset(CAST(:entries AS json)) AS e(auction_id bigint, seq bigint, kind text, at timestamptz,
            bidder_id bigint, name text, maximum_minor bigint, price_minor bigint, leader_id bigint, text text,
            hash text)"""
)
# What somebody bid before taking it all back counts no more.
_BESTS = text(
    """WITH gone AS (SELECT bidder_id, max(seq) AS seq FROM auctions_log
                     WHERE auction_id = :id AND kind = 'retracted' GROUP BY bidder_id)
       SELECT DISTINCT ON (l.bidder_id) l.bidder_id, l.maximum_minor, l.seq, l.name
       FROM auctions_log l LEFT JOIN gone USING (bidder_id)
       WHERE l.auction_id = :id AND l.kind = 'bid' AND l.seq > coalesce(gone.seq, 0)
       ORDER BY l.bidder_id, l.maximum_minor DESC, l.seq"""
)
RECENT = 5
MICROSECOND, MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)


def terms_of(row: Any) -> Terms:
    """Return the terms that ``row`` (with the columns of an auction) keeps."""
    soft_close = SoftClose(
        SoftClosePolicy(row.soft_close), timedelta(seconds=row.window_seconds), timedelta(seconds=row.extension_seconds)
    )
    return Terms(
        row.start_minor,
        tuple((price, step) for price, step in row.increments),
        row.starts_at,
        row.planned_end_at,
        row.latest_end_at,
        row.reserve_minor,
        row.buy_now_minor,
        soft_close,
        row.conducted,
    )


def standing_of_row(row: Any) -> Standing:
    """Return how the auction of ``row`` stands."""
    return Standing(
        row.ends_at, row.leader_id, row.leader_max_minor, row.runner_up_minor, row.bids, row.extensions, row.paused_at,
        None if row.remaining_us is None else row.remaining_us * MICROSECOND, row.paused_us * MICROSECOND,
    )  # fmt: skip


class Lot:
    """One auction whose standing's row is locked by this transaction."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self.id: int = row.listing_id
        self.terms = terms_of(row)
        self.standing = standing_of_row(row)
        self.state: str = row.state
        self.outcome: str | None = row.outcome
        self.leader_name: str = row.leader_name
        self.deposit_hold = row.deposit_hold
        self.seq: int = row.seq
        self.head: str = row.head
        self.entries: list[dict[str, Any]] = []

    @property
    def price_minor(self) -> int:
        """What the leader would pay now."""
        return price_of(self.terms, self.standing)

    def decide(self, bidder_id: int, maximum: int, now: datetime) -> Accepted | Refusal:
        """Return what the bid would do; nothing is changed."""
        if self.state != "open":
            return Refusal.OVER
        return decide(self.terms, self.standing, bidder_id, maximum, now)

    def accept(self, verdict: Accepted, bidder_id: int, name: str, maximum: int, now: datetime) -> None:
        """Let the bid that ``decide`` has accepted count."""
        self.standing = verdict.standing
        if self.standing.leader == bidder_id:
            self.leader_name = name
        self.note("bid", now, bidder_id=bidder_id, name=name, maximum=maximum)

    def close(self, outcome: str) -> None:
        """End the auction; whoever calls notes why."""
        self.state, self.outcome = "closed", outcome

    def note(
        self,
        kind: str,
        at: datetime,
        *,
        bidder_id: int | None = None,
        name: str = "",
        maximum: int | None = None,
        price: int | None = None,
        **more: Any,
    ) -> None:
        """Append an entry to the log; ``price`` is the price of the moment where none is given."""
        self.seq += 1
        price = self.price_minor if price is None else price
        leader = self.standing.leader
        entry, self.head = make_entry(
            self.id, self.seq, kind, at, self.head, bidder=self.pseudonym(bidder_id), maximum=maximum, price=price,
            leader=self.pseudonym(leader), ends_at=self.standing.ends_at, **more,
        )  # fmt: skip
        self.entries.append(
            {
                "auction_id": self.id,
                "seq": self.seq,
                "kind": kind,
                "at": at,
                "bidder_id": bidder_id,
                "name": name,
                "maximum_minor": maximum,
                "price_minor": price,
                "leader_id": leader,
                "text": entry,
                "hash": self.head,
            }
        )

    def pseudonym(self, user_id: Any) -> str | None:
        """Return what the auction calls a bidder; ``None`` for nobody."""
        return None if user_id is None else pseudonym(self.row.key, user_id)

    def leader_document(self) -> dict[str, Any] | None:
        """Return who leads, as everybody may know."""
        if self.standing.leader is None:
            return None
        return {"name": self.leader_name, "bidder": self.pseudonym(self.standing.leader)}

    def news(self, now: datetime, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the data of an event that tells how the auction stands now; ``fields`` are its ``live_fields``."""
        told = self.live_fields() if fields is None else fields
        return {"auction_id": self.id, "seq": self.seq, **told, **self._recent(), "server_now": utc(now)}

    def live_fields(self) -> dict[str, Any]:
        """Return the part of the auction's document that bids change."""
        currency, standing = self.row.currency, self.standing
        opened = self.state == "open"
        can_buy = opened and can_buy_now(self.terms, standing)
        return {
            "price": present_money(self.price_minor, currency),
            "next_minimum": present_money(next_minimum(self.terms, standing), currency) if opened else None,
            "bids": standing.bids,
            "leader": self.leader_document(),
            "reserve": reserve_word(self.terms, standing),
            "buy_now": present_money(self.terms.buy_now_minor or 0, currency) if can_buy else None,
            "ends_at": utc(standing.ends_at),
            "paused": standing.paused_at is not None,
            "remaining_ms": None if standing.remaining is None else standing.remaining // MILLISECOND,
            "extensions": standing.extensions,
            "log_head": self.head,
        }

    def _recent(self) -> dict[str, Any]:
        newest = [entry for entry in self.entries if entry["kind"] == "bid"][-RECENT:]
        return {
            "recent": [
                {
                    "seq": entry["seq"],
                    "name": entry["name"],
                    "bidder": self.pseudonym(entry["bidder_id"]),
                    "price": present_money(entry["price_minor"], self.row.currency),
                    "at": utc(entry["at"]),
                }
                for entry in reversed(newest)
            ]
        }


def reserve_word(terms: Terms, standing: Standing) -> str:
    """Return ``none``, ``met`` or ``not_met``."""
    if terms.reserve_minor is None:
        return "none"
    return "met" if reserve_met(terms, standing) else "not_met"


def locking(ids: Iterable[int]) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that locks the standings of these auctions in id order, and its parameters."""
    return _LOCK, {"ids": sorted(set(ids))}


def lots_of(rows: Iterable[Any]) -> dict[int, Lot]:
    """Return the lots of the rows that ``locking`` has read, by id; unknown ids are missing."""
    return {row.listing_id: Lot(row) for row in rows}


def lock_lots(session: Any, ids: Iterable[int]) -> dict[int, Lot]:
    """Lock these auctions and return them."""
    return lots_of(session.execute(*locking(ids)))


def bests_of(connection: Any, auction_id: int) -> tuple[dict[int, Best], dict[int, str]]:
    """Return every bidder's best maximum, and the names they show."""
    rows = connection.execute(_BESTS, {"id": auction_id}).all()
    return (
        {row.bidder_id: Best(row.maximum_minor, row.seq) for row in rows},
        {row.bidder_id: row.name for row in rows},
    )


def saving(lots: Sequence[Lot]) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that writes how ``lots`` stand now and their new entries, and its parameters."""
    entries = [entry for lot in lots for entry in lot.entries]
    bidders = sorted({(e["bidder_id"], e["auction_id"]) for e in entries if e["kind"] == "bid"})
    return _SAVE, {
        "standings": dumps([_standing_columns(lot) for lot in lots]).decode(),
        "bidders": dumps([{"user_id": user, "auction_id": auction} for user, auction in bidders]).decode(),
        "entries": dumps(entries).decode(),
    }


def save(session: Any, lots: Sequence[Lot]) -> None:
    """Write how ``lots`` stand now, and their new entries."""
    session.execute(*saving(lots))


def _standing_columns(lot: Lot) -> dict[str, Any]:
    standing = lot.standing
    return {
        "listing_id": lot.id,
        "state": lot.state,
        "outcome": lot.outcome,
        "ends_at": standing.ends_at,
        "paused_at": standing.paused_at,
        "remaining_us": None if standing.remaining is None else standing.remaining // MICROSECOND,
        "paused_us": standing.paused_for // MICROSECOND,
        "price_minor": lot.price_minor,
        "leader_id": standing.leader,
        "leader_name": lot.leader_name if standing.leader else "",
        "leader_max_minor": standing.leader_max,
        "runner_up_minor": standing.runner_up_max,
        "bids": standing.bids,
        "extensions": standing.extensions,
        "seq": lot.seq,
        "head": lot.head,
        "deposit_hold": lot.deposit_hold,
    }


__all__ = [
    "COLUMNS", "GENESIS", "Lot", "bests_of", "lock_lots", "locking", "lots_of", "reserve_word", "save", "saving",
    "standing_of_row", "terms_of",
]  # fmt: skip
