"""A market that sells by auction, one a module; its books and its logs are checked at the end."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import verify
from marketcore.testing.databases import database_from
from marketcore.testing.live import LiveServer
from marketcore.testing.market import Market

from .lots import AuctionHouse

# Hashing passwords and limiting who logs in are proved elsewhere.
QUIET = {
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    "marketcore.log_level": "error",
    "live.port": "0",
    "live.poll_seconds": "0.5",
    "live.recheck_seconds": "1",
    "live.messages_per_second": "1000",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="module")
def plugins():
    """What the module's market has; a module that needs more overrides this."""
    return ("auctions", "wallet")


@pytest.fixture(scope="module")
def settings():
    """What differs from the defaults; a module overrides this."""
    return {}


@pytest.fixture(scope="module")
def house_settings(servers, templates, tmp_path_factory, plugins, settings):
    """The settings of the module's market, over a database of its own."""
    with database_from(servers[0], templates(*plugins)) as url:
        yield {
            "marketcore.plugins": " ".join(plugins),
            "marketcore.database_url": url,
            "marketcore.redis_url": servers[1],
            "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
            "marketcore.environment": "development",
            **QUIET,
            **settings,
        }


@pytest.fixture(scope="module")
def house(house_settings):
    """The auction house; afterwards the ledger is right and every log is what the engine makes of it."""
    market = Market(house_settings)
    house = AuctionHouse(market)
    with market.serving():
        yield house
    with market.registry["engine"].connect() as connection:
        assert verify(connection) == []
    house.check_logs()
    market.registry["bid desk"].close()
    market.registry["live sender"].close()
    market.close()


@pytest.fixture(scope="module")
def live(house):
    """The live process of the auction house."""
    with LiveServer(house.market.registry) as server:
        house.live = server
        yield server
