"""Everything about money that waits for a person, in one list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

# One statement, so that nothing is seen twice or missed between two of them.
_LIST = text(
    """
    SELECT 'payment' AS kind, id::text, state AS state, updated_at AS since, currency, amount_minor AS minor,
           CASE WHEN reason = 'needs_review' THEN 'the provider never said how it ended: look it up there'
                ELSE 'unknown for over an hour: the reconciler goes on asking' END AS remedy
    FROM payments
    WHERE (reason = 'needs_review' AND state IN ('submitting', 'pending', 'unknown', 'authorized'))
       OR (state IN ('unknown', 'submitting') AND updated_at < market_clock() - interval '1 hour')
    UNION ALL
    SELECT 'set aside', t.ref_id, 'unapplied', min(t.created_at), t.currency,
           CAST(sum(CASE WHEN credit.purpose = 'unapplied_receipts' THEN t.amount ELSE -t.amount END) AS bigint),
           'apply or refund it: POST /api/v1/payments/' || t.ref_id || '/set-aside'
    FROM ledger_transfers t
    JOIN ledger_accounts credit ON credit.id = t.credit_id JOIN ledger_accounts debit ON debit.id = t.debit_id
    WHERE t.ref_type = 'payment' AND t.kind IN ('single', 'post')
      AND 'unapplied_receipts' IN (credit.purpose, debit.purpose)
    GROUP BY t.ref_id, t.currency
    HAVING sum(CASE WHEN credit.purpose = 'unapplied_receipts' THEN t.amount ELSE -t.amount END) > 0
    UNION ALL
    SELECT 'refund', id::text, state, updated_at, currency, amount_minor,
           CASE state WHEN 'by_hand' THEN 'pay it back, then POST /api/v1/refunds/' || id || '/confirmation'
                      WHEN 'failed' THEN 'try another way: POST /api/v1/refunds/' || id || '/retries'
                      ELSE 'the provider has not said how it ended: look it up there' END
    FROM refunds
    WHERE replaced_by IS NULL AND (state IN ('by_hand', 'failed') OR failure = 'needs_review'
          OR (state IN ('unknown', 'submitting') AND updated_at < market_clock() - interval '1 hour'))
    UNION ALL
    SELECT 'payout', id::text, state, updated_at, currency, amount_minor,
           CASE state WHEN 'requested' THEN 'approve or reject it: POST /api/v1/payouts/' || id || '/decision'
                      WHEN 'returned' THEN 'the money came back: ask the payee for another destination'
                      ELSE 'the provider has not said how it ended: look it up there' END
    FROM payouts
    WHERE state = 'requested' OR failure = 'needs_review'
       OR (state = 'returned' AND updated_at > market_clock() - interval '7 days')
       OR (state IN ('unknown', 'submitting') AND updated_at < market_clock() - interval '1 hour')
    UNION ALL
    SELECT 'dispute', id::text, state, opened_at, currency, amount_minor,
           'answer it at the provider by ' || coalesce(to_char(due_by, 'YYYY-MM-DD HH24:MI'), 'the date it names')
    FROM disputes WHERE state = 'open'
    UNION ALL
    SELECT 'webhook', id::text, status, received_at, '', NULL, 'mend the cause, then: marketcore webhooks replay ' || id
    FROM webhook_inbox WHERE status = 'dead'
    UNION ALL
    SELECT 'difference', id::text, kind, first_seen_at, currency, coalesce(here_minor, there_minor),
           'clear up ' || what || ' with ' || provider
    FROM reconciliation_differences WHERE resolved_at IS NULL
    UNION ALL
    SELECT 'refused report', h.payment_id::text, h.state, h.at, p.currency, p.amount_minor, h.detail
    FROM payment_history h JOIN payments p ON p.id = h.payment_id
    WHERE NOT h.applied AND (h.detail LIKE 'a second receipt%' OR h.detail LIKE '%belongs to payment%')
      AND h.at > market_clock() - interval '30 days'
    ORDER BY since, kind, id LIMIT :limit
    """
)


def exceptions(session: Any, limit: int = 500) -> list[Any]:
    """Return what waits for a person, oldest first: ``kind``, ``id``, ``state``, ``since``, amount and ``remedy``."""
    return list(session.execute(_LIST, {"limit": limit}))
