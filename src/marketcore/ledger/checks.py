"""What must be true of the ledger's tables, each as one statement that names what breaks it.

Each check selects two texts, ``id`` (the offender) and ``detail``; no rows means that all is well. As one statement
sees one moment, they hold on a marketplace at work. Other rooms may add theirs in the same shape.
"""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """A named statement that selects ``id`` and ``detail`` of whatever is wrong."""

    name: str
    sql: str


# What every transfer must have done to every account, from the transfers alone.
_LEGS = """
WITH movement AS (
    SELECT t.id, t.debit_id, t.credit_id,
           CASE WHEN t.kind IN ('single', 'post') THEN t.amount ELSE 0 END AS posted,
           CASE t.kind WHEN 'pending' THEN t.amount WHEN 'single' THEN 0 ELSE -hold.amount END AS pending
    FROM ledger_transfers t LEFT JOIN ledger_transfers hold ON hold.id = t.pending_id
), leg AS (
    SELECT id, debit_id AS account_id, posted AS dp, 0 AS cp, pending AS dh, 0 AS ch FROM movement
    UNION ALL
    SELECT id, credit_id, 0, posted, 0, pending FROM movement
)
"""

_KEPT = """
kept AS (
    SELECT a.id, a.purpose, a.owner_type, a.owner_id, a.currency,
           a.debits_posted + coalesce(sum(d.debits_posted), 0) AS dp,
           a.credits_posted + coalesce(sum(d.credits_posted), 0) AS cp,
           a.debits_pending + coalesce(sum(d.debits_pending), 0) AS dh,
           a.credits_pending + coalesce(sum(d.credits_pending), 0) AS ch
    FROM ledger_accounts a LEFT JOIN ledger_deltas d ON d.account_id = a.id
    GROUP BY a.id
)
"""

