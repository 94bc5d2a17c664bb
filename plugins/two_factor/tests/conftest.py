"""A marketplace with second factors, and people who have some."""

from __future__ import annotations

import pytest

from marketcore.testing.databases import database_from
from marketcore.testing.market import Market

from .people import Person, Town

QUICK = {
    "marketcore.environment": "development",
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    "identity.login_attempts": "off",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="session")
def build(servers, templates, tmp_path_factory):
    """Return ``build(**settings)``: a served marketplace with ``two_factor``, for all tests."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def build(**settings):
            url = stack.enter_context(database_from(servers[0], templates("two_factor")))
            market = Market(
                {
                    **QUICK,
                    "marketcore.plugins": "two_factor",
                    "marketcore.database_url": url,
                    "marketcore.redis_url": servers[1],
                    "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                    **{key.replace("__", "."): value for key, value in settings.items()},
                }
            )
            stack.callback(market.close)
            stack.enter_context(market.serving())
            return Town(market)

        yield build


@pytest.fixture(scope="session")
def town(build):
    return build()


@pytest.fixture
def ann(town):
    """Somebody who sells, with a password and nothing else."""
    return Person(town)
