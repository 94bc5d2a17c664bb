"""M-Pesa keeps the provider contract, against the simulated Daraja over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from marketcore.testing.contracts import PaymentProviderContract, settle
from marketcore.testing.market import Market
from marketcore.testing.shop import Shop
from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.prompts import AlreadyDecided, Prompt
from marketcore_simulator.scripts import Script
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

    def approve_silently(self, payment: dict[str, Any]) -> str | None:
        """Approve the prompt, let its callback be lost, and return the receipt."""
        prompt = self._prompt(payment)
        self._desk.decide(prompt, "approve", Script("no_callback"))
        return prompt.receipt

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
    more_settings: ClassVar[dict[str, str]] = {}

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
            **self.more_settings,
        )

    @pytest.fixture
    def payer(self) -> dict[str, Any]:
        return {"phone": "0712 345 999"}


class TestMpesaWithEverything(TestMpesa):
    """With the list of payments, an initiator and paybill payments."""

    more_settings: ClassVar[dict[str, str]] = {
        "payments_mpesa__initiator": credentials.INITIATOR_NAME,
        "payments_mpesa__security_credential": credentials.SECURITY_CREDENTIAL,
        "payments_mpesa__pull": "true",
        "payments_mpesa__pull_number": "254700000000",
        "payments_mpesa__c2b": "true",
        "payments_mpesa__c2b_secret": "0123456789abcdef" * 2,
    }

    def test_a_push_whose_answer_and_callback_are_both_lost_is_found_in_the_list(
        self, shop: Shop, gateway: DarajaGateway, payer: dict[str, Any]
    ) -> None:
        gateway.script("drop_after")
        payment = shop.pay(payer)
        assert settle(shop, payment, rounds=2) == "unknown"
        receipt = gateway.approve_silently(payment)
        assert settle(shop, payment) == "captured"
        assert shop.read_payment(payment)["receipt"] == receipt
        shop.assert_paid_once()

    def test_a_lost_callback_costs_no_receipt(self, shop: Shop, gateway: DarajaGateway, payer: dict[str, Any]) -> None:
        payment = shop.pay(payer)
        receipt = gateway.approve_silently(payment)
        assert settle(shop, payment) == "captured"
        assert shop.read_payment(payment)["receipt"] == receipt
