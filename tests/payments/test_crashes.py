"""A process that dies at any named point of a payment leaves one payment, right books and nothing stuck."""

from __future__ import annotations

import signal
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from processes import CONFIGURED, run_process

from marketcore.jobs.running import run_waiting
from marketcore.payments import inbox
from marketcore.testing.contracts import settle
from marketcore.testing.shop import Shop
from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.callbacks import forged_body
from marketcore_simulator.server import SimulatorServer

HERE = Path(__file__).parent
KEY = "the-key-of-a-retry"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_ready(process, port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the process ended with {process.returncode}"
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/v1/cart", trust_env=False, verify=False)
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the process does not answer")


@pytest.fixture
def victims():
    """Return ``victims(till, point)``: the address of a web process that dies at ``point``, and the process."""
    processes = []

    def start(till, point):
        port = free_port()
        settings = {**till.market.settings, "web.port": str(port)}
        processes.append(run_process([str(HERE / "web_app.py")], settings, MARKETCORE_CRASH_AT=point))
        await_ready(processes[-1], port)
        return f"http://127.0.0.1:{port}", processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait(10)


@pytest.fixture
def victim(till, victims):
    """Return ``victim(point)``: the same, of ``till``."""
    return lambda point: victims(till, point)


def start_at(url, till):
    body = {"purpose": "checkout", "reference": str(till.checkout["id"]), "payer": {}}
    headers = {"Authorization": f"Bearer {till.buyer_user['access']}", "Idempotency-Key": KEY}
    return httpx.post(f"{url}/api/v1/payments", json=body, headers=headers, timeout=30, trust_env=False, verify=False)


def only_payment(till):
    ((payment_id,),) = till.market.query("SELECT id FROM payments")
    return {"id": str(payment_id)}


@pytest.mark.parametrize(
    ("point", "prompts"), [("payments.before_start", 0), ("payments.after_start", 1), ("payments.before_commit", 1)]
)
def test_a_web_process_that_dies_while_a_payment_starts(till, victim, point, prompts):
    url, process = victim(point)
    with pytest.raises(httpx.TransportError):
        start_at(url, till)
    assert process.wait(10) == -signal.SIGKILL
    payment = only_payment(till)
    assert till.row(payment).state == "submitting"
    assert till.gateway.prompts.total() == prompts
    assert start_at(till.market.url, till).status_code == 409
    if prompts:
        till.gateway.settle(payment, "captured")
    till.ask_now()
    till.ask_now()
    assert till.row(payment).state == ("captured" if prompts else "failed")
    if prompts:
        till.assert_paid_once()
    till.market.query("UPDATE idempotency_keys SET created_at = created_at - interval '91 seconds'")
    retried = start_at(till.market.url, till)
    assert (retried.status_code, retried.json()["id"]) == (202, payment["id"])
    assert start_at(till.market.url, till).content == retried.content
    assert till.gateway.prompts.total() == prompts


@pytest.fixture
def two_step(make_till):
    """A till whose provider reserves first and takes later."""
    return make_till({"fakepay__features": "capture"})


CAPTURING = [("payments.before_capture", 0), ("payments.after_capture", 1)]


@pytest.mark.parametrize(("point", "taken"), CAPTURING)
def test_a_web_process_that_dies_while_it_takes_reserved_money(two_step, victims, point, taken):
    two_step.gateway.scripts.append("authorized")
    url, process = victims(two_step, point)
    with pytest.raises(httpx.TransportError):
        start_at(url, two_step)
    assert process.wait(10) == -signal.SIGKILL
    payment = only_payment(two_step)
    assert (two_step.row(payment).state, two_step.gateway.taken.total()) == ("authorized", taken)
    assert start_at(two_step.market.url, two_step).status_code == 409
    two_step.ask_now()
    two_step.market.query("UPDATE idempotency_keys SET created_at = created_at - interval '91 seconds'")
    retried = start_at(two_step.market.url, two_step)
    assert (retried.status_code, retried.json()["id"], retried.json()["state"]) == (202, payment["id"], "captured")
    assert (two_step.gateway.taken.total(), two_step.gateway.prompts.total()) == (1, 1)
    two_step.assert_paid_once()


@pytest.mark.parametrize(("point", "taken"), CAPTURING)
def test_a_reconciler_that_dies_while_it_takes_reserved_money(two_step, point, taken):
    payment = two_step.pay({})
    two_step.gateway.settle(payment, "authorized")
    two_step.market.query("UPDATE payments SET next_check_at = market_clock()")
    program = CONFIGURED + "from marketcore.payments.reconciler import reconcile; reconcile(registry)"
    process = run_process(["-c", program], two_step.market.settings, MARKETCORE_CRASH_AT=point)
    assert process.wait(60) == -signal.SIGKILL
    assert (two_step.row(payment).state, two_step.gateway.taken.total()) == ("authorized", taken)
    two_step.market.travel("121 seconds")
    two_step.ask_now()
    assert two_step.gateway.taken.total() == 1
    two_step.assert_paid_once()


@pytest.mark.parametrize("point", ["payments.after_fetch", "payments.before_commit"])
def test_a_reconciler_that_dies_with_the_answer_in_its_hands(till, point):
    payment = till.pay({})
    till.gateway.settle(payment, "captured")
    till.market.query("UPDATE payments SET next_check_at = market_clock()")
    program = CONFIGURED + "from marketcore.payments.reconciler import reconcile; reconcile(registry)"
    process = run_process(["-c", program], till.market.settings, MARKETCORE_CRASH_AT=point)
    assert process.wait(60) == -signal.SIGKILL
    assert till.row(payment).state == "pending"
    assert till.transfers() == []
    till.market.travel("121 seconds")
    till.ask_now()
    till.assert_paid_once()


class MpesaTill:
    """A purchase prompted by M-Pesa, whose unsigned callbacks are hints."""

    def __init__(self, market, simulator):
        self.market, self.simulator = market, simulator
        self.shop = Shop(market)
        self.payment = self.shop.pay({"phone": "0712345999"})
        (self.prompt,) = simulator.app.daraja.desk.prompts.all()


@pytest.fixture
def mpesa(make_market):
    with SimulatorServer(seed=1) as simulator:
        simulator.world.settings.update({"callback_after": 0.02, "repeat_window": 0, "query_noise_percent": 0})
        market = make_market(
            "payments_mpesa",
            payments__route__KES="mpesa",
            payments_mpesa__base_url=simulator.daraja_url,
            payments_mpesa__consumer_key=credentials.CONSUMER_KEY,
            payments_mpesa__consumer_secret=credentials.CONSUMER_SECRET,
            payments_mpesa__shortcode=credentials.SHORTCODE,
            payments_mpesa__passkey=credentials.PASSKEY,
        )
        yield MpesaTill(market, simulator)


@pytest.mark.parametrize("point", ["payments.after_fetch", "payments.before_commit", "payments.webhook_before_done"])
def test_a_worker_that_dies_while_it_follows_a_hint(mpesa, point):
    mpesa.simulator.app.daraja.desk.decide(mpesa.prompt, "approve")
    deadline = time.monotonic() + 20
    while not (due := mpesa.market.query("SELECT id FROM webhook_inbox")):
        assert time.monotonic() < deadline, "no callback came"
        time.sleep(0.02)
    program = CONFIGURED + f"from marketcore.payments import inbox; inbox.process(registry, {due[0].id})"
    process = run_process(["-c", program], mpesa.market.settings, MARKETCORE_CRASH_AT=point)
    assert process.wait(60) == -signal.SIGKILL
    mpesa.market.query("DELETE FROM jobs")
    mpesa.market.query("UPDATE webhook_inbox SET lease_until = market_clock() - interval '1 second'")
    for inbox_id in mpesa.market.perform(inbox.due):
        inbox.process(mpesa.market.registry, inbox_id)
    run_waiting(mpesa.market.registry)
    mpesa.shop.assert_paid_once()
    assert [row.status for row in mpesa.market.query("SELECT status FROM webhook_inbox")] == ["done"]


def test_a_callback_at_an_address_nobody_was_given_is_thanked_for_and_not_kept(mpesa):
    body = forged_body(mpesa.prompt, "SFORGED001", datetime.now(UTC), {})
    url = f"{mpesa.market.url}/hooks/stk"
    assert httpx.post(f"{url}/{'0' * 64}", content=body, trust_env=False, verify=False).status_code == 200
    assert httpx.post(url, content=body, trust_env=False, verify=False).status_code == 401
    assert mpesa.market.query("SELECT * FROM webhook_inbox") == []


def test_a_forgery_at_the_true_address_is_kept_beside_the_true_call_and_credits_nothing(mpesa):
    address = mpesa.prompt.order.callback_url
    forged = forged_body(mpesa.prompt, "SFORGED001", datetime.now(UTC), {})
    for _time in range(3):
        assert httpx.post(address, content=forged, trust_env=False, verify=False).status_code == 200
    run_waiting(mpesa.market.registry)
    mpesa.shop.assert_unpaid()
    assert len(mpesa.market.query("SELECT * FROM webhook_inbox")) == 1
    mpesa.simulator.app.daraja.desk.decide(mpesa.prompt, "approve")
    assert settle(mpesa.shop, mpesa.payment) == "captured"
    mpesa.shop.assert_paid_once()
    assert len(mpesa.market.query("SELECT * FROM webhook_inbox")) <= 2
