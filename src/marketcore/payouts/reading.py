"""Reading payouts and what is left to pay out: statements of fixed text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

_PAGE = """
    SELECT * FROM payouts
    WHERE {whose} AND (CAST(:state AS text) IS NULL OR state = :state)
      AND (CAST(:before AS timestamptz) IS NULL OR (created_at, id) < (:before, CAST(:before_id AS uuid)))
    ORDER BY created_at DESC, id DESC LIMIT :limit
"""
_OF_USER = text(_PAGE.format(whose="user_id = :user"))
_OF_ALL = text(_PAGE.format(whose="true"))
# One statement sees one moment: money on its way from one column to the next is in exactly one of them.
_BALANCES = text(
    """
    SELECT currency, CAST(sum(held) AS bigint) AS held, CAST(sum(available) AS bigint) AS available,
           CAST(sum(in_payout) AS bigint) AS in_payout, CAST(sum(debt) AS bigint) AS debt,
           CAST(sum(wallet) AS bigint) AS wallet
    FROM (
        SELECT a.currency, a.credits_posted - a.debits_posted AS held, 0 AS available, 0 AS in_payout, 0 AS debt,
               0 AS wallet
        FROM orders o
        JOIN ledger_accounts a ON a.owner_type = 'order' AND a.owner_id = CAST(o.id AS text) AND a.purpose = 'held'
        WHERE o.seller_id = :user
          AND o.state IN ('paid', 'processing', 'confirmed', 'packed', 'shipped', 'delivered', 'disputed')
        UNION ALL
        SELECT currency, 0, credits_posted - debits_posted - debits_pending, 0, 0, 0
        FROM ledger_accounts WHERE owner_type = 'user' AND owner_id = :owner AND purpose = 'seller_payable'
        UNION ALL
        SELECT currency, 0, 0, amount_minor, 0, 0
        FROM payouts WHERE user_id = :user AND state IN ('requested', 'approved', 'submitting', 'sent', 'unknown')
        UNION ALL
        SELECT currency, 0, 0, 0, greatest(debits_posted - credits_posted, 0), 0
        FROM ledger_accounts WHERE owner_type = 'user' AND owner_id = :owner AND purpose = 'seller_debt'
        UNION ALL
        SELECT currency, 0, 0, 0, 0, credits_posted - debits_posted - debits_pending
        FROM ledger_accounts WHERE owner_type = 'user' AND owner_id = :owner AND purpose = 'wallet'
    ) parts
    GROUP BY currency ORDER BY currency
    """
)


def page_of_payouts(
    session: Any, user_id: int | None, *, state: str | None, after: Sequence[str] | None, limit: int
) -> list[Any]:
    """Return up to ``limit`` payouts of one user (``None``: of everybody), newest first, after ``after``."""
    before, before_id = after or (None, None)
    values = {"user": user_id, "state": state, "before": before, "before_id": before_id, "limit": limit}
    return list(session.execute(_OF_ALL if user_id is None else _OF_USER, values))


def balances_of(session: Any, user_id: int) -> list[Any]:
    """Return ``held``, ``available``, ``in_payout``, ``debt`` and ``wallet`` of a user, in minor units by currency."""
    return list(session.execute(_BALANCES, {"user": user_id, "owner": str(user_id)}))
