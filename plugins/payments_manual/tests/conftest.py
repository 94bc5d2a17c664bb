"""A marketplace where people say that money came; its books are checked at the end."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import verify

from .people import Counter

# Hashing passwords is proved elsewhere.
QUICK = {"identity__argon2_memory_kib": "1024", "identity__argon2_time_cost": "1"}


@pytest.fixture
def make_counter(make_market):
    """Return ``counter(provider, settings, **shop_options)``: a shop whose route leads to ``provider``."""
    markets = []

    def make(provider="cash_on_delivery", settings=None, plugins=("payments_manual",), **options):
        given = {"payments__route__*": provider, "payments_manual__bank_account": "Equity 0123", **(settings or {})}
        markets.append(make_market(*plugins, **QUICK, **given))
        return Counter(markets[-1], **options)

    yield make
    for market in markets:
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []


@pytest.fixture
def cash(make_counter):
    """A shop that is paid in cash on delivery."""
    return make_counter()


@pytest.fixture
def bank(make_counter):
    """A shop that is paid into the platform's bank account."""
    return make_counter("bank_transfer")
