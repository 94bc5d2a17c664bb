"""A served marketplace that pays out through fakebank and fakewire, shared by these tests, and the bank itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE / "fakebank"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from bank import SECRET, Bank  # noqa: E402
from desk import Desk  # noqa: E402

from marketcore.directives import table  # noqa: E402
from marketcore.settings import section  # noqa: E402
from marketcore.testing.databases import database_from  # noqa: E402
from marketcore.testing.market import Market  # noqa: E402


@pytest.fixture(scope="session")
def only_bank():
    with Bank() as bank:
        yield bank


@pytest.fixture(scope="session")
def paying_market(servers, templates, tmp_path_factory, only_bank):
    with database_from(servers[0], templates("fakebank")) as url:
        market = Market(
            {
                "marketcore.plugins": "fakebank",
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                "identity.argon2_memory_kib": "1024",
                "identity.argon2_time_cost": "1",
                "fakebank.base_url": only_bank.url,
                "fakebank.secret": SECRET,
                **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
            }
        )
        with market.serving():
            yield market
        market.close()


@pytest.fixture
def bank(only_bank):
    only_bank.forget()
    yield only_bank
    only_bank.released.set()


@pytest.fixture
def desk(paying_market, bank):
    """At the end the books are right and the bank has paid nothing twice."""
    desk = Desk(paying_market, bank)
    yield desk
    desk.assert_books_are_right()
    desk.assert_never_paid_twice()
    desk.clear()


@pytest.fixture
def setting(paying_market, monkeypatch):
    """Return ``setting(name, value)``: change a checked setting of payouts for one test."""
    return lambda name, value: monkeypatch.setitem(section(paying_market.registry, "payouts"), name, value)


@pytest.fixture
def impatient(paying_market, monkeypatch):
    """Let the providers wait for one second only."""
    for provider in table(paying_market.registry, "payout providers").values():
        monkeypatch.setattr(provider, "_timeout", 1)
