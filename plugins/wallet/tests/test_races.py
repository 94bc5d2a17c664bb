"""One wallet, everybody at once, and processes that die: never more than there is, never twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from marketcore.directives import table
from marketcore.exceptions import InsufficientFunds
from marketcore.interfaces import Capabilities
from marketcore.ledger.accounts import AccountRef
from marketcore.money import Money
from marketcore.payments.reconciler import reconcile
from marketcore.payments.services import PaymentService
from marketcore.payouts.services import PayoutService
from marketcore.testing.contracts import at_once
from marketcore_wallet.services import WalletService

from .people import balance, fill

PRICE = 50_000
THREADS = 16
ESCROW = AccountRef("test", "1", "escrow", "KES", guard="credit", mode="inline")
DIES = """
import json, os, uuid
from marketcore.config import configure
from marketcore.payments.asking import submit
submit(configure(json.loads(os.environ["SETTINGS"])).registry, uuid.UUID(os.environ["PAYMENT"]), "")
"""


@pytest.fixture
def user(shop):
    return shop.buyer_user["user"]["id"]


def pay(shop, checkout):
    """Return a call that pays ``checkout``, and whether it was paid."""

    def send():
        body = {"purpose": "checkout", "reference": str(checkout["id"]), "provider": "wallet"}
        with shop.market.client(shop.buyer_user["access"]) as http:
            answer = http.post("/api/v1/payments", json=body)
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] in ("captured", "failed"), answer.text
        return answer.json()["state"] == "captured"

    return send


def hold(shop, user, place):
    """Return a call that reserves the price, and whether it was reserved."""

    def reserve():
        def work(request):
            wallets, money = request.find_service(WalletService), Money(PRICE, "KES")
            return wallets.hold(user, money, (user, place), to=ESCROW, ref_type="test", ref_id=str(place))

        try:
            return bool(shop.market.perform(work))
        except InsufficientFunds:
            return False

    return reserve


class Till:
    """Somebody who could pay out; nobody is asked to."""

    name = title = webhook_slug = "till"
    payout_capabilities = Capabilities(currencies={"KES": 1})


def pay_out(shop, user):
    """Return a call that asks for the price to be paid out of the wallet, and whether it was reserved."""
    table(shop.market.registry, "payout providers")["till"] = Till()
    ((destination,),) = shop.market.query(_DESTINATION, user=user)

    def request_payout():
        def work(request):
            return request.find_service(PayoutService).request(user, destination, Money(PRICE, "KES"), "wallet")

        try:
            return bool(shop.market.perform(work))
        except InsufficientFunds:
            return False

    return request_payout


_DESTINATION = """INSERT INTO payout_destinations (id, user_id, provider, details, state)
                  VALUES (gen_random_uuid(), :user, 'till', '{}', 'active') RETURNING id"""


def test_sixteen_payments_at_once_spend_no_more_than_there_is(shop, user):
    checkouts = [shop.check_out() for _place in range(THREADS)]
    fill(shop.market, user, 7 * PRICE + PRICE - 1)
    paid = at_once([pay(shop, checkout) for checkout in checkouts])
    assert paid.count(True) == 7
    assert balance(shop.market, user) == (PRICE - 1, 0)
    states = [shop.buyer.get(f"/api/v1/orders/{checkout['orders'][0]['id']}").json()["state"] for checkout in checkouts]
    assert [state == "paid" for state in states] == paid


def test_payments_holds_and_payouts_at_once_share_what_there_is(shop, user):
    checkouts = [shop.check_out() for _place in range(6)]
    fill(shop.market, user, 5 * PRICE)
    calls = [pay(shop, checkout) for checkout in checkouts] + [hold(shop, user, place) for place in range(5)]
    got = at_once(calls + [pay_out(shop, user)] * 5)
    assert len(got) == THREADS
    assert got.count(True) == 5
    assert balance(shop.market, user) == (0, got[6:].count(True) * PRICE)


def test_one_key_sent_ten_times_pays_once(shop, user):
    fill(shop.market, user, 10 * PRICE)
    answers = at_once([lambda: shop.start_payment({}, key="one-key-for-all")] * 10)
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert balance(shop.market, user) == (9 * PRICE, 0)
    shop.assert_paid_once()


def test_paying_cancelling_and_asking_at_once_loses_nothing(shop, user):
    fill(shop.market, user, PRICE)

    def cancel():
        return shop.buyer.post(f"/api/v1/orders/{shop.order_id}/steps", json={"to": "cancelled"}).status_code

    def ask():
        shop.market.query("UPDATE payments SET next_check_at = market_clock() WHERE next_check_at IS NOT NULL")
        return reconcile(shop.market.registry)

    answer, cancelled, _asked = at_once([lambda: shop.start_payment({}), cancel, ask])
    assert (answer.status_code, cancelled) in ((202, 200), (202, 409), (409, 200))
    order = shop.read_order()["state"]
    spent = PRICE if order == "paid" else 0
    assert order in ("paid", "cancelled")
    assert balance(shop.market, user) == (PRICE - spent, 0)


@pytest.mark.parametrize("point", ["payments.before_start", "payments.before_commit"])
def test_a_process_killed_while_it_collects_leaves_one_payment(shop, user, point):
    fill(shop.market, user, PRICE + 1)

    def begin(request):
        reference = str(shop.checkout["id"])
        return request.find_service(PaymentService).open(user, "checkout", reference, provider="wallet", payer={})[0]

    payment_id = shop.market.perform(begin)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONWARNINGS": "ignore",
        "SETTINGS": json.dumps(shop.market.settings),
        "PAYMENT": str(payment_id),
        "MARKETCORE_CRASH_AT": point,
    }
    died = subprocess.run([sys.executable, "-c", DIES], env=environment, capture_output=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert balance(shop.market, user) == (PRICE + 1, 0)
    assert shop.market.query("SELECT state FROM payments WHERE id = :id", id=payment_id) == [("submitting",)]
    assert shop.start_payment({}).status_code == 409
    shop.market.query("UPDATE payments SET next_check_at = market_clock() WHERE id = :id", id=payment_id)
    reconcile(shop.market.registry)
    reconcile(shop.market.registry)
    shop.assert_paid_once()
    assert balance(shop.market, user) == (1, 0)
