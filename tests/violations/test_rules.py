"""The pure decisions about broken words."""

from __future__ import annotations

import pytest

from marketcore.events import OrderStateChanged
from marketcore.violations.rules import broken, is_reached, reason

BUYER, SELLER, PLATFORM = 1, 2, None


@pytest.mark.parametrize(
    ("previous", "state", "actor", "origin", "for_checkouts", "kind"),
    [
        ("pending_payment", "expired", PLATFORM, "cart", True, "unpaid"),
        ("pending_payment", "expired", PLATFORM, "cart", False, None),
        ("pending_payment", "expired", PLATFORM, "award", True, "unpaid"),
        ("pending_payment", "expired", PLATFORM, "award", False, "unpaid"),
        ("pending_payment", "expired", PLATFORM, "offer", True, None),
        ("pending_payment", "cancelled", BUYER, "award", False, "backed_out"),
        ("pending_payment", "cancelled", SELLER, "award", True, None),
        ("pending_payment", "cancelled", PLATFORM, "award", True, None),
        ("pending_payment", "cancelled", BUYER, "cart", True, None),
        ("pending_payment", "cancelled", BUYER, "offer", True, None),
        ("paid", "cancelled", BUYER, "award", True, None),
        ("pending_payment", "paid", PLATFORM, "award", True, None),
    ],
)
def test_a_word_is_broken_by_not_paying_and_by_calling_off_what_was_won(
    previous, state, actor, origin, for_checkouts, kind
):
    change = OrderStateChanged(7, BUYER, SELLER, previous, state, actor)
    assert broken(change, origin, for_checkouts=for_checkouts) == kind


@pytest.mark.parametrize(
    ("limit", "standing", "reached"), [(3, 2, False), (3, 3, True), (3, 4, True), (1, 1, True), (0, 9, False)]
)
def test_a_limit_is_reached_by_as_many_and_nought_is_none(limit, standing, reached):
    assert is_reached(limit, standing) is reached


def test_a_reason_names_the_orders_and_fits_into_its_column():
    assert reason(2, [("order 9", "backed_out"), ("order 7", "unpaid")]) == (
        "too many violations (2): order 9 was won and called off; order 7 was not paid for in time"
    )
    assert len(reason(10**6, [("listing 999999999999999999", "unpaid")] * 8)) <= 500
