"""Razorpay behind the whole platform: late authorisations are taken, refunds go back the way the money came."""

from __future__ import annotations

import time

import pytest

from marketcore.jobs.running import run_waiting
from marketcore.ledger.verify import verify
from marketcore.payments import inbox, reconciler
from marketcore.testing.contracts import settle
from marketcore.testing.shop import Shop
from marketcore_simulator.razorpay.credentials import WEBHOOK_SECRET

from .shopping import SETTINGS

_ASK_NOW = "UPDATE refunds SET next_check_at = market_clock() WHERE next_check_at IS NOT NULL"


@pytest.fixture
def market(make_market, simulator):
    market = make_market("payments_razorpay", **SETTINGS, payments_razorpay__base_url=simulator.razorpay_url)
    yield market
    with market.registry["engine"].connect() as connection:
        assert verify(connection) == []


@pytest.fixture
def shop(market):
    return Shop(market, currency="INR")


@pytest.fixture
def payment(shop):
    return shop.pay({})


def let_webhooks_arrive(market, face):
    face.control("razorpay/webhooks", url=f"{market.url}/hooks/razorpay", secret=WEBHOOK_SECRET)


def order_of(face, payment):
    return next(order for order in face.merchant.orders.book.all() if order.receipt == payment["code"])


def pay(face, payment, **how):
    return face.control(f"razorpay/orders/{order_of(face, payment).id}/pay", **how)["payment"]


def test_an_authorized_payment_is_captured_by_the_platform(shop, payment, face):
    face.choose("pay", "authorized_only")
    pay(face, payment)
    assert settle(shop, payment) == "captured"
    shop.assert_paid_once()
    assert len(face.requests("/capture")) == 1


@pytest.mark.parametrize("script", ["http_500", "drop_after", "html_error"])
def test_a_capture_without_an_answer_is_clarified_and_taken_once(shop, payment, face, script):
    face.choose("pay", "authorized_only")
    face.choose("capture", script)
    taken = pay(face, payment)
    assert settle(shop, payment) == "captured"
    shop.assert_paid_once()
    assert face.merchant.payments.book.get(taken["id"]).status == "captured"


def test_a_payment_authorized_after_its_attempt_expired_is_taken_and_pays_the_order(market, shop, payment, face):
    failed = pay(face, payment, outcome="fail")
    market.travel("16 minutes")
    shop.log_in()
    assert settle(shop, payment) == "expired"
    let_webhooks_arrive(market, face)
    face.authorize_late(failed)
    work_until(market, lambda: shop.read_payment(payment)["state"] == "captured")
    shop.assert_paid_once()


def work_until(market, done, within=20):
    """Do the platform's background work until `done()`."""
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline
        run_waiting(market.registry)
        for inbox_id in market.perform(inbox.due):
            inbox.process(market.registry, inbox_id)
        market.query(_ASK_NOW)
        reconciler.reconcile(market.registry)
        time.sleep(0.02)


def give_back(shop, rupees):
    body = {"amount": {"amount": rupees, "currency": "INR"}, "target": "original", "reason": "broken"}
    answer = shop.seller.post(f"/api/v1/orders/{shop.order_id}/refunds", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def refund_state(shop, refund):
    return shop.seller.get(f"/api/v1/refunds/{refund['id']}").json()["state"]


@pytest.fixture
def paid(shop, payment, face):
    made = pay(face, payment)
    assert settle(shop, payment) == "captured"
    return face.merchant.payments.book.get(made["id"])


@pytest.mark.parametrize("hears", [True, False], ids=["webhooks", "no webhooks"])
def test_a_refund_in_parts_reaches_the_payer(market, shop, paid, face, hears):
    if hears:
        let_webhooks_arrive(market, face)
    for rupees in ("200.00", "300.00"):
        refund = give_back(shop, rupees)
        work_until(market, lambda refund=refund: refund_state(shop, refund) == "succeeded")
    assert (paid.status, paid.amount_refunded) == ("refunded", 50_000)


@pytest.mark.parametrize("script", ["http_500", "http_429", "drop_before", "drop_after", "html_error"])
def test_a_refund_disturbed_on_its_way_is_made_once(market, shop, paid, face, script):
    face.choose("refund", script)
    refund = give_back(shop, "200.00")
    work_until(market, lambda: refund_state(shop, refund) == "succeeded")
    assert paid.amount_refunded == 20_000
    assert len(face.merchant.refunds.book.all()) == 1


def test_a_refund_that_fails_in_the_end_is_failed(market, shop, paid, face):
    let_webhooks_arrive(market, face)
    face.choose("refund", "pending_then_failed")
    refund = give_back(shop, "200.00")
    work_until(market, lambda: refund_state(shop, refund) == "failed")
    assert paid.amount_refunded == 0
