"""How Stripe counts money, currency by currency. Pure.

Sources: Stripe's page on supported currencies (zero-decimal, three-decimal, special cases, minimum charge amounts).
"""

from __future__ import annotations

from collections.abc import Mapping

from marketcore.money import Money, exponent

_ZERO_DECIMAL = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
# The last digit must be 0.
_THREE_DECIMAL = frozenset("BHD JOD KWD OMR TND".split())
# UGX and ISK have no decimals in life, yet are counted in hundredths; the last two digits must be 00.
_TWO_DECIMAL = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC
    CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR
    KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK
    PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU
    UZS WST XCD YER ZAR ZMW""".split()
)
# Charged with decimals, but a bank account receives whole units only.
_PAID_OUT_WHOLE = frozenset({"HUF", "TWD"})

_MOST_UNITS = 99_999_999

# In Stripe's units. For a currency not named here the minimum depends on the rate of the day: Stripe decides.
_LEAST_UNITS: Mapping[str, int] = {
    "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17_500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50,
    "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip


def to_units(money: Money) -> int:
    """Return the amount as Stripe counts it; ``ValueError`` for one that Stripe cannot express."""
    step = _step(money.currency)
    if money.minor % step:
        raise ValueError(f"{money} is not a multiple of {Money(step, money.currency)}, which Stripe needs")
    shift = _shift(money.currency)
    return money.minor * 10**shift if shift >= 0 else money.minor // 10**-shift


def from_units(units: int, currency: str) -> Money:
    """Return what Stripe counts as ``units`` of ``currency``; ``ValueError`` for what is no exact amount of it."""
    code = currency.upper()
    if type(units) is not int:
        raise ValueError(f"{units!r} is not a whole number of {code}")
    shift = _shift(code)
    minor, rest = divmod(units, 10**shift) if shift >= 0 else (units * 10**-shift, 0)
    if rest:
        raise ValueError(f"{units} is not an amount of {code}, whose last {shift} digits Stripe leaves at 0")
    return Money(minor, code)


def _decimals(currency: str) -> int:
    if currency in _TWO_DECIMAL:
        return 2
    if currency in _ZERO_DECIMAL:
        return 0
    if currency in _THREE_DECIMAL:
        return 3
    raise ValueError(f"Stripe does not take {currency!r}")


def _shift(currency: str) -> int:
    return _decimals(currency) - exponent(currency)


def _step(currency: str) -> int:
    if currency in _THREE_DECIMAL:
        return 10
    return 10 ** max(0, -_shift(currency))


#: The step, in our minor units, of what may be collected, and of what may be paid out.
STEPS: Mapping[str, int] = {code: _step(code) for code in sorted(_ZERO_DECIMAL | _TWO_DECIMAL | _THREE_DECIMAL)}
PAYOUT_STEPS: Mapping[str, int] = {code: 100 if code in _PAID_OUT_WHOLE else step for code, step in STEPS.items()}

#: What a charge is at least and at most, in our minor units.
LEAST: Mapping[str, int] = {code: from_units(units, code).minor for code, units in _LEAST_UNITS.items()}
MOST: Mapping[str, int] = {
    code: from_units(_MOST_UNITS - _MOST_UNITS % 10 ** max(0, _shift(code)), code).minor for code in STEPS
}
