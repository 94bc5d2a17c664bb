"""What seller and platform each give back adds up to every unit, whatever the rate, the currency and the parts."""

from __future__ import annotations

import pytest
from back_office import decimal

from marketcore.money import allocate

# (currency, total in minor units, basis points, the parts in which all of it goes back)
CASES = [
    ("KES", 10_001, 333, [1, 3_333, 3_333, 3_334]),
    ("KES", 50_000, 0, [20_000, 30_000]),
    ("KES", 50_000, 10_000, [20_000, 30_000]),
    ("JPY", 7, 3_333, [1, 1, 1, 4]),
    ("KWD", 1_005, 1_667, [334, 335, 336]),
]


@pytest.mark.parametrize(("currency", "total", "basis_points", "parts"), CASES)
def test_refunds_in_parts_after_completion_take_the_exact_share_of_each(
    make_office, currency, total, basis_points, parts
):
    options = {"price": decimal(total, currency), "currency": currency, "stock": 1}
    office = make_office({"orders__commission_bp": str(basis_points)}, **options)
    office.paid()
    office.complete()
    fee = office.order().commission_minor
    assert fee == allocate(total, [basis_points, 10_000 - basis_points])[0]
    assert office.money() == (0, total - fee, 0, fee)
    gone = 0
    for part in parts:
        assert office.refunded(decimal(part, currency), currency=currency)["state"] == "succeeded"
        gone += part
        _held, theirs, debt, kept = office.money()
        assert kept == fee - allocate(gone, [fee, total - fee])[0]
        assert (theirs + kept, debt) == (total - gone, 0)
    assert (gone, office.order_state(), office.clearing(currency=currency)) == (total, "refunded", 0)
    assert office.refund(decimal(1, currency), currency=currency).status_code == 409


def test_what_is_refunded_before_the_release_is_not_charged_commission_for(make_office):
    office = make_office({"orders__commission_bp": "333"}, price="100.01", stock=1)
    office.paid()
    office.refunded("33.33")
    office.refunded("0.01")
    office.complete()
    assert office.money() == (0, 6_667 - 222, 0, 222)
    office.refunded()
    assert office.money() == (0, 0, 0, 0)