LEDGER = (
    Check(
        "account totals",
        f"""
        {_LEGS}, {_KEPT}, due AS (
            SELECT account_id, sum(dp) AS dp, sum(cp) AS cp, sum(dh) AS dh, sum(ch) AS ch FROM leg GROUP BY account_id
        )
        SELECT coalesce(kept.id, due.account_id)::text AS id,
               format('%s of %s %s: kept %s/%s posted and %s/%s pending, transfers say %s/%s and %s/%s',
                      kept.purpose, kept.owner_type, kept.owner_id, kept.dp, kept.cp, kept.dh, kept.ch,
                      due.dp, due.cp, due.dh, due.ch) AS detail
        FROM kept FULL JOIN due ON due.account_id = kept.id
        WHERE (kept.dp, kept.cp, kept.dh, kept.ch) IS DISTINCT FROM
              (coalesce(due.dp, 0), coalesce(due.cp, 0), coalesce(due.dh, 0), coalesce(due.ch, 0))
        """,
    ),
    Check(
        "zero sum",
        f"""
        WITH {_KEPT}
        SELECT currency AS id,
               format('debits %s, credits %s; pending debits %s, credits %s',
                      sum(dp), sum(cp), sum(dh), sum(ch)) AS detail
        FROM kept GROUP BY currency HAVING sum(dp) <> sum(cp) OR sum(dh) <> sum(ch)
        """,
    ),
    Check(
        "guards",
        """
        SELECT id::text, format('%s of %s %s is guarded on its %s side and overdrawn',
                                purpose, owner_type, owner_id, guard) AS detail
        FROM ledger_accounts
        WHERE (guard = 'credit' AND credits_posted < debits_posted + debits_pending)
           OR (guard = 'debit' AND debits_posted < credits_posted + credits_pending)
           OR (guard <> 'none' AND mode <> 'inline')
        """,
    ),
    Check(
        "totals not negative",
        f"""
        WITH {_KEPT}
        SELECT id::text, format('%s of %s %s: %s/%s posted, %s/%s pending',
                                purpose, owner_type, owner_id, dp, cp, dh, ch) AS detail
        FROM kept WHERE least(dp, cp, dh, ch) < 0
        """,
    ),
    Check(
        "one resolution",
        """
        SELECT pending_id::text AS id, format('resolved %s times: %s', count(*), string_agg(id::text, ', ')) AS detail
        FROM ledger_transfers WHERE pending_id IS NOT NULL GROUP BY pending_id HAVING count(*) > 1
        """,
    ),
    Check(
        "resolutions match their holds",
        """
        SELECT t.id::text, format('%s of %s for hold %s of %s', t.kind, t.amount, t.pending_id, hold.amount) AS detail
        FROM ledger_transfers t LEFT JOIN ledger_transfers hold ON hold.id = t.pending_id
        WHERE (t.kind IN ('post', 'void')) <> (t.pending_id IS NOT NULL)
           OR (t.pending_id IS NOT NULL AND (
                hold.kind IS DISTINCT FROM 'pending'
                OR (t.debit_id, t.credit_id, t.currency) IS DISTINCT FROM
                   (hold.debit_id, hold.credit_id, hold.currency)
                OR t.amount > hold.amount
                OR (t.kind = 'void' AND t.amount <> hold.amount)
                OR (t.kind = 'post' AND t.created_at >= hold.expires_at)))
        """,
    ),
    Check(
        "transfers well formed",
        """
        SELECT t.id::text, format('%s of %s %s from %s to %s', t.kind, t.amount, t.currency, t.debit_id, t.credit_id)
                           AS detail
        FROM ledger_transfers t
        LEFT JOIN ledger_accounts debit ON debit.id = t.debit_id
        LEFT JOIN ledger_accounts credit ON credit.id = t.credit_id
        WHERE t.amount <= 0 OR t.debit_id = t.credit_id
           OR t.kind NOT IN ('single', 'pending', 'post', 'void')
           OR debit.currency IS DISTINCT FROM t.currency OR credit.currency IS DISTINCT FROM t.currency
        """,
    ),
    Check(
        "deltas match their transfers",
        f"""
        {_LEGS}
        SELECT d.transfer_id::text AS id, format('delta on account %s (%s)', d.account_id, a.mode) AS detail
        FROM ledger_deltas d
        LEFT JOIN ledger_accounts a ON a.id = d.account_id
        LEFT JOIN leg ON leg.id = d.transfer_id AND leg.account_id = d.account_id
        WHERE a.mode IS DISTINCT FROM 'deferred'
           OR (d.debits_posted, d.credits_posted, d.debits_pending, d.credits_pending)
              IS DISTINCT FROM (leg.dp, leg.cp, leg.dh, leg.ch)
        """,
    ),
)

_HELD = """
SELECT a.owner_id, a.currency, a.credits_posted - a.debits_posted AS minor
FROM ledger_accounts a WHERE a.owner_type = 'order' AND a.purpose = 'held'
"""

ORDERS = (
    Check(
        "orders hold their money",
        f"""
        SELECT o.id::text, format('order is %s and holds %s of %s %s, of which %s went back and %s is contested',
                                  o.state, coalesce(held.minor, 0), o.total_minor, o.currency, o.refunded_minor,
                                  o.disputed_minor) AS detail
        FROM orders o LEFT JOIN ({_HELD}) held ON held.owner_id = o.id::text AND held.currency = o.currency
        WHERE coalesce(held.minor, 0) <> CASE
            WHEN o.paid_at IS NOT NULL AND CASE o.state WHEN 'disputed' THEN o.disputed_from ELSE o.state END
                 IN ('paid', 'processing', 'confirmed', 'packed', 'shipped', 'delivered')
            THEN o.total_minor - o.refunded_minor - o.disputed_minor
            ELSE 0 END
        """,
    ),
    Check(
        "held money has its order",
        f"""
        SELECT held.owner_id AS id, format('%s %s held for no order in that currency', held.minor, held.currency)
                                    AS detail
        FROM ({_HELD}) held LEFT JOIN orders o ON o.id::text = held.owner_id AND o.currency = held.currency
        WHERE held.minor <> 0 AND o.id IS NULL
        """,
    ),
)

