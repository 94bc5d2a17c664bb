"""Amounts go to Stripe and come back exactly, in every currency and whatever its decimals."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcore.interfaces import Outcome
from marketcore.money import Money, exponent
from marketcore_payments_stripe.currencies import LEAST, MOST, PAYOUT_STEPS, STEPS, from_units, to_units
from marketcore_simulator.stripe import currencies as stripes

from .sandbox import attempt_for, refund_for

# What is said to the payer, and what Stripe is told.
KNOWN = [
    ("12.34", "USD", 1234),
    ("65.00", "KES", 6500),
    ("0.10", "EUR", 10),
    ("5000", "JPY", 5000),
    ("7", "XAF", 7),
    ("5000", "UGX", 500_000),
    ("150", "ISK", 15_000),
    ("12.340", "KWD", 12_340),
    ("0.010", "TND", 10),
    ("3.00", "MGA", 3),
    ("175.25", "HUF", 17_525),
    ("30.50", "TWD", 3050),
]


@pytest.mark.parametrize(("amount", "currency", "units"), KNOWN)
def test_an_amount_is_counted_as_stripe_counts_it(amount, currency, units):
    money = Money.parse(amount, currency)
    assert to_units(money) == units
    assert from_units(units, currency.lower()) == money


@given(currency=st.sampled_from(sorted(STEPS)), steps=st.integers(1, 10**9))
def test_every_expressible_amount_survives_the_way_there_and_back(currency, steps):
    money = Money(steps * STEPS[currency], currency)
    assert from_units(to_units(money), currency) == money


@given(currency=st.sampled_from(sorted(c for c in STEPS if STEPS[c] > 1)), minor=st.integers(1, 10**9))
def test_an_amount_between_two_steps_is_an_error_and_never_rounded(currency, minor):
    if minor % STEPS[currency] == 0:
        minor += 1
    with pytest.raises(ValueError, match="multiple"):
        to_units(Money(minor, currency))


@pytest.mark.parametrize(("units", "currency"), [(150, "ugx"), (1, "isk")])
def test_units_that_are_no_amount_of_the_currency_are_an_error(units, currency):
    with pytest.raises(ValueError, match="last 2 digits"):
        from_units(units, currency)


@pytest.mark.parametrize("units", [1.0, "100", True, None])
def test_what_is_no_whole_number_is_an_error(units):
    with pytest.raises(ValueError, match="whole number"):
        from_units(units, "usd")


@pytest.mark.parametrize("currency", ["IQD", "LYD", "XXX"])
def test_a_currency_stripe_does_not_take_is_an_error(currency):
    assert currency not in STEPS
    with pytest.raises(ValueError, match=currency):
        from_units(100, currency)


def test_every_currency_is_known_here_and_there():
    # The old code of São Tomé is Stripe's alone: it has no place among the ISO codes in force.
    assert {code.lower() for code in STEPS} == stripes.SUPPORTED - {"std"}
    assert all(exponent(code) in (0, 2, 3) for code in STEPS)


def test_what_may_be_paid_out_is_whole_where_banks_take_whole_units():
    assert {code for code in STEPS if PAYOUT_STEPS[code] != STEPS[code]} == {"HUF", "TWD"}
    assert PAYOUT_STEPS["HUF"] == PAYOUT_STEPS["TWD"] == 100


@pytest.mark.parametrize("currency", sorted(STEPS))
def test_stripe_takes_the_largest_amount_of_each_currency(currency):
    stripes.check_charge(
        to_units(Money(MOST[currency] // STEPS[currency] * STEPS[currency], currency)), currency.lower()
    )
    with pytest.raises(Exception, match="no more than"):
        stripes.check_charge(to_units(Money((MOST[currency] // STEPS[currency] + 1) * STEPS[currency], currency)),
                             currency.lower())  # fmt: skip


@pytest.mark.parametrize("currency", sorted(LEAST))
def test_the_smallest_amounts_are_multiples_of_the_step(currency):
    assert LEAST[currency] % STEPS[currency] == 0


@pytest.mark.parametrize("currency", sorted(STEPS))
def test_what_is_collected_and_given_back_is_what_was_asked_in_every_currency(provider, sandbox, currency):
    step = STEPS[currency]
    # More than the least there is, and an odd number of steps, so that no digit is 0 by chance.
    asked = Money((stripes.minimum(currency.lower()) * 3 + 37 | 1) * step, currency)
    attempt = replace(attempt_for(), amount=asked)
    reference = provider.start(attempt).reference
    sandbox.pay(reference)
    result = provider.fetch(replace(attempt, reference=reference))
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, asked)
    refund = replace(refund_for(replace(attempt, receipt=result.receipt)), amount=Money(step * 3, currency))
    assert provider.refund(refund).amount == Money(step * 3, currency)
