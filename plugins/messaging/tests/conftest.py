"""A marketplace whose people write to each other, one for all of these tests, and its live process."""

from __future__ import annotations

import pytest

from marketcore.testing.databases import database_from
from marketcore.testing.live import LiveServer
from marketcore.testing.market import Market

from .correspondents import Town

RATES = ("find", "start", "send", "signal", "upload", "status")
# Hashing passwords and limiting uploads are proved elsewhere.
QUIET = {
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    "marketcore.log_level": "error",
    "live.port": "0",
    "live.poll_seconds": "0.5",
    "live.recheck_seconds": "1",
    "live.messages_per_second": "1000",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
    **{f"messaging.rate.{name}": "off" for name in RATES},
}
PLUGINS = ("messaging", "webhooks")


@pytest.fixture(scope="package")
def town(servers, templates, tmp_path_factory):
    """The marketplace, served."""
    with database_from(servers[0], templates(*PLUGINS)) as url:
        settings = {
            "marketcore.plugins": " ".join(PLUGINS),
            "marketcore.database_url": url,
            "marketcore.redis_url": servers[1],
            "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
            "marketcore.environment": "development",
            **QUIET,
        }
        market = Market(settings)
        with market.serving(), LiveServer(market.registry) as live:
            yield Town(market, live)
        market.close()
