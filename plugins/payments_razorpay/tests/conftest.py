"""A simulated Razorpay, and the provider in front of it."""

import pytest

from marketcore_simulator.testing import ReturningSimulator

from .face import Face, make_client, make_provider


@pytest.fixture
def simulator():
    with ReturningSimulator(seed=7) as server:
        quick = {"razorpay_webhook_after": 0, "razorpay_settles_after": 0.02, "late_after": 3600}
        server.world.settings.update(quick)
        yield server


@pytest.fixture
def face(simulator):
    with Face(simulator) as directed:
        yield directed


@pytest.fixture
def client(simulator):
    with make_client(simulator.razorpay_url) as made:
        yield made


@pytest.fixture
def provider(client):
    return make_provider(client)
