"""A market that sells in live streams, one a module; its books, logs and credits are checked at the end."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import verify
from marketcore.testing.databases import database_from
from marketcore.testing.live import LiveServer
from marketcore.testing.market import Market

from .stage import Stage

PLUGINS = ("auctions", "livestream", "payments_manual", "wallet")
SETTINGS = {
    "marketcore.plugins": " ".join(PLUGINS),
    "marketcore.environment": "development",
    "marketcore.default_currency": "KES",
    "marketcore.log_level": "error",
    "livestream.credit_price.KES": "50",
    "payments.route.KES": "wallet bank_transfer",
    "payments_manual.bank_account": "Equity 0123",
    "live.port": "0",
    "live.poll_seconds": "0.5",
    "live.messages_per_second": "1000",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="module")
def stage_settings(servers, templates, tmp_path_factory):
    """The settings of the module's market, over a database of its own."""
    with database_from(servers[0], templates(*PLUGINS)) as url:
        yield {
            "marketcore.database_url": url,
            "marketcore.redis_url": servers[1],
            "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
            **SETTINGS,
        }


@pytest.fixture(scope="module")
def stage(stage_settings):
    """The stage; afterwards the ledger is right, and so are credits and logs."""
    market = Market(stage_settings)
    stage = Stage(market)
    with market.serving():
        yield stage
    with market.registry["engine"].connect() as connection:
        assert verify(connection) == []
    stage.check_books()
    market.registry["bid desk"].close()
    market.registry["live sender"].close()
    market.close()


@pytest.fixture(scope="module")
def live(stage):
    """The live process of the stage."""
    with LiveServer(stage.market.registry) as server:
        stage.live = server
        yield server
