"""A marketplace with a post office of its own and the plugin gazette, shared by these tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE / "gazette"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from post import PostOffice, Town  # noqa: E402

from marketcore.directives import table  # noqa: E402
from marketcore.testing.databases import database_from  # noqa: E402
from marketcore.testing.fixtures import QUICK_HASHES  # noqa: E402
from marketcore.testing.live import LiveServer  # noqa: E402
from marketcore.testing.market import Market  # noqa: E402

LIMITS = {f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")}


@pytest.fixture(scope="session")
def office():
    with PostOffice() as office:
        yield office


@pytest.fixture(scope="session")
def whole_town(servers, templates, tmp_path_factory, office):
    with database_from(servers[0], templates("gazette")) as url:
        market = Market(
            {
                "marketcore.plugins": "gazette",
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                "live.port": "0",
                "identity.verify_email": "false",
                "notifications.site_url": "https://shop.example/",
                "notifications.site_name": "Soko & Co",
                "notifications.sender": "post@shop.example",
                "notifications.smtp_host": "127.0.0.1",
                "notifications.smtp_port": str(office.port),
                "notifications.smtp_security": "none",
                "notifications.sms_provider": "pigeons",
                **QUICK_HASHES,
                **LIMITS,
            }
        )
        with market.serving():
            yield Town(market, office)
        market.close()


@pytest.fixture
def town(whole_town):
    """The marketplace, with nothing on its way and everything in order."""
    whole_town.market.query("DELETE FROM letters; DELETE FROM jobs")
    before = dict(whole_town.settings)
    yield whole_town
    whole_town.settings.update(before)
    whole_town.office.answers.clear()
    whole_town.market.part()


@pytest.fixture(scope="session")
def live(whole_town):
    with LiveServer(whole_town.market.registry) as live:
        yield live


@pytest.fixture
def pigeons(town):
    pigeons = table(town.market.registry, "sms providers")["pigeons"]
    yield pigeons
    pigeons.ill = False
    pigeons.sent.clear()
