"""M-Pesa keeps the contract of payouts, against the simulated Daraja over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketcore.testing.market import Market
from marketcore.testing.payout_contracts import Earner, PayoutProviderContract
from marketcore_simulator.daraja import credentials
from marketcore_simulator.server import SimulatorServer

from .attempts import payouts
from .exchange import scripted


class PayingGateway:
    """The simulated Daraja, whose payouts end by themselves a moment after they have been accepted."""

    def __init__(self, simulator: SimulatorServer) -> None:
        self._simulator = simulator

    def script_payout(self, name: str) -> None:
        # The provider gives up after one second.
        scripted(self._simulator, "hang(3)" if name == "hang" else name, "b2c")

    def finish_payout(self, payout: dict[str, Any], *, well: bool = True) -> None:
        """Do nothing: it has ended."""

    def payouts(self) -> int:
        return len(payouts(self._simulator))


class TestMpesaPayouts(PayoutProviderContract):
    provider = "mpesa"

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer) -> PayingGateway:
        simulator.world.settings.update({"result_after": 0.02})
        return PayingGateway(simulator)

    @pytest.fixture
    def market(self, make_market: Callable[..., Market], mpesa_settings: dict[str, str]) -> Market:
        return make_market(
            "payments_mpesa",
            payments__route__KES="mpesa",
            **mpesa_settings,
            payments_mpesa__read_timeout="1",
            payments_mpesa__initiator=credentials.INITIATOR_NAME,
            payments_mpesa__security_credential=credentials.SECURITY_CREDENTIAL,
            payments_mpesa__payout_shortcode=credentials.B2C_SHORTCODE,
        )

    @pytest.fixture
    def details(self) -> dict[str, Any]:
        return {"phone": "0712 345 678"}

    @pytest.mark.parametrize("script", ["result(2040)", "queue_failed", "queue_timeout", "no_callback"])
    def test_what_is_told_decides_nothing_and_what_is_asked_does(
        self, earner: Earner, gateway: PayingGateway, script: str
    ) -> None:
        gateway.script_payout(script)
        payout = earner.approve(earner.request())
        assert earner.ended(payout) == ("failed" if script in ("result(2040)", "queue_failed") else "paid")
        assert gateway.payouts() == 1
