"""A market with wallets and bank transfers, and a purchase in it."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import verify
from marketcore.testing.databases import database_from
from marketcore.testing.market import Market
from marketcore.testing.shop import Shop

ROUTES = {"payments__route__KES": "wallet bank_transfer", "payments_manual__bank_account": "Equity 0123"}
# Hashing passwords is proved elsewhere.
QUICK = {"identity__argon2_memory_kib": "1024", "identity__argon2_time_cost": "1"}


@pytest.fixture(scope="module")
def purses(servers, templates, tmp_path_factory):
    """A market with wallets and bank transfers, one a module; its books are checked at the end."""
    with database_from(servers[0], templates("payments_manual", "wallet")) as url:
        market = Market(
            {
                "marketcore.plugins": "payments_manual wallet",
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
                **{key.replace("__", "."): value for key, value in {**ROUTES, **QUICK}.items()},
            }
        )
        with market.serving():
            yield market
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []
        market.close()


@pytest.fixture
def shop(purses):
    """A purchase for 500.00 KES that awaits payment."""
    return Shop(purses, stock=100)
