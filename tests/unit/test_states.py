"""The state machines allow the documented steps and no others."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from marketcore.exceptions import IllegalTransition
from marketcore.states import (
    DISPUTE_TRANSITIONS,
    ORDER_TRANSITIONS,
    PAYMENT_OPEN,
    PAYMENT_TRANSITIONS,
    PAYOUT_OPEN,
    PAYOUT_TRANSITIONS,
    REFUND_OPEN,
    REFUND_TRANSITIONS,
    DisputeState,
    OrderState,
    PaymentState,
    PayoutState,
    RefundState,
    step,
)

ORDER_STEPS = {
    "created": "pending_payment cancelled",
    "pending_payment": "paid confirmed cancelled expired",
    "paid": "processing confirmed cancelled refunded disputed",
    "processing": "completed cancelled refunded disputed",
    "confirmed": "packed cancelled refunded disputed",
    "packed": "shipped cancelled refunded disputed",
    "shipped": "delivered cancelled refunded disputed",
    "delivered": "completed refunded disputed",
    "completed": "refunded disputed",
    "disputed": "paid processing confirmed packed shipped delivered completed refunded",
    "expired": "paid",
    "cancelled": "",
    "refunded": "",
}
PAYMENT_STEPS = {
    "created": "submitting failed",
    "submitting": "pending unknown authorized captured failed expired",
    "pending": "unknown authorized captured failed expired voided",
    "unknown": "pending authorized captured failed expired voided",
    "authorized": "captured voided failed",
    "failed": "authorized captured",
    "expired": "authorized captured",
    "voided": "captured",
    "captured": "",
}
REFUND_STEPS = {
    "requested": "submitting by_hand succeeded failed",
    "submitting": "pending unknown requested succeeded failed",
    "pending": "unknown succeeded failed",
    "unknown": "pending requested succeeded failed",
    "by_hand": "succeeded failed",
    "succeeded": "failed",
    "failed": "succeeded",
}
PAYOUT_STEPS = {
    "requested": "approved rejected",
    "approved": "submitting rejected",
    "submitting": "sent unknown approved paid failed",
    "sent": "unknown paid failed",
    "unknown": "sent approved paid failed",
    "paid": "returned",
    "failed": "paid",
    "rejected": "paid",
    "returned": "",
}
DISPUTE_STEPS = {"open": "won lost", "won": "", "lost": ""}


def allowed(table: Mapping[Any, Any], current: str, target: str) -> bool:
    try:
        return step(table, current, target) == target  # type: ignore[type-var]
    except IllegalTransition:
        return False


@pytest.mark.parametrize(
    ("table", "states", "documented"),
    [
        (ORDER_TRANSITIONS, OrderState, ORDER_STEPS),
        (PAYMENT_TRANSITIONS, PaymentState, PAYMENT_STEPS),
        (REFUND_TRANSITIONS, RefundState, REFUND_STEPS),
        (PAYOUT_TRANSITIONS, PayoutState, PAYOUT_STEPS),
        (DISPUTE_TRANSITIONS, DisputeState, DISPUTE_STEPS),
    ],
    ids=["orders", "payments", "refunds", "payouts", "disputes"],
)
def test_exactly_the_documented_steps_are_possible(table: Any, states: Any, documented: dict[str, str]) -> None:
    assert set(documented) == set(states)
    for current, target in product(states, states):
        assert allowed(table, current, target) == (target in documented[current].split()), (current, target)


def test_a_refused_step_names_both_states_and_is_a_conflict() -> None:
    with pytest.raises(IllegalTransition, match="refunded cannot become paid") as refused:
        step(ORDER_TRANSITIONS, OrderState.REFUNDED, OrderState.PAID)
    assert refused.value.status == 409
    assert refused.value.extra == {"current": "refunded", "target": "paid"}


def test_money_that_was_captured_stays_captured() -> None:
    assert PaymentState.CAPTURED not in PAYMENT_TRANSITIONS
    assert PaymentState.CAPTURED not in PAYMENT_OPEN


@pytest.mark.parametrize("state", sorted(set(PaymentState) - {PaymentState.CAPTURED, PaymentState.CREATED}))
def test_late_success_is_accepted_from_every_state_after_sending(state: PaymentState) -> None:
    assert step(PAYMENT_TRANSITIONS, state, PaymentState.CAPTURED) is PaymentState.CAPTURED


@pytest.mark.parametrize("state", sorted(set(ORDER_TRANSITIONS[OrderState.DISPUTED]) - {OrderState.REFUNDED}))
def test_an_order_comes_back_from_a_dispute_to_where_it_can_be_disputed(state: OrderState) -> None:
    assert step(ORDER_TRANSITIONS, state, OrderState.DISPUTED) is OrderState.DISPUTED


@pytest.mark.parametrize(
    ("table", "waiting"),
    [(REFUND_TRANSITIONS, REFUND_OPEN), (PAYOUT_TRANSITIONS, PAYOUT_OPEN)],
    ids=["refund", "payout"],
)
def test_whatever_the_reconciler_asks_about_can_still_end_with_and_without_the_money(table: Any, waiting: Any) -> None:
    for state in waiting - {PayoutState.APPROVED}:
        assert "failed" in table[state]
        assert table[state] & {"succeeded", "paid"}, state


@pytest.mark.parametrize("state", sorted(OrderState))
def test_every_order_can_reach_an_end(state: OrderState) -> None:
    reached, fresh = {state}, {state}
    while fresh:
        fresh = {target for known in fresh for target in ORDER_TRANSITIONS.get(known, ())} - reached
        reached |= fresh
    assert reached & {OrderState.COMPLETED, OrderState.CANCELLED, OrderState.REFUNDED, OrderState.EXPIRED}
