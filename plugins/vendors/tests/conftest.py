"""A market of vendors, one a module: everybody in it is registered once."""

from __future__ import annotations

import pytest

from marketcore.directives import table
from marketcore.events import SellerVerified
from marketcore.ledger.verify import verify
from marketcore.testing.databases import database_from
from marketcore.testing.market import Market
from marketcore_vendors.events import KycDocumentChanged

from .people import Quarter

# Hashing passwords and limiting who logs in are proved elsewhere.
QUIET = {
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    "marketcore.log_level": "error",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="module")
def plugins():
    """What the module's market has; a module that needs more overrides this."""
    return ("vendors",)


@pytest.fixture(scope="module")
def settings():
    """What differs from the defaults; a module overrides this."""
    return {}


@pytest.fixture(scope="module")
def quarter(servers, templates, tmp_path_factory, plugins, settings):
    """The market; afterwards its books are right."""
    with database_from(servers[0], templates(*plugins)) as url:
        market = Market(
            {
                "marketcore.plugins": " ".join(plugins),
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                **QUIET,
                **settings,
            }
        )
        with market.serving():
            yield Quarter(market)
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []
        market.close()


@pytest.fixture
def facts(quarter, monkeypatch):
    """Return ``facts(kind)``: what has been emitted of a kind in this test, and committed."""
    heard = []
    subscribers = table(quarter.market.registry, "after-commit subscribers")
    for kind in (SellerVerified, KycDocumentChanged):
        monkeypatch.setitem(subscribers, f"test {kind.__name__}", (kind, lambda _registry, fact: heard.append(fact)))
    return lambda kind: [fact for fact in heard if isinstance(fact, kind)]
