"""A market with advertisements, wallets and bank transfers, one a module; its books are checked at the end."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import checks_of, verify
from marketcore.testing.databases import database_from
from marketcore.testing.market import Market

from .agency import Agency

PLUGINS = ("escrow", "payments_manual", "wallet")
SETTINGS = {
    "marketcore.environment": "development",
    "marketcore.log_level": "error",
    "payments.route.KES": "wallet bank_transfer",
    "payments_manual.bank_account": "Equity 0123",
    "orders.commission_bp": "1000",
    # Hashing passwords and limiting who logs in are proved elsewhere.
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="module")
def settings():
    """What differs from the defaults; a module overrides this."""
    return {}


@pytest.fixture(scope="module")
def agency(servers, templates, tmp_path_factory, settings):
    """The people and advertisements of the module's market."""
    with database_from(servers[0], templates(*PLUGINS)) as url:
        market = Market(
            {
                "marketcore.plugins": " ".join(PLUGINS),
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                **SETTINGS,
                **settings,
            }
        )
        with market.serving():
            yield Agency(market)
        with market.registry["engine"].connect() as connection:
            assert verify(connection, checks_of(market.registry)) == []
        market.close()
