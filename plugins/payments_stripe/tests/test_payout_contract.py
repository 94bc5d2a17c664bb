"""Stripe keeps the contract of payouts, against the simulated Stripe over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from marketcore.testing.contracts import background_round
from marketcore.testing.market import Market
from marketcore.testing.payout_contracts import Earner, PayoutProviderContract
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.stripe.credentials import SECRET_KEY

from .marketplace import EVENTS, StripeMarketplace, written
from .sandbox import SECRET

REVIEWED = "v2.core.account[configuration.recipient].capability_status_updated"
KEY = {"Authorization": f"Bearer {SECRET_KEY}"}


class PayingGateway:
    """The simulated Stripe with money to pass on. Of accounts it tells by thin events alone: that something changed."""

    def __init__(self, http: httpx.Client, market: Market) -> None:
        self._http = http
        endpoint = {"url": f"{market.url}/hooks/stripe", "secret": SECRET}
        self._control("/stripe/endpoints", **endpoint, events=EVENTS)
        self._control("/stripe/endpoints", **endpoint, events=[REVIEWED], thin=True)
        self._control("/stripe/balance", amount=1_000_000, currency="usd")

    def script_payout(self, name: str) -> None:
        self._control("/scripts", face="stripe", operation="transfers.create", **written(name))

    def finish_payout(self, payout: dict[str, Any], *, well: bool = True) -> None:
        """Do nothing: a transfer is the seller's money as soon as there is one."""

    def payouts(self) -> int:
        return len(self._all("transfer"))

    def review(self, state: str) -> None:
        """Let Stripe finish looking at the one account there is."""
        (account,) = self._all("account")
        self._control(f"/stripe/accounts/{account['id']}/{state}")

    def take_back(self) -> None:
        """Reverse the one transfer there is."""
        (transfer,) = self._all("transfer")
        path = f"/stripe/v1/transfers/{transfer['id']}/reversals"
        self._http.post(path, data={"amount": transfer["amount"]}, headers=KEY).raise_for_status()

    def _all(self, kind: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._http.get(f"/_sim/stripe/objects/{kind}").json()["items"]
        return items

    def _control(self, path: str, **document: Any) -> None:
        self._http.post(f"/_sim{path}", json=document).raise_for_status()


class TestStripePayouts(StripeMarketplace, PayoutProviderContract):
    provider = "stripe"

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer, market: Market) -> Iterator[PayingGateway]:
        with httpx.Client(base_url=simulator.url, trust_env=False, verify=False) as http:
            yield PayingGateway(http, market)

    @pytest.fixture
    def details(self) -> dict[str, Any]:
        return {"country": "US"}

    def enroll(self, earner: Earner, gateway: PayingGateway) -> None:
        background_round(earner.shop.market)
        assert earner.destination["next_action"]["kind"] == "redirect"
        assert earner.read_destination()["state"] == "pending", "nobody has looked at it yet"
        gateway.review("active")
        assert earner.destination_becomes("active"), "the hint that its account changed led to no question"

    def test_a_transfer_that_is_taken_back_is_earned_money_again(self, earner: Earner, gateway: PayingGateway) -> None:
        before = earner.available()
        payout = earner.approve(earner.request())
        assert earner.ended(payout) == "paid"
        gateway.take_back()
        assert earner.returned(payout)
        assert earner.available() == before

    def test_a_destination_that_may_no_longer_be_paid_keeps_requests_away(
        self, earner: Earner, gateway: PayingGateway
    ) -> None:
        gateway.review("restricted")
        assert earner.destination_becomes("pending")
        assert earner.send().status_code == 409
