"""Marketplaces with webhooks that may call this machine, and somebody who listens."""

from __future__ import annotations

import pytest

from marketcore.testing.databases import database_from
from marketcore.testing.market import Market

from .owners import Owner
from .receivers import Receiver

QUICK = {
    "webhooks.allow_private": "true",
    "webhooks.timeout_seconds": "5",
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="session")
def served(servers, templates, tmp_path_factory):
    """One served marketplace whose messages may go to this machine, for all tests."""
    with database_from(servers[0], templates("webhooks")) as url:
        market = Market(
            {
                **QUICK,
                "marketcore.plugins": "webhooks",
                "marketcore.environment": "development",
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
            }
        )
        try:
            with market.serving():
                yield market
        finally:
            market.registry["webhooks_courier"].close()
            market.close()


@pytest.fixture
def hooks(served):
    """That marketplace, without endpoints, its clock where the world's is."""
    yield served
    served.query("DELETE FROM webhooks_endpoints")
    served.query("DELETE FROM webhooks_messages")
    served.travel("0 seconds")


@pytest.fixture
def strict_hooks(make_market):
    """Another one, whose messages may go to public addresses only."""
    quick = {name.replace(".", "__"): value for name, value in QUICK.items()}
    market = make_market("webhooks", **{**quick, "webhooks__allow_private": "false"})
    yield market
    market.registry["webhooks_courier"].close()
    market.spent = True


@pytest.fixture
def owner(hooks):
    """Somebody new in the marketplace."""
    return Owner(hooks)


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening
