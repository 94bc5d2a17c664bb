"""What a provider's word does to a payment, in every order in which words can come."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from marketcore.interfaces import Outcome, ProviderResult
from marketcore.money import Money
from marketcore.payments.rules import CHECK_AFTER, next_check, webhook_backoff
from marketcore.payments.services import PaymentService
from marketcore.states import PAYMENT_TRANSITIONS, PaymentState
from marketcore.testing.shop import Shop

OUTCOME = {
    "pending": Outcome.PENDING,
    "failed": Outcome.DECLINED,
    "captured": Outcome.SUCCEEDED,
    "unknown": Outcome.UNKNOWN,
    "expired": Outcome.EXPIRED,
    "authorized": Outcome.AUTHORIZED,
}
_INSERT = """
    INSERT INTO payments (code, user_id, purpose, reference, provider, currency, amount_minor, state,
                          expires_at, next_check_at)
    SELECT substr(md5(random()::text), 1, 12), buyer_id, 'checkout', id::text, 'fakepay',
           currency, total_minor, 'submitting', market_clock() + interval '15 minutes',
           market_clock() + interval '1 minute'
    FROM checkouts WHERE id = :checkout RETURNING id
"""


def apply(till, payment_id, state, minor=50000, currency="KES"):
    amount = Money(minor, currency) if state == "captured" else None
    result = ProviderResult(OUTCOME[state], amount=amount, reason="declined" if state == "failed" else None)
    return till.market.perform(
        lambda request: request.find_service(PaymentService).apply_provider_state(payment_id, result, "test")
    )


def expected_end(words):
    """Return the state the table leads to: the oracle, written without the service."""
    current = PaymentState.SUBMITTING
    for word in words:
        target = PaymentState(word)
        if target is PaymentState.UNKNOWN and current is not PaymentState.SUBMITTING:
            continue
        if target in PAYMENT_TRANSITIONS.get(current, frozenset()):
            current = target
    return current


def opened(till, checkout):
    ((payment_id,),) = till.market.query(_INSERT, checkout=checkout["id"])
    return payment_id


WORDS = ("pending", "failed", "captured", "unknown", "expired")
SEQUENCES = [words for length in (1, 2, 3, 4) for words in permutations(WORDS, length)]
REPEATED = [words for words in product(("pending", "captured", "failed"), repeat=3) if len(set(words)) < 3]


@pytest.mark.parametrize("half", [0, 1])
def test_results_in_any_order_end_where_the_table_says_and_money_moves_at_most_once(make_till, half):
    till = make_till(stock=1000)
    for words in [*SEQUENCES, *REPEATED][half::2]:
        checkout = till.check_out()
        payment_id = opened(till, checkout)
        for word in words:
            apply(till, payment_id, word)
        ((state,),) = till.market.query("SELECT state FROM payments WHERE id = :id", id=payment_id)
        assert state == expected_end(words), words
        moved = till.market.query(
            "SELECT 1 FROM ledger_transfers WHERE ref_type = 'order' AND ref_id = :id",
            id=str(checkout["orders"][0]["id"]),
        )
        assert len(moved) == ("captured" in words), words
        ((order,),) = till.market.query("SELECT state FROM orders WHERE checkout_id = :id", id=checkout["id"])
        assert order == ("paid" if "captured" in words else "pending_payment"), words


def test_a_captured_payment_never_goes_back_and_what_was_said_is_kept(till):
    payment = till.pay({})
    till.tell(payment, "captured")
    for word in ("failed", "expired", "pending"):
        till.tell(payment, word)
    assert till.read_payment(payment)["state"] == "captured"
    assert till.states(payment, applied=False) == ["failed", "expired", "pending"]
    till.assert_paid_once()


def test_money_of_another_amount_is_set_aside_and_the_order_is_untouched(till):
    payment = till.pay({})
    till.tell(payment, "captured", minor=49999)
    assert till.read_payment(payment)["state"] == "captured"
    assert till.transfers() == [("unapplied", 49999)]
    assert till.order_state() == "pending_payment"
    second = till.pay({})
    till.tell(second, "captured")
    till.assert_paid_once()


def test_money_of_another_currency_is_set_aside_in_that_currency(till):
    payment = till.pay({})
    till.tell(payment, "captured", minor=50000, currency="USD")
    assert till.transfers() == [("unapplied", 50000)]
    ((currency,),) = till.market.query("SELECT currency FROM ledger_transfers")
    assert currency == "USD"
    assert till.order_state() == "pending_payment"


def test_a_success_without_an_amount_moves_nothing(till):
    payment_id = opened(till, till.checkout)
    state = till.market.perform(
        lambda request: request.find_service(PaymentService).apply_provider_state(
            payment_id, ProviderResult(Outcome.SUCCEEDED), "test"
        )
    )
    assert state is PaymentState.UNKNOWN
    assert till.transfers() == []


def test_late_money_for_an_expired_order_takes_the_goods_while_there_are_any(till):
    payment = till.pay({})
    till.market.travel("25 hours")
    till.run_deadlines()
    assert till.stock_left() == 5
    till.tell(payment, "captured")
    ((state,),) = till.market.query("SELECT state FROM orders")
    assert state == "paid"
    assert till.stock_left() == 4
    assert till.transfers() == [("capture", 50000)]


def test_late_money_for_goods_that_are_gone_is_set_aside_and_the_order_stays_expired(make_till):
    till = make_till(stock=1)
    payment = till.pay({})
    till.market.travel("25 hours")
    till.run_deadlines()
    till.market.query("UPDATE listings SET quantity = 0")
    till.tell(payment, "captured")
    ((state,),) = till.market.query("SELECT state FROM orders")
    assert state == "expired"
    assert till.stock_left() == 0
    assert till.transfers() == [("unapplied", 50000)]


def test_late_money_for_two_sellers_goods_takes_all_of_them_or_none(make_till):
    till = make_till(stock=1)
    other = Shop(till.market, stock=1)
    for shop in (till, other):
        till.market.query("UPDATE listings SET quantity = 1")
        till.buyer.post("/api/v1/cart/items", json={"listing_id": shop.listing["id"], "quantity": 1})
    till.checkout = till.buyer.post("/api/v1/checkouts", json={}).json()
    assert len(till.checkout["orders"]) == 2
    payment = till.pay({})
    till.market.travel("25 hours")
    till.run_deadlines()
    till.market.query("UPDATE listings SET quantity = 0 WHERE id = :id", id=other.listing["id"])
    before = till.stock_left()
    till.tell(payment, "captured")
    assert till.stock_left() == before
    assert till.transfers() == [("unapplied", 100000)]


def test_money_for_a_cancelled_order_is_set_aside(till):
    payment = till.pay({})
    till.step(till.buyer, "cancelled")
    till.tell(payment, "captured")
    assert till.order_state() == "cancelled"
    assert till.transfers() == [("unapplied", 50000)]
    assert till.stock_left() == 5


def test_a_failure_is_told_to_the_watchers_of_the_order(till):
    payment = till.pay({})
    till.tell(payment, "failed")
    (event,) = till.market.query("SELECT data FROM live_events WHERE type = 'order.payment_failed'")
    assert event.data == {"order_id": till.order_id, "payment_id": payment["id"], "reason": "declined"}


def test_questions_come_further_and_further_apart_and_end():
    waits = [next_check(checks) for checks in range(len(CHECK_AFTER) + 3)]
    asked = [wait for wait in waits if wait is not None]
    assert asked == list(CHECK_AFTER)
    assert asked == sorted(asked)
    assert asked[0] <= 5
    assert sum(asked) > 5 * 86_400
    assert waits[len(CHECK_AFTER) :] == [None] * 3


def test_events_that_fail_are_put_off_longer_each_time_and_die_after_ten_attempts():
    waits = [webhook_backoff(attempts) for attempts in range(1, 12)]
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, None, None]
