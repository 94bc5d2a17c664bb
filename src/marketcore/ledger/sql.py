"""The ledger's statements: fixed texts that carry any number of rows, so each is planned once.

Rows travel as one JSON document; whole numbers in it are exact at any size.
"""

from __future__ import annotations

from sqlalchemy import text

# Opens what is missing and writes the transfers in the order given. ON CONFLICT alone would wait for whoever is
# just changing an account, so known accounts are left out first. Without a conflict target the insert gives
# way to the id as well as to the one resolution of a hold.
RECORD = text("""
WITH opened AS (
    INSERT INTO ledger_accounts (id, owner_type, owner_id, purpose, currency, guard, mode)
    SELECT id, owner_type, owner_id, purpose, currency, guard, mode
    FROM jsonb_to_recordset(CAST(:accounts AS jsonb)) AS account(
        id uuid, owner_type text, owner_id text, purpose text, currency text, guard text, mode text)
    WHERE NOT EXISTS (SELECT 1 FROM ledger_accounts known WHERE known.id = account.id)
    ORDER BY id
    ON CONFLICT DO NOTHING
)
INSERT INTO ledger_transfers
    (id, event_id, kind, debit_id, credit_id, currency, amount, code, ref_type, ref_id, expires_at)
SELECT id, :event_id, kind, debit_id, credit_id, currency, amount, code, ref_type, ref_id, expires_at
FROM jsonb_to_recordset(CAST(:transfers AS jsonb)) AS transfer(
    position int, id uuid, kind text, debit_id uuid, credit_id uuid, currency text, amount bigint,
    code text, ref_type text, ref_id text, expires_at timestamptz)
ORDER BY position
ON CONFLICT DO NOTHING
RETURNING id
""")

# Resolves holds: ``amount`` null means all of it. The unique index lets one resolution win.
RESOLVE = text("""
WITH resolved AS (
    INSERT INTO ledger_transfers
        (id, event_id, kind, pending_id, debit_id, credit_id, currency, amount, code, ref_type, ref_id)
    SELECT wish.id, wish.event_id, :kind, hold.id, hold.debit_id, hold.credit_id, hold.currency,
           coalesce(wish.amount, hold.amount), hold.code, hold.ref_type, hold.ref_id
    FROM jsonb_to_recordset(CAST(:wishes AS jsonb)) AS wish(id uuid, event_id uuid, pending_id uuid, amount bigint)
    JOIN ledger_transfers hold ON hold.id = wish.pending_id AND hold.kind = 'pending'
    ORDER BY hold.id
    ON CONFLICT DO NOTHING
    RETURNING id, pending_id, debit_id, credit_id, amount
)
SELECT resolved.id, resolved.debit_id, resolved.credit_id, resolved.amount, hold.amount AS reserved
FROM resolved JOIN ledger_transfers hold ON hold.id = resolved.pending_id
""")

# Locks each inline account once, in the order of ids, and changes it if its guard allows; deferred accounts are
# not touched and get deltas. An account that does not come back was refused.
APPLY = text("""
WITH leg AS (
    SELECT * FROM jsonb_to_recordset(CAST(:legs AS jsonb)) AS leg(
        transfer_id uuid, account_id uuid,
        debits_posted bigint, credits_posted bigint, debits_pending bigint, credits_pending bigint)
), change AS (
    SELECT account_id,
           CAST(sum(debits_posted) AS bigint) AS debits_posted,
           CAST(sum(credits_posted) AS bigint) AS credits_posted,
           CAST(sum(debits_pending) AS bigint) AS debits_pending,
           CAST(sum(credits_pending) AS bigint) AS credits_pending
    FROM leg GROUP BY account_id
), locked AS (
    SELECT id FROM ledger_accounts
    WHERE id IN (SELECT account_id FROM change) AND mode = 'inline'
    ORDER BY id FOR NO KEY UPDATE
), updated AS (
    UPDATE ledger_accounts a
    SET debits_posted = a.debits_posted + c.debits_posted,
        credits_posted = a.credits_posted + c.credits_posted,
        debits_pending = a.debits_pending + c.debits_pending,
        credits_pending = a.credits_pending + c.credits_pending
    FROM locked JOIN change c ON c.account_id = locked.id
    WHERE a.id = locked.id
      AND (a.guard <> 'credit' OR a.credits_posted + c.credits_posted
           >= a.debits_posted + c.debits_posted + a.debits_pending + c.debits_pending)
      AND (a.guard <> 'debit' OR a.debits_posted + c.debits_posted
           >= a.credits_posted + c.credits_posted + a.credits_pending + c.credits_pending)
    RETURNING a.id, a.guard, a.mode
), deferred AS (
    INSERT INTO ledger_deltas
        (transfer_id, account_id, debits_posted, credits_posted, debits_pending, credits_pending)
    SELECT leg.transfer_id, leg.account_id,
           leg.debits_posted, leg.credits_posted, leg.debits_pending, leg.credits_pending
    FROM leg JOIN ledger_accounts a ON a.id = leg.account_id AND a.mode = 'deferred'
    RETURNING account_id
)
SELECT id, guard, mode FROM updated
UNION ALL
SELECT id, guard, mode FROM ledger_accounts WHERE id IN (SELECT account_id FROM deferred)
""")

