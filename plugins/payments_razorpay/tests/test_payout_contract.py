"""RazorpayX keeps the contract of payouts, against the simulated gateway over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from marketcore.testing.contracts import background_round
from marketcore.testing.market import Market
from marketcore.testing.payout_contracts import Earner, PayoutProviderContract
from marketcore_simulator.razorpay.credentials import PAYOUT_ACCOUNT_NUMBER, WEBHOOK_SECRET
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import ReturningSimulator

from .face import Face
from .shopping import IMPATIENT, WRITTEN


class PayingGateway:
    """The simulated RazorpayX, whose bank takes its time until a test decides."""

    def __init__(self, face: Face, market: Market) -> None:
        self._face = face
        face.control("razorpay/webhooks", url=f"{market.url}/hooks/razorpay", secret=WEBHOOK_SECRET)

    def script_payout(self, name: str) -> None:
        self._face.choose("payouts", WRITTEN.get(name, name))

    def finish_payout(self, payout: dict[str, Any], *, well: bool = True) -> None:
        self.move(payout, "processed" if well else "failed")

    def move(self, payout: dict[str, Any], state: str) -> None:
        made = next(one for one in self._payouts() if one.reference_id == UUID(payout["id"]).hex)
        self._face.move_payout(made.id, state)

    def payouts(self) -> int:
        return len(self._payouts())

    def _payouts(self) -> list[Any]:
        made: list[Any] = self._face.merchant.payouts.book.all()
        return made


class TestRazorpayPayouts(PayoutProviderContract):
    provider = "razorpay"
    currency = "INR"

    @pytest.fixture
    def simulator(self) -> Iterator[SimulatorServer]:
        with ReturningSimulator(seed=1) as simulator:
            simulator.world.settings.update({"razorpay_webhook_after": 0.02, "razorpay_settles_after": 600})
            yield simulator

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer, market: Market) -> Iterator[PayingGateway]:
        with Face(simulator) as face:
            yield PayingGateway(face, market)

    @pytest.fixture
    def market(self, make_market: Callable[..., Market], simulator: SimulatorServer) -> Market:
        return make_market(
            "payments_razorpay",
            **IMPATIENT,
            payments_razorpay__base_url=simulator.razorpay_url,
            payments_razorpay__payout_account=PAYOUT_ACCOUNT_NUMBER,
        )

    @pytest.fixture
    def details(self) -> dict[str, Any]:
        return {"name": "Asha Rao", "account_number": "026291800001191", "ifsc": "YESB0000262"}

    def test_a_payout_that_the_bank_returns_days_later_is_earned_money_again(
        self, earner: Earner, gateway: PayingGateway
    ) -> None:
        before = earner.available()
        payout = earner.approve(earner.request())
        background_round(earner.shop.market)
        gateway.finish_payout(payout)
        assert earner.ended(payout) == "paid"
        gateway.move(payout, "reversed")
        assert earner.returned(payout)
        assert earner.available() == before
