"""A marketplace of services paid through the simulated Stripe, one a module; its books are checked at the end."""

from __future__ import annotations

import pytest

from marketcore.directives import table
from marketcore.ledger.verify import verify
from marketcore.testing.databases import database_from
from marketcore.testing.market import Market
from marketcore_simulator.stripe.credentials import SECRET_KEY
from marketcore_simulator.testing import ReturningSimulator

from .people import Yard

PLUGINS = ("services", "invoices", "payments_stripe", "payments_manual")
SECRET = "whsec_of_the_tests_0123456789"
QUIET = {
    "identity.argon2_memory_kib": "1024",
    "identity.argon2_time_cost": "1",
    "marketcore.log_level": "error",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
}


@pytest.fixture(scope="module")
def simulator():
    """The simulated Stripe."""
    with ReturningSimulator(seed=1) as simulator:
        simulator.world.settings.update({"approve_after": 0.02, "callback_after": 0})
        yield simulator


@pytest.fixture(scope="module")
def yard(servers, templates, tmp_path_factory, simulator):
    """The marketplace; afterwards its ledger is right."""
    with database_from(servers[0], templates(*PLUGINS)) as url:
        market = Market(
            {
                "marketcore.plugins": " ".join(PLUGINS),
                "marketcore.database_url": url,
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
                "marketcore.environment": "development",
                "payments.route.*": "stripe bank_transfer",
                "payments_manual.bank_account": "Test Bank 0011",
                "payments_stripe.base_url": simulator.stripe_url,
                "payments_stripe.api_key": SECRET_KEY,
                "payments_stripe.webhook_secrets": SECRET,
                "services.minimum.KES": "50.00",
                **QUIET,
            }
        )
        with market.serving():
            yield Yard(market)
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []
        table(market.registry, "payment providers")["stripe"].close()
        market.close()
