"""A simulated gateway, a client of it and somebody who listens for its calls."""

import pytest

from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import CallbackReceiver

from .exchange import QUICK, make_client


@pytest.fixture
def simulator():
    with SimulatorServer(seed=7) as server:
        server.world.settings.update(QUICK)
        yield server


@pytest.fixture
def receiver():
    with CallbackReceiver() as listening:
        yield listening


@pytest.fixture
def client(simulator):
    with make_client(simulator.daraja_url) as made:
        yield made
