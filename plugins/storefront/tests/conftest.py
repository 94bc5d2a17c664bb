"""A house with auctions and pages, its live process, and people who look at them in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from marketcore.settings import section
from marketcore.testing.databases import database_from
from marketcore.testing.live_process import LiveProcess, free_port
from marketcore.testing.market import Market

from .house import House, Visitor

LIVE = """
import json, sys
from marketcore.config import configure
from marketcore.live.gateway.server import run
run(configure(json.loads(sys.argv[1])).registry)
"""
QUICK = {"identity.argon2_memory_kib": "1024", "identity.argon2_time_cost": "1"}


@pytest.fixture(scope="module")
def house(servers, templates, tmp_path_factory) -> Iterator[House]:
    """A house with auctions and their pages, one a module."""
    with database_from(servers[0], templates("auctions", "storefront")) as url:
        market = Market(
            {
                "marketcore.plugins": "auctions storefront",
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                "marketcore.log_level": "error",
                "live.port": str(free_port()),
                "storefront.page_size": "2",
                **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
                **QUICK,
            }
        )
        with market.serving():
            yield House(market)
        market.registry["bid desk"].close()
        market.close()


@pytest.fixture(scope="module")
def gateway(house) -> Iterator[LiveProcess]:
    """The house's live process."""
    settings = {**house.market.settings, "marketcore.public_url": house.market.url}
    port = section(house.market.registry, "live")["port"]
    with LiveProcess(["-c", LIVE, json.dumps(settings)], port) as process:
        yield process


@pytest.fixture(scope="module")
def visit(browser, house) -> Iterator[Callable[..., Visitor]]:
    """Return ``visit(**context)``: a new visitor; whatever goes wrong in their browsers fails a test."""
    visitors: list[Visitor] = []

    def visitor(**context: Any) -> Visitor:
        visitors.append(Visitor(browser.new_context(base_url=house.market.url, **context)))
        return visitors[-1]

    yield visitor
    for one in visitors:
        one.context.close()
    assert [complaint for one in visitors for complaint in one.complaints] == []
