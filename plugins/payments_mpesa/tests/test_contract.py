"""M-Pesa keeps the provider contract, against the simulated Daraja over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from marketcore.testing.contracts import PaymentProviderContract
from marketcore.testing.market import Market
from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.prompts import AlreadyDecided, Prompt
from marketcore_simulator.server import SimulatorServer

# Scripts under which the simulated telephone answers by itself.
SELF_DECIDING = frozenset({"ok", "no_callback", "dup_callback", "late_success"})


class DarajaGateway:
    """The simulated Daraja, as the contract wants to direct it."""

    def __init__(self, simulator: SimulatorServer) -> None:
        self._world = simulator.world
        self._desk = simulator.app.daraja.desk

    def script(self, name: str) -> None:
        self._world.scripts.queue("daraja", "push", name, 1)

    def approve(self, payment: dict[str, Any]) -> None:
        prompt = self._prompt(payment)
        if prompt.script not in SELF_DECIDING:
            self._decide(prompt, "approve")

    def cancel(self, payment: dict[str, Any]) -> None:
        self._decide(self._prompt(payment), "cancel")

    def forge(self, payment: dict[str, Any]) -> None:
        self._desk.forge(self._prompt(payment), {})

    def attempts(self) -> int:
        return len(self._desk.prompts.all())

    def _prompt(self, payment: dict[str, Any]) -> Prompt:
        return next(prompt for prompt in self._desk.prompts.all() if prompt.order.reference == payment["code"])

    def _decide(self, prompt: Prompt, decision: str) -> None:
        try:
            self._desk.decide(prompt, decision)
        except AlreadyDecided:
            assert prompt.state == ("approved" if decision == "approve" else "cancelled")


class TestMpesa(PaymentProviderContract):
    @pytest.fixture
    def simulator(self) -> Iterator[SimulatorServer]:
        with SimulatorServer(seed=1) as simulator:
            simulator.world.settings.update(
                {
                    "approve_after": 0.05,
                    "cancel_after": 0.05,
                    "late_after": 0.05,
                    "callback_after": 0.02,
                    "repeat_window": 0,
                    "query_noise_percent": 20,
                }
            )
            yield simulator

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer) -> DarajaGateway:
        return DarajaGateway(simulator)

    @pytest.fixture
    def market(self, make_market: Callable[..., Market], simulator: SimulatorServer) -> Market:
        return make_market(
            "payments_mpesa",
            payments__route__KES="mpesa",
            payments_mpesa__base_url=simulator.daraja_url,
            payments_mpesa__consumer_key=credentials.CONSUMER_KEY,
            payments_mpesa__consumer_secret=credentials.CONSUMER_SECRET,
            payments_mpesa__shortcode=credentials.SHORTCODE,
            payments_mpesa__passkey=credentials.PASSKEY,
        )

    @pytest.fixture
    def payer(self) -> dict[str, Any]:
        return {"phone": "0712 345 999"}
