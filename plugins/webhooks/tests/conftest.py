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
    "identity.argon2_memory_kib": "8192",
    "identity.argon2_time_cost": "1",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="session")
def hooks(servers, templates, tmp_path_factory):
    """One marketplace whose messages may go to this machine; its clock stands where the world's does."""
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
def own_hooks(make_market):
    """Return ``hooks(**settings)``: such a marketplace for one test, whose clock may be moved."""
    made = []

    def make(**settings):
        quick = {name.replace(".", "__"): value for name, value in QUICK.items()}
        made.append(make_market("webhooks", **{**quick, **settings}))
        return made[-1]

    yield make
    for market in made:
        market.registry["webhooks_courier"].close()


@pytest.fixture
def owner(hooks):
    """Somebody new in the shared marketplace."""
    return Owner(hooks)


@pytest.fixture
def traveller(own_hooks):
    """Somebody in a marketplace whose clock may be moved."""
    return Owner(own_hooks())


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening
