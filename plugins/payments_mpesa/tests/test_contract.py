"""M-Pesa keeps the provider contract, against the simulated Daraja over real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from marketcore.testing.contracts import settle
from marketcore.testing.market import Market
from marketcore.testing.refund_contracts import RefundingProviderContract
from marketcore.testing.shop import Shop
from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.prompts import AlreadyDecided, Prompt
from marketcore_simulator.scripts import Script
from marketcore_simulator.server import SimulatorServer

# What Daraja does under a script of the contract's, where it is not called the same.
PLAYED = {
    "hang": "hang(3)",  # the provider gives up after one second
    "slow_callback": "slow_callback(1)",
    "reorder": "callback_first",
    "tampered_signature": "ok",  # nothing is signed
    "wrong_amount": "drop_after",  # nobody can pay another amount by a prompt, only by paybill
}


class DarajaGateway:
    """The simulated Daraja, as the contract wants to direct it."""

    def __init__(self, simulator: SimulatorServer) -> None:
        self._world = simulator.world
        self._desk = simulator.app.daraja.desk
        self._paybill = simulator.app.daraja.office.paybill
        self._another_amount = False

    def script(self, name: str) -> None:
        self._another_amount = name == "wrong_amount"
        self._world.scripts.queue("daraja", "push", PLAYED.get(name, name), 1)

    def approve(self, payment: dict[str, Any]) -> None:
        prompt = self._prompt(payment)
        if self._another_amount:
            self._paybill.pay(prompt.order.phone, prompt.order.amount - 1, payment["code"])
        elif prompt.script is None:
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

    def script_refund(self, name: str) -> None:
        self._world.scripts.queue("daraja", "reversal", PLAYED.get(name, name), 1)

    def finish_refund(self, refund: dict[str, Any], *, well: bool = True) -> None:
        """Reversals end by themselves, a moment after they have been accepted."""

    def refunds(self) -> int:
        return len(self._world.log.select("daraja", "reversal"))

    def _prompt(self, payment: dict[str, Any]) -> Prompt:
        return next(prompt for prompt in self._desk.prompts.all() if prompt.order.reference == payment["code"])

    def _decide(self, prompt: Prompt, decision: str) -> None:
        with contextlib.suppress(AlreadyDecided):
            self._desk.decide(prompt, decision)
        assert prompt.state == ("approved" if decision == "approve" else "cancelled")


class TestMpesa(RefundingProviderContract):
    partial = False

    @pytest.fixture
    def simulator(self) -> Iterator[SimulatorServer]:
        with SimulatorServer(seed=1) as simulator:
            simulator.world.settings.update(
                {
                    "approve_after": 0.05,
                    "cancel_after": 0.05,
                    "late_after": 0.05,
                    "callback_after": 0.02,
                    "result_after": 0.02,
                    "repeat_window": 0,
                    "query_noise_percent": 20,
                }
            )
            yield simulator

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer) -> DarajaGateway:
        return DarajaGateway(simulator)

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
            payments_mpesa__pull="true",
            payments_mpesa__pull_number="254700000000",
            payments_mpesa__c2b="true",
            payments_mpesa__c2b_secret="0123456789abcdef" * 2,
        )

    @pytest.fixture
    def payer(self) -> dict[str, Any]:
        return {"phone": "0712 345 999"}

    def test_B7_a_push_whose_answer_and_callback_are_both_lost_is_found_in_the_list(
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


class TestMpesaWithoutTheList:
    """What a shortcode for which the pull service is not enabled has to do without."""

    simulator, gateway, payer = TestMpesa.simulator, TestMpesa.gateway, TestMpesa.payer

    @pytest.fixture
    def shop(self, make_market: Callable[..., Market], mpesa_settings: dict[str, str]) -> Shop:
        return Shop(make_market("payments_mpesa", payments__route__KES="mpesa", **mpesa_settings))

    @pytest.mark.parametrize("script", ["ok", "no_callback", "dup_callback(3)", "drop_after"])
    def test_it_still_collects(self, shop: Shop, gateway: DarajaGateway, payer: dict[str, Any], script: str) -> None:
        gateway.script(script)
        payment = shop.pay(payer)
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        shop.assert_paid_once()
