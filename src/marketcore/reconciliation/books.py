"""What we say has moved through a provider: operations, each with what the ledger booked for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from marketcore.ledger.ids import business_id
from marketcore.reconciliation.rules import Movement

# Clocks differ and reports come late, so that a line at the edge of what was asked for may be of something that ended
# here outside of it: that is known, and nothing so near the edge is missed in the list.
_EDGE = timedelta(hours=12)
# A refund to the wallet or by hand never reaches the provider it was paid through.
_MOVEMENTS = text(
    """
    SELECT 'payment' AS kind, id, CASE WHEN state = 'captured' THEN received_minor ELSE amount_minor END AS minor,
           currency, state = 'captured' AS settled, updated_at BETWEEN :sure AND :until AS listed, provider_reference,
           provider_receipt
    FROM payments WHERE provider = :provider AND updated_at >= :first AND state <> 'created'
    UNION ALL
    SELECT 'refund', id, amount_minor, currency, state = 'succeeded', updated_at BETWEEN :sure AND :until,
           provider_reference, provider_receipt
    FROM refunds WHERE provider = :provider AND target = 'original' AND updated_at >= :first
    UNION ALL
    SELECT 'payout', id, amount_minor, currency, state = 'paid', updated_at BETWEEN :sure AND :until,
           provider_reference, provider_receipt
    FROM payouts WHERE provider = :provider AND updated_at >= :first
    """
)
_POSTED = text(
    """SELECT t.event_id, t.ref_type, t.ref_id,
              CAST(sum(CASE WHEN debit.purpose = 'clearing' THEN t.amount ELSE -t.amount END) AS bigint) AS minor
       FROM ledger_transfers t
       JOIN ledger_accounts debit ON debit.id = t.debit_id JOIN ledger_accounts credit ON credit.id = t.credit_id
       WHERE t.kind IN ('single', 'post') AND 'clearing' IN (debit.purpose, credit.purpose)
         AND (t.event_id = ANY(:events) OR (t.ref_type IN ('refund', 'payout', 'payment') AND t.ref_id = ANY(:ids)))
       GROUP BY t.event_id, t.ref_type, t.ref_id"""
)


def movements(session: Any, provider: str, since: datetime, until: datetime, kinds: frozenset[str]) -> list[Movement]:
    """Return what moved through ``provider`` here from ``since`` to ``until``, with what the ledger says of each.

    ``kinds`` are those that the provider's statement lists.
    """
    edges = {"first": since - _EDGE, "sure": since + _EDGE, "until": until}
    rows = list(session.execute(_MOVEMENTS, {"provider": provider, **edges}))
    posted = _posted(session, rows)
    return [
        Movement(
            kind=row.kind,
            id=row.id,
            currency=row.currency,
            minor=row.minor,
            posted_minor=abs(posted.get(str(row.id), 0)),
            settled=row.settled,
            listed=row.listed and row.kind in kinds,
            reference=row.provider_reference,
            receipt=row.provider_receipt,
        )
        for row in rows
    ]


def _posted(session: Any, rows: list[Any]) -> dict[str, int]:
    events = {business_id("capture", row.id): str(row.id) for row in rows if row.kind == "payment"}
    ids = [str(row.id) for row in rows]
    totals: dict[str, int] = {}
    for found in session.execute(_POSTED, {"events": list(events), "ids": ids}):
        name = events.get(found.event_id, found.ref_id)
        totals[name] = totals.get(name, 0) + found.minor
    return totals
