"""A marketplace in front of the simulated Stripe, and how scripts of the contracts are played there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from marketcore.directives import table
from marketcore.testing.market import Market
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.stripe.credentials import SECRET_KEY
from marketcore_simulator.testing import ReturningSimulator

from .sandbox import SECRET, TRIES

# The SDK tries again after these, so only all of them together are an answer that never came.
_REPEATED = frozenset({"http_500", "html_error", "drop_before", "drop_after"})
_WRITTEN = {"hang": "hang(4)", "slow_callback": "slow_callback(0.5)"}
# What a real endpoint would be registered for.
EVENTS = [
    *(f"checkout.session.{end}" for end in ("completed", "expired")),
    *(f"checkout.session.async_payment_{end}" for end in ("succeeded", "failed")),
    *(f"payment_intent.{end}" for end in ("succeeded", "processing", "payment_failed", "canceled")),
    *(f"refund.{end}" for end in ("created", "updated", "failed")),
    "transfer.reversed",
]


def written(script: str) -> dict[str, Any]:
    """Return a script of the contracts as the simulator knows it, and for how many requests."""
    return {"script": _WRITTEN.get(script, script), "times": TRIES if script in _REPEATED else 1}


class StripeMarketplace:
    """A marketplace with Stripe as its provider for dollars."""

    currency = "USD"
    mode = "checkout"

    @pytest.fixture
    def simulator(self) -> Iterator[SimulatorServer]:
        with ReturningSimulator(seed=1) as simulator:
            # What takes days, debits and some refunds, waits for the tests to decide it.
            quick = {"approve_after": 0.05, "late_after": 0.05, "callback_after": 0.02, "stripe_settles_after": 600}
            simulator.world.settings.update(quick)
            yield simulator

    @pytest.fixture
    def market(self, make_market: Callable[..., Market], simulator: SimulatorServer) -> Iterator[Market]:
        market = make_market(
            "payments_stripe",
            payments__route__USD="stripe",
            payments_stripe__base_url=simulator.stripe_url,
            payments_stripe__api_key=SECRET_KEY,
            payments_stripe__webhook_secrets=SECRET,
            payments_stripe__mode=self.mode,
            payments_stripe__read_seconds=1,
        )
        yield market
        table(market.registry, "payment providers")["stripe"].close()