# A refusal after something was written must not be committed by a caller that swallows it.
SPOIL = text("SELECT ledger_refuse(:reason)")

FIND = text("""
SELECT id, kind, debit_id, credit_id, currency, amount, code, ref_type, ref_id
FROM ledger_transfers WHERE id IN (SELECT CAST(jsonb_array_elements_text(CAST(:ids AS jsonb)) AS uuid))
""")

RESOLUTION = text("""
SELECT id, kind, amount, pending_id FROM ledger_transfers
WHERE id = :id OR (pending_id = :pending_id AND kind IN ('post', 'void'))
""")

HOLD = text("SELECT id, amount FROM ledger_transfers WHERE id = :id AND kind = 'pending'")

# The clock is a sub-select so that the index on expires_at can be used. ``since`` keeps the frequent sweep from
# reading every hold there ever was.
EXPIRED = text("""
SELECT hold.id FROM ledger_transfers hold
WHERE hold.kind = 'pending'
  AND hold.expires_at <= (SELECT market_clock())
  AND hold.expires_at > (SELECT coalesce(market_clock() - CAST(:since AS interval), '-infinity'))
  AND NOT EXISTS (
      SELECT 1 FROM ledger_transfers done WHERE done.pending_id = hold.id AND done.kind IN ('post', 'void'))
ORDER BY hold.expires_at, hold.id
LIMIT :limit
""")

# Nothing but the roller writes deferred rows, so this lock keeps two rollers apart and nobody else.
LOCK_ROLLED = text("""
SELECT a.id FROM ledger_accounts a
WHERE a.mode = 'deferred'
  AND (CAST(:account_id AS uuid) IS NULL OR a.id = :account_id)
  AND EXISTS (SELECT 1 FROM ledger_deltas d WHERE d.account_id = a.id)
ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED
""")

# Deleting deltas folds them into their accounts: a trigger does it, so they cannot get lost. The oldest go first,
# or the end of a hold could be folded before its beginning.
ROLL = text("""
WITH batch AS (
    SELECT d.transfer_id, d.account_id
    FROM ledger_deltas d JOIN ledger_transfers t ON t.id = d.transfer_id
    WHERE d.account_id IN (SELECT CAST(jsonb_array_elements_text(CAST(:account_ids AS jsonb)) AS uuid))
    ORDER BY t.seq LIMIT :limit
)
DELETE FROM ledger_deltas d USING batch
WHERE d.transfer_id = batch.transfer_id AND d.account_id = batch.account_id
""")

LOCK = text("""
SELECT id FROM ledger_accounts
WHERE id IN (SELECT CAST(jsonb_array_elements_text(CAST(:account_ids AS jsonb)) AS uuid)) AND mode = 'inline'
ORDER BY id FOR NO KEY UPDATE
""")

# The row and its deltas in one statement: one snapshot, exact at all times.
BALANCES = text("""
SELECT a.id,
       CAST(a.debits_posted + coalesce(sum(d.debits_posted), 0) AS bigint) AS debits_posted,
       CAST(a.credits_posted + coalesce(sum(d.credits_posted), 0) AS bigint) AS credits_posted,
       CAST(a.debits_pending + coalesce(sum(d.debits_pending), 0) AS bigint) AS debits_pending,
       CAST(a.credits_pending + coalesce(sum(d.credits_pending), 0) AS bigint) AS credits_pending
FROM ledger_accounts a LEFT JOIN ledger_deltas d ON d.account_id = a.id
WHERE a.id IN (SELECT CAST(jsonb_array_elements_text(CAST(:account_ids AS jsonb)) AS uuid))
GROUP BY a.id
""")

_ENTRY = """
SELECT t.seq, t.id, t.event_id, t.kind, t.pending_id, t.amount AS minor, t.currency, t.code, t.ref_type, t.ref_id,
       debit.purpose AS debit_purpose, debit.owner_type || ':' || debit.owner_id AS debit_owner,
       credit.purpose AS credit_purpose, credit.owner_type || ':' || credit.owner_id AS credit_owner,
       t.expires_at, t.created_at
FROM ledger_transfers t
JOIN ledger_accounts debit ON debit.id = t.debit_id
JOIN ledger_accounts credit ON credit.id = t.credit_id
"""
STATEMENT = text(_ENTRY + "WHERE t.ref_type = :ref_type AND t.ref_id = :ref_id ORDER BY t.seq")
HISTORY = text(
    _ENTRY + "WHERE (t.debit_id = :account_id OR t.credit_id = :account_id)"
    " AND (CAST(:before AS bigint) IS NULL OR t.seq < :before) ORDER BY t.seq DESC LIMIT :limit"
)

ACCOUNTS_OF = text(
    """SELECT purpose, currency, guard, mode FROM ledger_accounts
       WHERE owner_type = :owner_type AND owner_id = :owner_id ORDER BY purpose, currency"""
)