OPERATIONS = (
    Check(
        "refunds due",
        """
        WITH due AS (
            SELECT a.currency, a.credits_posted - a.debits_posted + coalesce((
                SELECT sum(d.credits_posted - d.debits_posted) FROM ledger_deltas d WHERE d.account_id = a.id), 0)
                AS minor
            FROM ledger_accounts a WHERE a.purpose = 'refund_due'
        ), owed AS (
            SELECT currency, sum(amount_minor) AS minor FROM refunds
            WHERE state <> 'succeeded' AND replaced_by IS NULL GROUP BY currency
        )
        SELECT coalesce(due.currency, owed.currency) AS id,
               format('%s stands on refund_due, unfinished refunds need %s', coalesce(due.minor, 0),
                      coalesce(owed.minor, 0)) AS detail
        FROM due FULL JOIN owed ON owed.currency = due.currency
        WHERE coalesce(due.minor, 0) <> coalesce(owed.minor, 0)
        """,
    ),
    Check(
        "payouts hold their money",
        """
        SELECT p.id::text, format('payout is %s and its hold is %s', p.state,
                                  coalesce(done.kind, CASE WHEN hold.id IS NULL THEN 'missing' ELSE 'open' END))
                              AS detail
        FROM payouts p
        LEFT JOIN ledger_transfers hold
               ON hold.kind = 'pending' AND hold.ref_type = 'payout' AND hold.ref_id = p.id::text
        LEFT JOIN ledger_transfers done ON done.pending_id = hold.id AND done.kind IN ('post', 'void')
        WHERE hold.id IS NULL OR hold.amount <> p.amount_minor
           OR (p.state IN ('requested', 'approved', 'submitting', 'sent', 'unknown') AND done.id IS NOT NULL)
           OR (p.state IN ('failed', 'rejected') AND done.kind IS DISTINCT FROM 'void')
           OR (p.state IN ('paid', 'returned') AND done.id IS NULL)
        """,
    ),
    Check(
        "disputes hold their money",
        """
        SELECT d.id::text, format('dispute is %s, took %s (%s of it from orders) and its account holds %s', d.state,
                                  d.taken_minor, coalesce(part.minor, 0),
                                  coalesce(a.credits_posted - a.debits_posted, 0)) AS detail
        FROM disputes d
        LEFT JOIN (SELECT dispute_id, sum(amount_minor) AS minor FROM dispute_parts GROUP BY dispute_id) part
               ON part.dispute_id = d.id
        LEFT JOIN ledger_accounts a ON a.owner_type = 'dispute' AND a.owner_id = d.id::text AND a.purpose = 'disputed'
        WHERE coalesce(a.credits_posted - a.debits_posted, 0) <> CASE d.state WHEN 'open' THEN d.taken_minor ELSE 0 END
           OR coalesce(part.minor, d.taken_minor) <> d.taken_minor
        UNION ALL
        SELECT o.id::text, format('order is %s, %s of it is set apart and open disputes and freezes say %s', o.state,
                                  o.disputed_minor, coalesce(part.minor, 0))
        FROM orders o
        LEFT JOIN (SELECT order_id, sum(amount_minor) AS minor FROM (
                       SELECT p.order_id, p.amount_minor FROM dispute_parts p
                       JOIN disputes d ON d.id = p.dispute_id AND d.state = 'open'
                       UNION ALL SELECT order_id, amount_minor FROM order_freezes WHERE state = 'open') each
                   GROUP BY order_id) part
               ON part.order_id = o.id
        WHERE o.disputed_minor <> coalesce(part.minor, 0) OR (o.disputed_minor > 0) <> (o.state = 'disputed')
        """,
    ),
    Check(
        "freezes hold their money",
        """
        SELECT coalesce(f.id::text, a.owner_id) AS id,
               format('freeze of order %s is %s over %s and its account holds %s', f.order_id, f.state, f.amount_minor,
                      coalesce(a.credits_posted - a.debits_posted, 0)) AS detail
        FROM order_freezes f
        FULL JOIN (SELECT * FROM ledger_accounts WHERE owner_type = 'freeze' AND purpose = 'frozen') a
               ON a.owner_id = f.id::text AND a.currency = f.currency
        WHERE coalesce(a.credits_posted - a.debits_posted, 0)
              <> CASE f.state WHEN 'open' THEN f.amount_minor ELSE 0 END
        """,
    ),
)
