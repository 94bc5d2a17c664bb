"""``verify`` finds every kind of damage, names the row, and is silent about right books."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from marketcore.ledger.accounts import commission, order_held, seller_payable, wallet
from marketcore.ledger.checks import Check
from marketcore.ledger.services import LedgerService
from marketcore.ledger.verify import CHECKS, Difference, report, verify

from .books import CASH, fund, hold, move, transfer

BUYER, SELLER, HELD, FEES = wallet(1, "KES"), seller_payable(2, "KES"), order_held(1, "KES"), commission("KES")
OPEN, POSTED, VOIDED, SALE, SOLD = (UUID(int=n) for n in range(1, 6))
POST, VOID, EXTRA = UUID(int=11), UUID(int=12), UUID(int=99)

ORDER = """
WITH person AS (
    INSERT INTO users (email, username, password_hash, roles) VALUES
        ('b@example.com', 'b', 'x', '{buyer}'), ('s@example.com', 's', 'x', '{seller}') RETURNING id
), checkout AS (
    INSERT INTO checkouts (buyer_id, currency, total_minor, expires_at)
    SELECT min(id), 'KES', 300, market_clock() FROM person RETURNING id, buyer_id
)
INSERT INTO orders (checkout_id, buyer_id, seller_id, state, currency, total_minor, commission_minor, payment_due_at,
                    paid_at)
SELECT id, buyer_id, buyer_id + 1, 'paid', 'KES', 300, 30, market_clock(), market_clock() FROM checkout RETURNING id
"""
INSERT = f"""
INSERT INTO ledger_transfers
    (id, event_id, kind, pending_id, debit_id, credit_id, currency, amount, code, ref_type, ref_id)
