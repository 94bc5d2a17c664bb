"""Money is exact: nothing is lost, made up or guessed, in any currency."""

from __future__ import annotations

import os
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketcore.money import MAX_MINOR, Money, allocate, commission, exponent

CASES = 100_000 if os.environ.get("MARKETCORE_LONG") else 2_000
thorough = settings(max_examples=CASES, deadline=None)

CURRENCIES = {0: "JPY", 2: "KES", 3: "KWD"}
currencies = st.sampled_from(sorted(CURRENCIES.values()))
minors = st.integers(0, MAX_MINOR) | st.integers(0, 10_000)
weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=50).filter(any)


@pytest.mark.parametrize(("digits", "currency"), CURRENCIES.items())
def test_each_currency_has_its_own_number_of_decimals(digits: int, currency: str) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize("code", ["", "kes", "XXX", "KE", "KES ", "١٢٣"])
def test_an_unknown_currency_is_refused_by_name(code: str) -> None:
    with pytest.raises(ValueError, match="not a known ISO 4217"):
        Money(1, code)


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (80, "JPY", "80"),
        (0, "JPY", "0"),
        (50_000, "KES", "500.00"),
        (5, "KES", "0.05"),
        (1_234, "KWD", "1.234"),
        (-5, "KES", "-0.05"),
        (-1_234, "KWD", "-1.234"),
    ],
)
def test_an_amount_is_written_with_exactly_the_digits_of_its_currency(minor: int, currency: str, amount: str) -> None:
    assert Money(minor, currency).amount == amount


@thorough
@given(minors, currencies)
def test_what_is_written_is_read_back_as_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(money.amount, currency) == money


@thorough
@given(st.integers(0, 10**9), currencies, st.data())
def test_fewer_decimals_than_the_currency_has_mean_zeros(units: int, currency: str, data: st.DataObject) -> None:
    digits = exponent(currency)
    given_digits = data.draw(st.integers(0, digits))
    fraction = data.draw(st.integers(0, 10**given_digits - 1)) if given_digits else 0
    text = f"{units}.{fraction:0{given_digits}}" if given_digits else str(units)
    assert Money.parse(text, currency).minor == Fraction(text) * 10**digits


@pytest.mark.parametrize(
    "text",
    [
        *("", " 1", "1 ", "1\n", "1\x00", "-1", "+1", "01", "00", "1.", ".5", "1.0.0", "1e3", "0x10"),
        *("1_000", "1,000", "NaN", "Infinity", "٣", "１", "10" * 5000),
    ],
)
@pytest.mark.parametrize("currency", CURRENCIES.values())
def test_what_is_not_a_plain_unsigned_decimal_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="is not an amount such as"):
        Money.parse(text, currency)


@pytest.mark.parametrize(("text", "currency"), [("1.0", "JPY"), ("1.000", "KES"), ("1.0000", "KWD")])
def test_more_decimals_than_the_currency_has_are_refused_even_if_they_are_zeros(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="decimals"):
        Money.parse(text, currency)


@pytest.mark.parametrize("value", [1.0, 1, True, None, b"1", ["1"], float("nan")])
def test_only_text_is_parsed(value: object) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        Money.parse(value, "KES")  # type: ignore[arg-type]


@pytest.mark.parametrize("minor", [1.0, True, False, "1", None, float("nan"), Fraction(1)])
def test_minor_units_are_whole_numbers_and_nothing_else(minor: object) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        Money(minor, "KES")  # type: ignore[arg-type]


@pytest.mark.parametrize("minor", [2**63, -(2**63), 10**4000])
def test_amounts_beyond_64_bits_are_refused(minor: int) -> None:
    with pytest.raises(ValueError):
        Money(minor, "KES")


def test_the_largest_amount_is_kept_and_one_more_is_refused() -> None:
    assert Money(MAX_MINOR, "JPY").amount == "9223372036854775807"
    with pytest.raises(ValueError, match="64 bits"):
        Money.parse("9223372036854775808", "JPY")


def test_two_currencies_never_meet() -> None:
    shillings, yen = Money(1, "KES"), Money(1, "JPY")
    for combine in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__):
        with pytest.raises(ValueError, match="cannot combine"):
            combine(shillings, yen)
    assert shillings != yen


@pytest.mark.parametrize("count", [1.5, 0.5, "2"])
def test_money_is_multiplied_by_whole_counts_only(count: object) -> None:
    with pytest.raises(TypeError):
        Money(3, "KES") * count  # type: ignore[operator]


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 1000), currencies)
def test_sums_differences_and_multiples_are_those_of_the_minor_units(a: int, b: int, count: int, code: str) -> None:
    assert (Money(a, code) + Money(b, code)).minor == a + b
    assert (Money(a, code) - Money(b, code)).minor == a - b
    assert (Money(a, code) * count).minor == a * count
    assert (Money(a, code) < Money(b, code), Money(a, code) <= Money(b, code)) == (a < b, a <= b)


@thorough
@given(minors, weights)
def test_parts_sum_to_the_whole_and_each_is_within_one_unit_of_exact(minor: int, weights: list[int]) -> None:
    parts = allocate(minor, weights)
    total = sum(weights)
    assert sum(parts) == minor
    assert min(parts) >= 0
    assert all(abs(part - Fraction(minor * weight, total)) < 1 for part, weight in zip(parts, weights, strict=True))
    assert parts == allocate(minor, weights)


@thorough
@given(minors, weights)
def test_a_part_without_weight_gets_nothing(minor: int, weights: list[int]) -> None:
    assert all(part == 0 for part, weight in zip(allocate(minor, weights), weights, strict=True) if weight == 0)


def test_leftover_units_go_to_the_largest_remainder_and_then_to_the_earlier_part() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(101, [1, 1, 1]) == [34, 34, 33]
    assert allocate(10, [1, 2, 4]) == [1, 3, 6]


@pytest.mark.parametrize(("minor", "weights"), [(-1, [1]), (1, [0, 0]), (1, [2, -1]), (1, [])])
def test_an_impossible_split_is_refused(minor: int, weights: list[int]) -> None:
    with pytest.raises(ValueError):
        allocate(minor, weights)


@thorough
@given(minors, st.integers(0, 10_000))
def test_commission_and_the_sellers_part_make_the_price(minor: int, basis_points: int) -> None:
    share = commission(minor, basis_points)
    assert 0 <= share <= minor
    assert abs(share - Fraction(minor * basis_points, 10_000)) < 1
    assert share + allocate(minor, [basis_points, 10_000 - basis_points])[1] == minor


@thorough
@given(minors, st.integers(0, 10_000), st.data())
def test_refunding_part_of_a_sale_never_takes_back_more_commission_than_was_taken(
    minor: int, basis_points: int, data: st.DataObject
) -> None:
    refund = data.draw(st.integers(0, minor))
    assert commission(refund, basis_points) <= commission(minor, basis_points)


@pytest.mark.parametrize("basis_points", [-1, 10_001])
def test_a_commission_outside_0_to_100_per_cent_is_refused(basis_points: int) -> None:
    with pytest.raises(ValueError, match="basis points"):
        commission(1, basis_points)
