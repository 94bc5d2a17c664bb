"""What the ledger's history may never become, said by the database itself."""

from __future__ import annotations

from alembic import op

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None

_FUNCTIONS = {
    "ledger_refuse(reason text) RETURNS void": """
        BEGIN
            RAISE EXCEPTION 'the ledger refused: %', reason USING ERRCODE = 'ML005';
        END
    """,
    "ledger_history_is_kept() RETURNS trigger": """
        BEGIN
            RAISE EXCEPTION '% of % is not possible: write a transfer that corrects it', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'ML004';
        END
    """,
    # Fires after the unique index has let this resolution through, so the clock is read after the wait for it.
    "ledger_check_resolution() RETURNS trigger": """
        DECLARE
            hold ledger_transfers%ROWTYPE;
        BEGIN
            SELECT * INTO hold FROM ledger_transfers WHERE id = NEW.pending_id;
            IF hold.kind IS DISTINCT FROM 'pending' OR (hold.debit_id, hold.credit_id, hold.currency)
                    IS DISTINCT FROM (NEW.debit_id, NEW.credit_id, NEW.currency) THEN
                RAISE EXCEPTION '% % does not match a hold %', NEW.kind, NEW.id, NEW.pending_id
                    USING ERRCODE = 'ML002';
            END IF;
            IF NEW.amount > hold.amount OR (NEW.kind = 'void' AND NEW.amount <> hold.amount) THEN
                RAISE EXCEPTION '% of % minor units does not fit hold % of %',
                    NEW.kind, NEW.amount, hold.id, hold.amount USING ERRCODE = 'ML003';
            END IF;
            IF NEW.kind = 'post' AND hold.expires_at <= market_clock() THEN
                RAISE EXCEPTION 'hold % expired at %', hold.id, hold.expires_at USING ERRCODE = 'ML001';
            END IF;
            RETURN NULL;
        END
    """,
    # To delete deltas is to fold them: there is no way to do one without the other.
    "ledger_fold_deltas() RETURNS trigger": """
        BEGIN
            UPDATE ledger_accounts a
            SET debits_posted = a.debits_posted + f.debits_posted,
                credits_posted = a.credits_posted + f.credits_posted,
                debits_pending = a.debits_pending + f.debits_pending,
                credits_pending = a.credits_pending + f.credits_pending
            FROM (
                SELECT account_id, sum(debits_posted) AS debits_posted, sum(credits_posted) AS credits_posted,
                       sum(debits_pending) AS debits_pending, sum(credits_pending) AS credits_pending
                FROM gone GROUP BY account_id
            ) f
            WHERE a.id = f.account_id;
            RETURN NULL;
        END
    """,
}

_TRIGGERS = (
    (
        "ledger_transfers",
        "ledger_transfers_kept",
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers FOR EACH STATEMENT"
        " EXECUTE FUNCTION ledger_history_is_kept()",
    ),
    (
        "ledger_transfers",
        "ledger_transfers_resolution",
        "AFTER INSERT ON ledger_transfers FOR EACH ROW WHEN (NEW.kind IN ('post', 'void'))"
        " EXECUTE FUNCTION ledger_check_resolution()",
    ),
    (
        "ledger_deltas",
        "ledger_deltas_kept",
        "BEFORE UPDATE OR TRUNCATE ON ledger_deltas FOR EACH STATEMENT EXECUTE FUNCTION ledger_history_is_kept()",
    ),
    (
        "ledger_deltas",
        "ledger_deltas_folded",
        "AFTER DELETE ON ledger_deltas REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
        " EXECUTE FUNCTION ledger_fold_deltas()",
    ),
)


def upgrade() -> None:
    for signature, body in _FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {signature} LANGUAGE plpgsql AS $${body}$$")
    for _table, name, definition in _TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {definition}")


def downgrade() -> None:
    for table, name, _definition in reversed(_TRIGGERS):
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for signature in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature.partition(' RETURNS')[0].replace('reason ', '')}")
