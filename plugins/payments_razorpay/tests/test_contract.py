"""Razorpay keeps the provider contract, against the simulated gateway over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from marketcore.testing.market import Market
from marketcore.testing.refund_contracts import RefundingProviderContract
from marketcore_simulator.razorpay.credentials import WEBHOOK_SECRET
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import ReturningSimulator, eventually

from .face import Face
from .shopping import IMPATIENT, WRITTEN

# Scripts of the order itself; all others are what becomes of the payment.
ORDER_SCRIPTS = frozenset({"http_500", "http_429", "drop_before", "drop_after", "html_error", "hang"})


class RazorpayGateway:
    """The simulated Razorpay, as the contract wants to direct it."""

    def __init__(self, face: Face, market: Market) -> None:
        self._face = face
        self._hook = f"{market.url}/hooks/razorpay"
        self._another_amount = False
        face.control("razorpay/webhooks", url=self._hook, secret=WEBHOOK_SECRET)

    def script(self, name: str) -> None:
        self._another_amount = name == "wrong_amount"
        if not self._another_amount:
            self._face.choose("orders" if name in ORDER_SCRIPTS else "pay", WRITTEN.get(name, name))

    def approve(self, payment: dict[str, Any]) -> None:
        order = self._order(payment)
        if self._another_amount:
            # An order is paid whole or not at all: only one of another amount takes another amount.
            order.amount -= 100
        self._face.control(f"razorpay/orders/{order.id}/pay")
        eventually(lambda: order.status == "paid")

    def cancel(self, payment: dict[str, Any]) -> None:
        page = httpx.get(
            f"{payment['next_action']['data']['url']}/cancelled", follow_redirects=True, trust_env=False, verify=False
        )
        assert page.status_code == 200

    def forge(self, payment: dict[str, Any]) -> None:
        order = self._order(payment)
        paid = {"id": "pay_forged", "order_id": order.id, "amount": order.amount, "currency": "INR"}
        body = {"event": "payment.captured", "payload": {"payment": {"entity": {**paid, "status": "captured"}}}}
        headers = {"X-Razorpay-Signature": "0" * 64, "X-Razorpay-Event-Id": "forged"}
        told = httpx.post(self._hook, json=body, headers=headers, trust_env=False, verify=False)
        brought = {"razorpay_order_id": order.id, "razorpay_payment_id": "pay_forged", "razorpay_signature": "0" * 64}
        returned = httpx.post(
            f"{payment['next_action']['data']['url']}/back", data=brought, trust_env=False, verify=False
        )
        assert {told.status_code, returned.status_code} == {401}

    def attempts(self) -> int:
        return len(self._face.merchant.orders.book.all())

    def script_refund(self, name: str) -> None:
        self._face.choose("refund", WRITTEN.get(name, name))

    def finish_refund(self, refund: dict[str, Any], *, well: bool = True) -> None:
        made = next(one for one in self._refunds() if one.receipt == UUID(refund["id"]).hex)
        self._face.control(f"razorpay/refunds/{made.id}/{'processed' if well else 'failed'}")

    def refunds(self) -> int:
        return len(self._refunds())

    def _refunds(self) -> list[Any]:
        made: list[Any] = self._face.merchant.refunds.book.all()
        return made

    def _order(self, payment: dict[str, Any]) -> Any:
        orders = self._face.merchant.orders.book.all()
        return next(order for order in orders if order.receipt == payment["code"])


class TestRazorpay(RefundingProviderContract):
    currency = "INR"

    @pytest.fixture
    def simulator(self) -> Iterator[SimulatorServer]:
        with ReturningSimulator(seed=1) as simulator:
            # Refunds take days, so they wait for the tests to decide them.
            quick = {"razorpay_webhook_after": 0.02, "late_after": 0.05, "razorpay_settles_after": 600}
            simulator.world.settings.update(quick)
            yield simulator

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer, market: Market) -> Iterator[RazorpayGateway]:
        with Face(simulator) as face:
            yield RazorpayGateway(face, market)

    @pytest.fixture
    def market(self, make_market: Callable[..., Market], simulator: SimulatorServer) -> Market:
        return make_market("payments_razorpay", **IMPATIENT, payments_razorpay__base_url=simulator.razorpay_url)
