"""A simulated Stripe, an endpoint that hears all its events, and providers that talk to it."""

import pytest

from marketcore_simulator.testing import CallbackReceiver, ReturningSimulator

from .sandbox import SECRET, Sandbox, make_provider


@pytest.fixture
def simulator():
    with ReturningSimulator(seed=7) as server:
        quick = {"approve_after": 0.02, "cancel_after": 0.02, "callback_after": 0, "late_after": 0.02}
        server.world.settings.update({**quick, "stripe_settles_after": 0.02, "stripe_available_after": 0})
        yield server


@pytest.fixture
def receiver():
    with CallbackReceiver() as listening:
        yield listening


@pytest.fixture
def sandbox(simulator, receiver):
    simulator.app.stripe.register_webhook(receiver.url, SECRET)
    made = Sandbox(simulator, receiver)
    yield made
    made.http.close()


@pytest.fixture
def provider_with(simulator):
    """Return a function that makes providers with these options; their connections are closed afterwards."""
    made = []

    def make(base_url=simulator.stripe_url, **options):
        made.append(make_provider(base_url, **options))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(provider_with):
    return provider_with()
