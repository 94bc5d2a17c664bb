"""Refunds through the whole marketplace: what the seller asks for, what Daraja does, and what the ledger says."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from marketcore.jobs.running import run_waiting
from marketcore.ledger.verify import verify
from marketcore.payments import inbox, reconciler
from marketcore.testing.contracts import settle
from marketcore.testing.shop import Shop
from marketcore_simulator.daraja import credentials
from marketcore_simulator.testing import eventually

from .attempts import reversals
from .exchange import scripted

PAYER = {"phone": "0712 345 001"}
ASK_NOW = "UPDATE refunds SET next_check_at = market_clock() WHERE next_check_at IS NOT NULL AND checks < 8"


@pytest.fixture
def market(make_market, simulator, mpesa_settings):
    simulator.world.settings.update({"result_after": 0.02})
    office = {
        "payments_mpesa__initiator": credentials.INITIATOR_NAME,
        "payments_mpesa__security_credential": credentials.SECURITY_CREDENTIAL,
        "payments_mpesa__payout_shortcode": credentials.B2C_SHORTCODE,
        "payments_mpesa__pull": "true",
        "payments_mpesa__pull_number": "0712345678",
    }
    market = make_market("payments_mpesa", payments__route__KES="mpesa", **mpesa_settings, **office)
    yield market
    with market.registry["engine"].connect() as connection:
        assert verify(connection) == []


@pytest.fixture
def shop(market):
    shop = Shop(market, price="500.00")
    assert settle(shop, shop.pay(PAYER)) == "captured"
    return shop


def request_refund(shop):
    answer = shop.seller.post(f"/api/v1/orders/{shop.order_id}/refunds", json={"reason": "it broke"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def work(shop):
    """One round of the platform's background work."""
    run_waiting(shop.market.registry)
    for inbox_id in shop.market.perform(inbox.due):
        inbox.process(shop.market.registry, inbox_id)
    shop.market.query(ASK_NOW)
    reconciler.reconcile(shop.market.registry)


def read(shop, refund):
    answer = shop.seller.get(f"/api/v1/refunds/{refund['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def becomes(shop, refund, state):
    """Work until the refund is in ``state``."""

    def arrived():
        work(shop)
        return read(shop, refund)["state"] == state

    eventually(arrived, within=20)
    return read(shop, refund)


def stays(shop, refund, *states, rounds=4):
    """Work for some rounds, in which the refund is never in another state."""
    for _ in range(rounds):
        work(shop)
        assert read(shop, refund)["state"] in states
        time.sleep(0.05)


def working(simulator):
    return simulator.app.daraja.office.book.working


def sent(shop):
    """How often the money of a refund has left, by the ledger."""
    return len(shop.market.query("SELECT id FROM ledger_transfers WHERE code = 'refund_sent'"))


@pytest.mark.parametrize(
    "script",
    ["ok", "no_callback", "dup_callback(2)", "queue_timeout", "unknown_reference", "wrong_amount", "drop_after"],
)
def test_B7_a_refund_is_reversed_and_booked_once_whatever_is_told_of_it(shop, simulator, script):
    scripted(simulator, script, "reversal")
    refund = request_refund(shop)
    becomes(shop, refund, "succeeded")
    work(shop)
    assert working(simulator) == 0
    assert (len(reversals(simulator)), sent(shop)) == (1, 1)


@pytest.mark.parametrize("script", ["drop_before", "http_500", "html_error"])
def test_a_reversal_that_nobody_may_have_seen_is_unknown_and_not_sent_again(shop, simulator, script):
    scripted(simulator, script, "reversal")
    refund = request_refund(shop)
    becomes(shop, refund, "unknown")
    stays(shop, refund, "unknown")
    assert (reversals(simulator), sent(shop), working(simulator)) == ([], 0, 500)


def test_a_reversal_the_gateway_was_too_busy_for_is_sent_when_it_is_not(shop, simulator):
    scripted(simulator, "http_429", "reversal")
    becomes(shop, request_refund(shop), "succeeded")
    assert (len(reversals(simulator)), sent(shop)) == (1, 1)


@pytest.mark.parametrize("script", ["result(11)", "queue_failed"])
def test_a_failed_reversal_returns_no_money_and_waits_for_a_person(shop, simulator, script):
    scripted(simulator, script, "reversal")
    refund = request_refund(shop)
    becomes(shop, refund, "pending")
    stays(shop, refund, "pending")
    assert (sent(shop), working(simulator)) == (0, 500)


def test_questions_that_fail_are_asked_again(shop, simulator):
    scripted(simulator, "no_callback", "reversal")
    for script in ("drop_before", "drop_after", "no_callback", "http_500", "queue_timeout", "result(2001)"):
        scripted(simulator, script, "status")
    becomes(shop, request_refund(shop), "succeeded")
    assert sent(shop) == 1


def test_a_forged_result_at_the_true_address_returns_nothing_by_itself(shop, simulator):
    scripted(simulator, "result(11)", "reversal")
    refund = request_refund(shop)
    becomes(shop, refund, "pending")
    first = eventually(lambda: results(simulator))[0]
    forged = json.loads(first.detail["body"])
    forged["Result"] |= {"ResultCode": 0, "TransactionID": "FORGED0001"}
    for changes in ({}, {"ResultDesc": "again"}):
        forged["Result"] |= changes
        assert httpx.post(first.detail["url"], json=forged, trust_env=False, verify=False).status_code == 200
    stays(shop, refund, "pending")
    assert (sent(shop), working(simulator)) == (0, 500)


def results(simulator):
    """What has been told of reversals."""
    return [event for event in simulator.world.log.select("daraja", "delivery") if "reversal" in event.summary]
