"""What must be true of the money of advertisements, for ``marketcore ledger verify``."""

from __future__ import annotations

_BUDGETS = """
    SELECT owner_id, currency, credits_posted - debits_posted AS posted, debits_pending AS pending
    FROM ledger_accounts WHERE owner_type = 'advertisement' AND purpose = 'held'"""
HOLDING = "('accepted', 'submitted', 'rejected', 'disputed')"

CHECKS = {
    "advertisements hold their budgets": f"""
        SELECT a.id::text, format(
                   'advertisement is %s and holds %s of %s %s, %s of it reserved: %s went out, %s back, %s is '
                   'contested and %s is promised', a.state, coalesce(held.posted, 0), a.budget_minor, a.currency,
                   coalesce(held.pending, 0), a.released_minor, a.returned_minor, a.contested_minor, p.promised)
                   AS detail
        FROM escrow_advertisements a
        LEFT JOIN ({_BUDGETS}) held ON held.owner_id = a.id::text AND held.currency = a.currency
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(share_minor) FILTER (WHERE state IN {HOLDING}), 0) AS promised,
                   coalesce(sum(released_minor), 0) AS released
            FROM escrow_applications WHERE advertisement_id = a.id) p
        WHERE coalesce(held.posted, 0) <> CASE WHEN a.payment_id IS NULL THEN 0
                  ELSE a.budget_minor - a.released_minor - a.returned_minor - a.contested_minor END
           OR coalesce(held.pending, 0) <> p.promised
           OR a.released_minor <> p.released
           OR (a.state IN ('finished', 'cancelled') AND coalesce(held.posted, 0) <> 0)
           OR a.contested_minor <> (SELECT coalesce(sum(c.held_minor), 0) FROM escrow_contests c
                                    WHERE c.advertisement_id = a.id AND c.state <> 'won')
    """,
    "held budgets have their advertisement": f"""
        SELECT held.owner_id AS id, format('%s %s held for no advertisement in that currency', held.posted,
                                           held.currency) AS detail
        FROM ({_BUDGETS}) held
        LEFT JOIN escrow_advertisements a ON a.id::text = held.owner_id AND a.currency = held.currency
        WHERE held.posted <> 0 AND a.id IS NULL
    """,
    "shares hold their money": f"""
        SELECT p.id::text, format('application is %s with a share of %s, and its hold of %s is %s', p.state,
                                  p.share_minor, coalesce(hold.amount, 0), coalesce(done.kind, 'open')) AS detail
        FROM escrow_applications p
        LEFT JOIN ledger_transfers hold ON hold.id = p.hold_id AND hold.kind = 'pending'
        LEFT JOIN ledger_transfers done ON done.pending_id = hold.id AND done.kind IN ('post', 'void')
        WHERE p.share_minor IS NOT NULL
          AND (hold.amount IS DISTINCT FROM p.share_minor OR (p.state IN {HOLDING}) <> (done.id IS NULL))
    """,
}
