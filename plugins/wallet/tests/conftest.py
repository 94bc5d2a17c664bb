"""A market with wallets and bank transfers, and a purchase in it."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import verify
from marketcore.testing.shop import Shop

ROUTES = {"payments__route__KES": "wallet bank_transfer", "payments_manual__bank_account": "Equity 0123"}
# Hashing passwords is proved elsewhere.
QUICK = {"identity__argon2_memory_kib": "8192", "identity__argon2_time_cost": "1"}


@pytest.fixture
def purses(make_market):
    """A market with wallets and bank transfers; its books are checked at the end."""
    market = make_market("wallet", "payments_manual", **ROUTES, **QUICK)
    yield market
    with market.registry["engine"].connect() as connection:
        assert verify(connection) == []


@pytest.fixture
def shop(purses):
    """A purchase for 500.00 KES that awaits payment."""
    return Shop(purses, stock=100)
