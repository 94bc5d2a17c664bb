"""The state machines allow the documented steps and no others."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from marketcore.exceptions import IllegalTransition
from marketcore.states import (
    ORDER_TRANSITIONS,
    PAYMENT_OPEN,
    PAYMENT_TRANSITIONS,
    OrderState,
    PaymentState,
    step,
)

ORDER_STEPS = {
    "created": "pending_payment cancelled",
    "pending_payment": "paid confirmed cancelled expired",
    "paid": "confirmed cancelled refunded disputed",
    "confirmed": "packed cancelled refunded disputed",
    "packed": "shipped cancelled refunded disputed",
    "shipped": "delivered cancelled refunded disputed",
    "delivered": "completed refunded disputed",
    "completed": "refunded disputed",
    "disputed": "paid confirmed packed shipped delivered completed refunded",
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


def allowed(table: Mapping[Any, Any], current: str, target: str) -> bool:
    try:
        return step(table, current, target) == target  # type: ignore[type-var]
    except IllegalTransition:
        return False


@pytest.mark.parametrize(
    ("table", "states", "documented"),
    [(ORDER_TRANSITIONS, OrderState, ORDER_STEPS), (PAYMENT_TRANSITIONS, PaymentState, PAYMENT_STEPS)],
    ids=["orders", "payments"],
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


@pytest.mark.parametrize("state", sorted(OrderState))
def test_every_order_can_reach_an_end(state: OrderState) -> None:
    reached, fresh = {state}, {state}
    while fresh:
        fresh = {target for known in fresh for target in ORDER_TRANSITIONS.get(known, ())} - reached
        reached |= fresh
    assert reached & {OrderState.COMPLETED, OrderState.CANCELLED, OrderState.REFUNDED, OrderState.EXPIRED}
