"""What a vendor has earned, where it stands, and what the marketplace takes of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import NotFound
from marketcore.payouts.reading import balances_of
from marketcore_vendors.sales import KEPT

PARTS = ("pending", "pending_commission", "available", "in_withdrawal", "withdrawn", "owed")

_SELLER = text("SELECT id FROM users WHERE id = :id AND 'seller' = ANY(roles)")
_FEES = text(
    f"""SELECT o.currency, CAST(sum({KEPT}) AS bigint) AS fee
       FROM orders o
       JOIN ledger_accounts a ON a.owner_type = 'order' AND a.owner_id = CAST(o.id AS text) AND a.purpose = 'held'
       WHERE o.seller_id = :user AND o.state IN ('paid', 'confirmed', 'packed', 'shipped', 'delivered', 'disputed')
         AND a.credits_posted > a.debits_posted
       GROUP BY o.currency"""
)
_WITHDRAWN = text(
    """SELECT currency, CAST(sum(amount_minor) AS bigint) AS paid FROM payouts
       WHERE user_id = :user AND source = 'earnings' AND state = 'paid' GROUP BY currency"""
)
# Of the rates that fit a category the closest counts, as at checkout.
_RATES = text(
    """SELECT c.id, c.name, r.basis_points FROM categories c
       CROSS JOIN LATERAL (
           SELECT basis_points, category_id FROM commission_rates
           WHERE (seller_id = :user OR seller_id IS NULL) AND (category_id = c.id OR category_id IS NULL)
           ORDER BY seller_id IS NULL, category_id IS NULL LIMIT 1
       ) r
       WHERE c.id > :after AND r.category_id IS NOT NULL ORDER BY c.id LIMIT :limit"""
)
_OWN_RATE = text("SELECT basis_points FROM commission_rates WHERE seller_id = :user AND category_id IS NULL")


def check_seller(session: Any, user_id: int) -> None:
    """Raise ``NotFound`` unless ``user_id`` sells here."""
    if session.execute(_SELLER, {"id": user_id}).first() is None:
        raise NotFound(f"there is no vendor {user_id}")


def earnings_of(session: Any, user_id: int) -> list[dict[str, Any]]:
    """Return by currency, in minor units: see ``PARTS``. ``pending`` is held for orders that are not completed."""
    fees = {row.currency: row.fee for row in session.execute(_FEES, {"user": user_id})}
    paid = {row.currency: row.paid for row in session.execute(_WITHDRAWN, {"user": user_id})}
    return [
        {
            "currency": row.currency,
            "pending": row.held,
            "pending_commission": fees.get(row.currency, 0),
            "available": row.available,
            "in_withdrawal": row.in_payout,
            "withdrawn": paid.get(row.currency, 0),
            "owed": row.debt,
        }
        for row in balances_of(session, user_id)
    ]


def commission_of(session: Any, user_id: int, default_bp: int) -> tuple[int, bool]:
    """Return what the marketplace takes of a vendor's sales, in basis points, and whether that is a rate of theirs."""
    own: int | None = session.execute(_OWN_RATE, {"user": user_id}).scalar()
    return (default_bp, False) if own is None else (own, True)


def category_rates(session: Any, user_id: int, *, after: int, limit: int) -> list[Any]:
    """Return up to ``limit`` rows (id, name, basis_points) of categories with a rate that differs, by id."""
    return list(session.execute(_RATES, {"user": user_id, "after": after, "limit": limit}))
