"""One marketplace with live streams for all files; its books are checked at the end."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import verify
from marketcore.testing.databases import database_from
from marketcore.testing.live import LiveServer
from marketcore.testing.market import Market

from .studio import Studio

PLUGINS = ("auctions", "livestream")
# The project and the certificate of Agora's own published example.
AGORA = {
    "livestream.video_provider": "agora",
    "livestream.agora_app_id": "970CA35de60c44645bbae8a215061b33",
    "livestream.agora_app_certificate": "5CFd2fd1755d40ecb72977518be15d3b",
}
QUIET = {
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    "marketcore.log_level": "error",
    "live.port": "0",
    "live.poll_seconds": "0.5",
    "live.recheck_seconds": "60",
    "livestream.slow_mode_seconds": "0",
    "livestream.credits": "false",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="session")
def studio(servers, templates, tmp_path_factory):
    """The studio, with its web and live process."""
    with database_from(servers[0], templates(*PLUGINS)) as url:
        market = Market(
            {
                "marketcore.plugins": " ".join(PLUGINS),
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                **QUIET,
                **AGORA,
            }
        )
        with market.serving(), LiveServer(market.registry) as live:
            yield Studio(market, live)
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []
        market.registry["bid desk"].close()
        market.close()
