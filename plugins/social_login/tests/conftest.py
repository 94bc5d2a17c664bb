"""A marketplace whose people log in at a provider on this machine."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from marketcore.testing.databases import database_from
from marketcore.testing.market import Market

from .provider import Provider

QUICK = {
    "marketcore.environment": "development",
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    "social_login.read_timeout": "1",
    "social_login.total_timeout": "1",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="session")
def of_all():
    """The provider of these tests, on a port of its own."""
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def provider(of_all):
    """That provider, telling the truth of nobody yet."""
    of_all.lie, of_all.person = "", {}
    return of_all


@pytest.fixture(scope="session")
def build(servers, templates, of_all, tmp_path_factory):
    """Return ``build(providers, **settings)``: a served marketplace for all tests."""
    with ExitStack() as stack:

        def build(providers, **settings):
            url = stack.enter_context(database_from(servers[0], templates("social_login", "two_factor")))
            given = {key.replace("__", "."): value for key, value in settings.items()}
            for name in providers.split():
                given = {**of_all.settings(name), **given}
            market = Market(
                {
                    **QUICK,
                    "marketcore.plugins": "social_login two_factor",
                    "marketcore.database_url": url,
                    "marketcore.redis_url": servers[1],
                    "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                    "social_login.providers": providers,
                    **given,
                }
            )
            stack.callback(market.close)
            stack.enter_context(market.serving())
            return market

        yield build


@pytest.fixture(scope="session")
def market(build):
    return build("google x facebook keycloak")
