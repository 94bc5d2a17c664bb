"""The chart of accounts: which accounts exist, what protects each of them and what they are called. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from marketcore.ledger.ids import business_id
from marketcore.money import exponent

PLATFORM = "market"
_LENGTHS = {"owner_type": 20, "owner_id": 60, "purpose": 40}


class Terms(NamedTuple):
    """How an account is kept.

    ``guard``: the side that may not be overdrawn (``credit`` for money we owe, ``debit``, or ``none``).
    ``mode``: ``inline`` balances are updated and locked by each transfer, ``deferred`` ones collect deltas.
    ``normal``: the side on which the balance usually stands.
    """

    guard: str
    mode: str
    normal: str = "credit"


TERMS: Mapping[str, Terms] = {
    "held": Terms("credit", "inline"),
    "wallet": Terms("credit", "inline"),
    "seller_payable": Terms("credit", "inline"),
    "seller_debt": Terms("none", "inline", "debit"),
    "commission": Terms("none", "deferred"),
    "provider_fees": Terms("none", "deferred", "debit"),
    "refund_due": Terms("none", "deferred"),
    "unapplied_receipts": Terms("none", "deferred"),
    "fx_rounding": Terms("none", "deferred"),
    "disputed": Terms("credit", "inline"),
    "frozen": Terms("credit", "inline"),
    "clearing": Terms("none", "deferred", "debit"),
}


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Names one account; the first transfer that uses it opens it.

    ``guard`` and ``mode`` follow from the purpose. A plugin's own purpose states both:
    ``AccountRef("job", "42", "escrow", "KES", guard="credit", mode="inline")``. ``ValueError`` says what is wrong.
    """

    owner_type: str
    owner_id: str
    purpose: str
    currency: str
    guard: str = ""
    mode: str = ""

    def __post_init__(self) -> None:
        exponent(self.currency)
        for name, longest in _LENGTHS.items():
            if not 1 <= len(getattr(self, name)) <= longest:
                raise ValueError(f"{name} {getattr(self, name)!r} of an account must have 1 to {longest} characters")
        terms = _terms(self.purpose, self.guard, self.mode)
        object.__setattr__(self, "guard", terms.guard)
        object.__setattr__(self, "mode", terms.mode)

    @property
    def id(self) -> UUID:
        """The account's id, which follows from its owner, purpose and currency: nobody needs to look it up."""
        return business_id("account", self.owner_type, self.owner_id, self.purpose, self.currency)

    @property
    def normal(self) -> str:
        """The side on which the balance usually stands: ``credit`` or ``debit``."""
        if self.purpose in TERMS:
            return TERMS[self.purpose].normal
        return "debit" if self.guard == "debit" else "credit"

    def __str__(self) -> str:
        return f"{self.purpose} of {self.owner_type} {self.owner_id} in {self.currency}"


def _terms(purpose: str, guard: str, mode: str) -> Terms:
    known = TERMS.get(purpose)
    terms = Terms(guard or (known.guard if known else ""), mode or (known.mode if known else ""))
    if known and terms[:2] != known[:2]:
        raise ValueError(f"{purpose!r} accounts are guard={known.guard!r}, mode={known.mode!r}: leave both out")
    if terms.guard not in ("none", "credit", "debit") or terms.mode not in ("inline", "deferred"):
        raise ValueError(
            f"{purpose!r} is not in the chart of accounts: give guard 'none', 'credit' or 'debit' "
            f"and mode 'inline' or 'deferred' (got {guard!r} and {mode!r})"
        )
    if terms.guard != "none" and terms.mode == "deferred":
        raise ValueError(f"{purpose!r}: a guarded account cannot be deferred, make it inline")
    return terms


def order_held(order_id: int, currency: str) -> AccountRef:
    """What the buyer has paid for an order, until it is released or refunded."""
    return AccountRef("order", str(order_id), "held", currency)


def wallet(user_id: int, currency: str) -> AccountRef:
    """A user's own money on the platform."""
    return AccountRef("user", str(user_id), "wallet", currency)


def seller_payable(user_id: int, currency: str) -> AccountRef:
    """What a seller has earned and not been paid out."""
    return AccountRef("user", str(user_id), "seller_payable", currency)


def seller_debt(user_id: int, currency: str) -> AccountRef:
    """What a seller owes us, for example after a chargeback of money already paid out."""
    return AccountRef("user", str(user_id), "seller_debt", currency)


def provider_clearing(provider: str, currency: str) -> AccountRef:
    """Money that a payment provider holds for us; debits are what came in."""
    return AccountRef("provider", provider, "clearing", currency)


def commission(currency: str) -> AccountRef:
    """What the platform has earned."""
    return AccountRef("platform", PLATFORM, "commission", currency)


def provider_fees(currency: str) -> AccountRef:
    """What payment providers have charged us."""
    return AccountRef("platform", PLATFORM, "provider_fees", currency)


def refund_due(currency: str) -> AccountRef:
    """Money on its way back to buyers."""
    return AccountRef("platform", PLATFORM, "refund_due", currency)


def disputed(dispute_id: UUID, currency: str) -> AccountRef:
    """What a payer's bank contests in one dispute, until it is won or lost."""
    return AccountRef("dispute", str(dispute_id), "disputed", currency)


def frozen(freeze_id: UUID, currency: str) -> AccountRef:
    """What one freeze keeps of an order's money until something is decided."""
    return AccountRef("freeze", str(freeze_id), "frozen", currency)


def unapplied_receipts(currency: str) -> AccountRef:
    """Money that arrived and could not be used for what it was sent for."""
    return AccountRef("platform", PLATFORM, "unapplied_receipts", currency)


def fx_rounding(currency: str) -> AccountRef:
    """What conversions between currencies leave over or lack."""
    return AccountRef("platform", PLATFORM, "fx_rounding", currency)
