"""A simulated gateway, a client of it and somebody who listens for its calls."""

import pytest

from marketcore_simulator.daraja import credentials
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import CallbackReceiver

from .exchange import QUICK, make_client


@pytest.fixture
def simulator():
    with SimulatorServer(seed=7) as server:
        server.world.settings.update(QUICK)
        yield server


@pytest.fixture
def make_market(make_market):
    """Return ``make_market`` as elsewhere; its provider knows this test's gateway, so no other test gets it."""
    made = []

    def make(*plugins, **settings):
        made.append(make_market(*plugins, **settings))
        return made[-1]

    yield make
    for market in made:
        market.spent = True


@pytest.fixture
def receiver():
    with CallbackReceiver() as listening:
        yield listening


@pytest.fixture
def client(simulator):
    with make_client(simulator.daraja_url) as made:
        yield made


@pytest.fixture
def mpesa_settings(simulator):
    """The settings of a marketplace that is the simulated gateway's merchant."""
    return {
        "payments_mpesa__base_url": simulator.daraja_url,
        "payments_mpesa__consumer_key": credentials.CONSUMER_KEY,
        "payments_mpesa__consumer_secret": credentials.CONSUMER_SECRET,
        "payments_mpesa__shortcode": credentials.SHORTCODE,
        "payments_mpesa__passkey": credentials.PASSKEY,
    }
