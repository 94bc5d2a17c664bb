"""The contract every payment provider keeps, as tests: subclass, override the fixtures, run.

The suite drives whole purchases through the real platform: HTTP, database, jobs and the provider's own client
against a gateway that misbehaves as the real one does. What it asserts is what an auditor would ask: one payment,
one ledger credit, nothing believed without proof, nothing lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from marketcore.jobs.running import run_waiting
from marketcore.ledger.verify import verify
from marketcore.payments import inbox, reconciler
from marketcore.payments.operations import operations
from marketcore.testing.market import Market
from marketcore.testing.shop import Shop

_ASK_NOW = "UPDATE {} SET next_check_at = market_clock() WHERE next_check_at IS NOT NULL AND checks < 8"
# Every way in which gateways have been seen to fail; each attempt ends well, ends in a known failure, or stays open.
SCRIPTS = (
    "ok",
    "http_500",
    "http_429",
    "drop_before",
    "drop_after",
    "hang",
    "html_error",
    "slow_callback",
    "no_callback",
    "dup_callback(3)",
    "reorder",
    "tampered_signature",
    "late_success",
    "wrong_amount",
    "unknown_reference",
)
NEVER_PAID = {"http_500", "http_429", "drop_before", "html_error"}
ENDED = {"captured", "failed", "expired", "voided"}


class Gateway(Protocol):
    """The provider's side, scripted: the simulator, or a stand-in of the plugin author's."""

    def script(self, name: str) -> None:
        """Let the next attempt follow the failure script ``name`` (one of ``SCRIPTS``).

        A script that the real gateway cannot follow, such as ``tampered_signature`` where nothing is signed, is
        played as the nearest thing that it can do. ``hang`` outlasts the provider's time-out.
        """
        ...

    def approve(self, payment: dict[str, Any]) -> None:
        """Approve the attempt as its payer would."""
        ...

    def cancel(self, payment: dict[str, Any]) -> None:
        """Cancel the attempt as its payer would."""
        ...

    def forge(self, payment: dict[str, Any]) -> None:
        """Send a callback that claims success for an attempt nobody has paid."""
        ...

    def attempts(self) -> int:
        """Return how many attempts the gateway has recorded."""
        ...


class PaymentProviderContract:
    """Subclass it as ``TestMyProvider`` and override ``market`` and ``gateway`` (and ``payer`` if need be)."""

    currency = "KES"
    price = "500.00"

    @pytest.fixture
    def market(self) -> Market:
        """Return a served marketplace whose route for ``currency`` is the provider under test."""
        raise NotImplementedError("override the fixture 'market' in the subclass")

    @pytest.fixture
    def gateway(self) -> Gateway:
        """Return the scripted gateway the provider talks to."""
        raise NotImplementedError("override the fixture 'gateway' in the subclass")

    @pytest.fixture
    def payer(self) -> dict[str, Any]:
        """Return the payer's fields."""
        return {}

    @pytest.fixture
    def shop(self, market: Market) -> Shop:
        """Return a seller with a listing and a buyer with an unpaid checkout."""
        return Shop(market, price=self.price, currency=self.currency)

    @pytest.fixture(autouse=True)
    def books_are_clean(self, market: Market) -> Iterator[None]:
        """After each test the ledger adds up."""
        yield
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []

    def test_an_approved_payment_is_captured_and_held(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        payment = shop.pay(payer)
        assert payment["state"] in ("pending", "captured")
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        shop.assert_paid_once()

    def test_a_cancelled_payment_collects_nothing_and_may_be_tried_again(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        payment = shop.pay(payer)
        gateway.cancel(payment)
        assert settle(shop, payment) == "failed"
        shop.assert_unpaid()
        second = shop.pay(payer)
        gateway.approve(second)
        assert settle(shop, second) == "captured"
        shop.assert_paid_once()

    def test_a_lost_callback_is_made_up_for_by_asking(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        gateway.script("no_callback")
        payment = shop.pay(payer)
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        shop.assert_paid_once()

    def test_repeated_callbacks_have_one_effect(self, shop: Shop, gateway: Gateway, payer: dict[str, Any]) -> None:
        gateway.script("dup_callback(3)")
        payment = shop.pay(payer)
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        settle(shop, payment, rounds=2)
        shop.assert_paid_once()

    def test_an_answer_lost_after_the_attempt_is_unknown_then_resolved_and_never_repeated(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        gateway.script("drop_after")
        payment = shop.pay(payer)
        assert payment["state"] == "unknown"
        assert gateway.attempts() == 1
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        assert gateway.attempts() == 1
        shop.assert_paid_once()

    def test_an_unknown_outcome_keeps_a_second_attempt_away(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        gateway.script("drop_after")
        payment = shop.pay(payer)
        refused = shop.start_payment(payer)
        assert refused.status_code == 409
        assert refused.json()["payment_id"] == payment["id"]
        assert gateway.attempts() == 1

    def test_a_gateway_error_is_never_taken_for_a_verdict(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        gateway.script("http_500")
        payment = shop.pay(payer)
        assert payment["state"] in ("unknown", "failed")
        shop.assert_unpaid()

    @pytest.mark.parametrize("script", SCRIPTS)
    def test_whatever_goes_wrong_money_moves_at_most_once_and_the_order_agrees(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any], script: str
    ) -> None:
        gateway.script(script)
        answer = shop.start_payment(payer)
        assert answer.status_code == 202, answer.text
        payment = answer.json()
        recorded = gateway.attempts()
        assert recorded <= 1
        if recorded:
            gateway.approve(payment)
        state = settle(shop, payment, within=3 if script in NEVER_PAID else 30)
        assert gateway.attempts() <= 1, "the payer was asked twice"
        if state == "captured" and script != "wrong_amount":
            shop.assert_paid_once()
        elif state == "captured":
            assert shop.read_order()["state"] == "pending_payment"
            assert shop.codes() == ["unapplied"]
        else:
            assert state in ("failed", "expired", "unknown", "pending"), state
            shop.assert_unpaid()
        if recorded and script not in NEVER_PAID:
            assert state == "captured"

    def test_success_after_our_deadline_still_pays_the_order_or_is_set_aside(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        gateway.script("late_success")
        payment = shop.pay(payer)
        shop.market.travel("26 hours")
        shop.log_in()
        shop.run_deadlines()
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        shop.assert_paid_once()

    def test_a_forged_callback_credits_nothing_and_does_not_block_the_true_one(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        payment = shop.pay(payer)
        gateway.forge(payment)
        settle(shop, payment, rounds=2)
        shop.assert_unpaid()
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        shop.assert_paid_once()

    def test_everything_at_once_captures_once(self, shop: Shop, gateway: Gateway, payer: dict[str, Any]) -> None:
        gateway.script("dup_callback(3)")
        payment = shop.pay(payer)
        gateway.approve(payment)
        at_once([lambda: settle(shop, payment, rounds=3)] * 3 + [lambda: shop.read_payment(payment)] * 3)
        assert settle(shop, payment) == "captured"
        shop.assert_paid_once()

    def test_one_key_starts_one_payment_however_often_it_is_sent(
        self, shop: Shop, gateway: Gateway, payer: dict[str, Any]
    ) -> None:
        answers = at_once([lambda: shop.start_payment(payer, key="one-key-for-all")] * 10)
        started = {answer.json()["id"] for answer in answers if answer.status_code == 202}
        assert len(started) == 1
        assert {answer.status_code for answer in answers} <= {202, 409}
        assert gateway.attempts() == 1
        again = shop.start_payment(payer, key="one-key-for-all")
        assert again.json()["id"] in started


def settle(shop: Shop, payment: dict[str, Any], *, rounds: int = 0, within: float = 30) -> str:
    """Do the platform's background work until the payment has ended (or for ``rounds``); return its state."""
    deadline = time.monotonic() + within
    done = 0
    while True:
        background_round(shop.market)
        state: str = shop.read_payment(payment)["state"]
        done += 1
        if (rounds and done >= rounds) or (not rounds and state in ENDED) or time.monotonic() > deadline:
            return state
        time.sleep(0.05)


def background_round(market: Market) -> None:
    """Do once what the worker does: jobs, stored calls, questions about everything that has not ended."""
    run_waiting(market.registry)
    for inbox_id in market.perform(inbox.due):
        inbox.process(market.registry, inbox_id)
    for operation in operations(market.registry).values():
        market.query(_ASK_NOW.format(operation.table))
    reconciler.reconcile(market.registry)


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run all ``calls`` in threads that start together; return what each returned, or raise the first failure."""
    barrier, failures = threading.Barrier(len(calls)), []
    results: list[Any] = [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[place] = call()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=numbered) for numbered in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results