SELECT '{EXTRA}', event_id, kind, pending_id, debit_id, credit_id, currency, amount, code, ref_type, ref_id
FROM ledger_transfers WHERE id =
"""


@pytest.fixture
def books(session: Session, query: Any) -> None:
    """A little of everything: an order that is paid, holds open, posted and voided, deltas rolled and not."""
    assert query(ORDER) == [(1,)]
    fund(session, 1, 1_000)
    LedgerService(session).roll_deltas()
    transfer(session, move(CASH, HELD, 300, SALE), move(BUYER, FEES, 7, SOLD))
    holds = [hold(BUYER, SELLER, 50), hold(CASH, FEES, 40), hold(BUYER, SELLER, 30)]
    transfer(
        session,
        *(
            move(h.debit, h.credit, h.minor, id, kind="pending")
            for h, id in zip(holds, (OPEN, POSTED, VOIDED), strict=True)
        ),
    )
    LedgerService(session).post(POSTED, 25, id=POST, event_id=uuid4())
    LedgerService(session).void(VOIDED, id=VOID, event_id=uuid4())
    session.commit()


@pytest.fixture
def damage(query: Any) -> Any:
    """Return ``damage(*statements)``, which runs them with every trigger and check of the ledger taken away."""

    def run(*statements: str) -> None:
        for table in ("ledger_transfers", "ledger_deltas", "ledger_accounts"):
            query(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            for [name] in query(
                "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass) AND contype = 'c'",
                name=table,
            ):
                query(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        query("DROP INDEX uq_ledger_transfers_one_resolution")
        for statement in statements:
            query(statement)

    return run


@pytest.mark.usefixtures("books")
def test_right_books_have_no_differences(differences: Any) -> None:
    assert differences() == []
    assert report(differences()) == ("the ledger is right: no differences", 0)


def change(account: Any, what: str) -> str:
    return f"UPDATE ledger_accounts SET {what} WHERE id = '{account.id}'"


def rewrite(id: UUID, what: str) -> str:
    return f"UPDATE ledger_transfers SET {what} WHERE id = '{id}'"


PLANTS = {
    "a balance was raised": (change(BUYER, "credits_posted = credits_posted + 1"), "account totals", BUYER.id),
    "a balance was lowered": (change(BUYER, "debits_posted = debits_posted + 1"), "account totals", BUYER.id),
    "a reservation was dropped": (change(BUYER, "debits_pending = 0"), "account totals", BUYER.id),
    "a reservation was invented": (change(SELLER, "credits_pending = 51"), "account totals", SELLER.id),
    "an account was deleted": (f"DELETE FROM ledger_accounts WHERE id = '{SELLER.id}'", "account totals", SELLER.id),
    "a deferred balance was raised": (change(FEES, "credits_posted = 1"), "account totals", FEES.id),
    "a balance breaks the sum": (change(BUYER, "credits_posted = credits_posted + 1"), "zero sum", "KES"),
    "a reservation breaks the sum": (change(BUYER, "debits_pending = 0"), "zero sum", "KES"),
    "an account was overdrawn": (change(SELLER, "debits_posted = 1"), "guards", SELLER.id),
    "a debit account was overdrawn": (change(SELLER, "guard = 'debit'"), "guards", SELLER.id),
    "a guarded account was deferred": (change(BUYER, "mode = 'deferred'"), "guards", BUYER.id),
    "a total is negative": (change(SELLER, "debits_posted = -1"), "totals not negative", SELLER.id),
    "an amount was rewritten": (rewrite(SALE, "amount = 299"), "account totals", HELD.id),
    "a transfer was deleted": (f"DELETE FROM ledger_transfers WHERE id = '{SALE}'", "account totals", HELD.id),
    "a transfer was added": (f"{INSERT} '{SALE}'", "account totals", HELD.id),
    "a transfer was turned round": (
        rewrite(SOLD, "debit_id = credit_id, credit_id = debit_id"),
        "account totals",
        BUYER.id,
    ),
    "a hold was posted twice": (f"{INSERT} '{POST}'", "one resolution", POSTED),
    "a hold was voided twice": (f"{INSERT} '{VOID}'", "one resolution", VOIDED),
    "more than the hold was posted": (rewrite(POST, "amount = 41"), "resolutions match their holds", POST),
    "a void frees another amount": (rewrite(VOID, "amount = 29"), "resolutions match their holds", VOID),
    "a post went elsewhere": (rewrite(POST, f"credit_id = '{BUYER.id}'"), "resolutions match their holds", POST),
    "a post resolves a payment": (rewrite(POST, f"pending_id = '{SOLD}'"), "resolutions match their holds", POST),
    "a post lost its hold": (rewrite(POST, "pending_id = NULL"), "resolutions match their holds", POST),
    "a payment claims a hold": (rewrite(SALE, f"pending_id = '{OPEN}'"), "resolutions match their holds", SALE),
    "a hold was posted too late": (
        rewrite(POSTED, "expires_at = created_at - interval '1 s'"),
        "resolutions match their holds",
        POST,
    ),
    "an amount is not positive": (rewrite(SALE, "amount = 0"), "transfers well formed", SALE),
    "a transfer stays on one account": (rewrite(SALE, "credit_id = debit_id"), "transfers well formed", SALE),
    "a kind is unknown": (rewrite(SALE, "kind = 'gift'"), "transfers well formed", SALE),
    "a currency does not match": (rewrite(SALE, "currency = 'INR'"), "transfers well formed", SALE),
    "an account changed its currency": (change(HELD, "currency = 'INR'"), "transfers well formed", SALE),
    "a transfer has no account": (rewrite(SALE, f"credit_id = '{EXTRA}'"), "transfers well formed", SALE),
    "a delta was deleted": (f"DELETE FROM ledger_deltas WHERE transfer_id = '{SOLD}'", "account totals", FEES.id),
    "a delta was changed": (
        f"UPDATE ledger_deltas SET credits_posted = 8 WHERE transfer_id = '{SOLD}'",
        "deltas match their transfers",
        SOLD,
    ),
    "a delta has no transfer": (
        f"INSERT INTO ledger_deltas (transfer_id, account_id) VALUES ('{EXTRA}', '{FEES.id}')",
        "deltas match their transfers",
        EXTRA,
    ),
    "a delta is on an inline account": (
        f"INSERT INTO ledger_deltas (transfer_id, account_id, credits_posted) VALUES ('{SALE}', '{HELD.id}', 300)",
        "deltas match their transfers",
        SALE,
    ),
}


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("name", PLANTS)
def test_damage_is_found_and_the_row_is_named(damage: Any, differences: Any, name: str) -> None:
    statement, check, id = PLANTS[name]
    damage(statement)
    assert (check, str(id)) in {(found.check, found.id) for found in differences()}


OPERATION = UUID(int=31)
PAYMENT = f"""
    INSERT INTO payments (id, code, user_id, purpose, reference, provider, currency, amount_minor, state, expires_at)
    VALUES ('{UUID(int=30)}', 'CODE', 1, 'checkout', '1', 'mpesa', 'KES', 300, 'captured', market_clock())
"""
REFUND = f"""
    INSERT INTO refunds (id, code, payment_id, source, target, provider, currency, amount_minor, state)
    SELECT '{OPERATION}', 'REFUND', id, 'purpose', 'original', 'mpesa', 'KES', 5, 'pending' FROM payments
"""
PAYOUT = f"""
    WITH place AS (
        INSERT INTO payout_destinations (id, user_id, provider, state) VALUES ('{EXTRA}', 2, 'mpesa', 'active')
        RETURNING id, user_id)
    INSERT INTO payouts (id, code, user_id, destination_id, provider, source, currency, amount_minor, state)
    SELECT '{OPERATION}', 'PAYOUT', user_id, id, 'mpesa', 'earnings', 'KES', 5, 'requested' FROM place
