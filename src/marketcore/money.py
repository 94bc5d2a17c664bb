"""Exact money: integer minor units with a currency, and splits that neither lose nor make a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_MINOR = 2**63 - 1

# ISO 4217 exponents that differ from two.
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}
_TWO_DECIMALS = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
    "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR "
    "ZMW ZWG".split()
)
CURRENCIES = _TWO_DECIMALS.union(_EXPONENTS)
_AMOUNT = re.compile(r"(?P<units>0|[1-9][0-9]{0,18})(?:\.(?P<fraction>[0-9]{1,4}))?", re.ASCII)


def exponent(currency: str) -> int:
    """Return how many decimals ``currency`` has; ``ValueError`` names an unknown code."""
    if currency in _TWO_DECIMALS:
        return 2
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise ValueError(f"{currency!r} is not a known ISO 4217 currency code") from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of ``minor`` units (cents, paise, yen) of ``currency``."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money is counted in whole minor units, not {type(self.minor).__name__}")
        if abs(self.minor) > MAX_MINOR:
            raise ValueError(f"{self.minor} minor units do not fit into 64 bits")
        exponent(self.currency)

    @classmethod
    def parse(cls, amount: str, currency: str) -> Money:
        """Read an unsigned decimal such as ``"500.00"``; more digits than the currency has is an error."""
        digits = exponent(currency)
        match = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
        if match is None:
            raise ValueError(f"{amount!r} is not an amount such as '500.00'")
        fraction = match["fraction"] or ""
        if len(fraction) > digits:
            raise ValueError(f"{amount!r} has more than {digits} decimals, which {currency} does not have")
        return cls(int(match["units"] + fraction.ljust(digits, "0")), currency)

    @property
    def amount(self) -> str:
        """The decimal text with exactly the currency's digits, such as ``"500.00"``."""
        digits = exponent(self.currency)
        sign, text = "-" if self.minor < 0 else "", str(abs(self.minor)).rjust(digits + 1, "0")
        return sign + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
        return other.minor


def allocate(minor: int, weights: Sequence[int]) -> list[int]:
    """Split ``minor`` units by ``weights``, largest remainder first and ties to the earlier part.

    The parts always sum to ``minor`` and each lies within one unit of its exact share.
    """
    total = sum(weights)
    if minor < 0 or total <= 0 or min(weights) < 0:
        raise ValueError("allocate needs an amount >= 0 and weights >= 0 that are not all zero")
    parts = [minor * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(minor * weights[i] % total), i))
    for index in by_remainder[: minor - sum(parts)]:
        parts[index] += 1
    return parts


def commission(minor: int, basis_points: int) -> int:
    """Return the platform's share of ``minor`` at ``basis_points`` (1/100 of a per cent)."""
    if not 0 <= basis_points <= 10_000:
        raise ValueError(f"{basis_points} basis points are not between 0 and 10000")
    return allocate(minor, [basis_points, 10_000 - basis_points])[0]