"""
DISPUTE = f"""
    INSERT INTO disputes (id, payment_id, provider, provider_reference, currency, amount_minor, taken_minor, state)
    SELECT '{OPERATION}', id, 'mpesa', 'dp', 'KES', 5, {{taken}}, '{{state}}' FROM payments
"""
PART = f"INSERT INTO dispute_parts (dispute_id, order_id, amount_minor) VALUES ('{OPERATION}', 1, 5)"
FREEZE = f"""
    INSERT INTO order_freezes (id, order_id, currency, amount_minor, cause) VALUES ('{OPERATION}', 1, 'KES', 5, 'doubt')
"""
CONTESTED = "UPDATE orders SET state = 'disputed', disputed_from = 'paid'"
OPERATIONS = {
    "a refund has no money": ([REFUND], "refunds due", "KES"),
    "a payout has no hold": ([PAYOUT], "payouts hold their money", OPERATION),
    "an open dispute has no money": ([DISPUTE.format(taken=5, state="open")], "disputes hold their money", OPERATION),
    "orders lost more than a dispute took": (
        [DISPUTE.format(taken=0, state="won"), PART],
        "disputes hold their money",
        OPERATION,
    ),
    "a freeze has no money": ([FREEZE], "freezes hold their money", OPERATION),
    "an order does not know that it is frozen": ([FREEZE], "disputes hold their money", 1),
    "an order is contested by nobody": ([CONTESTED], "disputes hold their money", 1),
    "an order does not know of its dispute": (
        [DISPUTE.format(taken=0, state="open"), PART],
        "disputes hold their money",
        1,
    ),
}


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_that_do_not_fit_the_books_are_named(query: Any, differences: Any, name: str) -> None:
    statements, check, id = OPERATIONS[name]
    query(PAYMENT)
    assert differences() == []
    for statement in statements:
        query(statement)
    assert (check, str(id)) in {(found.check, found.id) for found in differences()}


def test_every_check_is_proved_by_damage_of_its_own() -> None:
    proved = {check for _what, check, _id in (*PLANTS.values(), *OPERATIONS.values())}
    assert proved | {"orders hold their money", "held money has its order"} == {check.name for check in CHECKS}


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("state", ["paid", "confirmed", "packed", "shipped", "delivered"])
def test_an_order_on_its_way_holds_its_whole_price(session: Session, query: Any, differences: Any, state: str) -> None:
    query(f"UPDATE orders SET state = '{state}'")
    assert differences() == []
    transfer(session, move(HELD, FEES, 1))
    session.commit()
    assert differences() == [
        Difference(
            "orders hold their money",
            "1",
            f"order is {state} and holds 299 of 300 KES, of which 0 went back and 0 is contested",
        ),
    ]


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("state", ["created", "pending_payment", "completed", "refunded", "cancelled", "expired"])
def test_an_order_that_is_over_or_not_paid_holds_nothing(
    session: Session, query: Any, differences: Any, state: str
) -> None:
    query(f"UPDATE orders SET state = '{state}'")
    assert [(found.check, found.id) for found in differences()] == [("orders hold their money", "1")]
    transfer(session, move(HELD, FEES, 300))
    session.commit()
    assert differences() == []


@pytest.mark.usefixtures("books")
def test_a_paid_order_whose_money_never_came_is_found(query: Any, differences: Any) -> None:
    query(
        "INSERT INTO orders"
        " (checkout_id, buyer_id, seller_id, state, currency, total_minor, commission_minor, payment_due_at, paid_at)"
        " SELECT checkout_id, buyer_id, seller_id, 'paid', 'KES', 5, 0, payment_due_at, paid_at FROM orders"
    )
    [found] = differences()
    assert (found.check, found.detail) == (
        "orders hold their money",
        "order is paid and holds 0 of 5 KES, of which 0 went back and 0 is contested",
    )


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("held", [order_held(404, "KES"), order_held(1, "INR")], ids=str)
def test_money_held_for_no_order_is_found(session: Session, differences: Any, held: Any) -> None:
    cash = type(CASH)("provider", "mpesa", "clearing", held.currency)
    transfer(session, move(cash, held, 5))
    session.commit()
    [found] = differences()
    assert (found.check, found.id) == ("held money has its order", held.owner_id)


@pytest.mark.usefixtures("books")
def test_another_room_can_add_a_check_of_its_own(engine: Engine) -> None:
    mine = Check(
        "orders are small", "SELECT id::text, 'total ' || total_minor AS detail FROM orders WHERE total_minor > 1"
    )
    with engine.connect() as connection:
        found = verify(connection, [*CHECKS, mine])
    assert found == [Difference("orders are small", "1", "total 300")]
    said, code = report(found)
    assert code == 1
    assert "orders are small: 1: total 300" in said
