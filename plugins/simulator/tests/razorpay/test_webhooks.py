import json
import socket
import threading

import pytest

from marketcore.settings import check_section
from marketcore_simulator.process import SimulatorSettings, build_server
from marketcore_simulator.razorpay import webhooks
from marketcore_simulator.razorpay.credentials import ACCOUNT_ID, WEBHOOK_SECRET
from marketcore_simulator.razorpay.payments import Means
from marketcore_simulator.razorpay.webhooks import sign
from marketcore_simulator.testing import CallbackReceiver, eventually


def deliveries(simulator):
    return simulator.world.log.select("razorpay", "delivery")


def register(http, url, **more):
    return http.post("/_sim/razorpay/webhooks", json={"url": url, **more})


def states(http):
    return [webhook["active"] for webhook in http.get("/_sim/razorpay/webhooks").json()["items"]]


def verifies(call, secret=WEBHOOK_SECRET):
    return call.headers["x-razorpay-signature"] == sign(secret, call.body)


def test_a_captured_payment_is_told_three_times_over_in_signed_snapshots(api, told):
    payment = api.captured()
    events = told.events(3)
    assert [event["event"] for event in events] == ["payment.authorized", "payment.captured", "order.paid"]
    assert all(verifies(call) for call in told.calls(3))
    assert len({call.headers["x-razorpay-event-id"] for call in told.calls(3)}) == 3
    assert events[0]["payload"]["payment"]["entity"]["status"] == "authorized"
    assert events[1]["payload"]["payment"]["entity"]["id"] == payment["id"]
    assert events[2]["contains"] == ["payment", "order"]
    assert events[2]["payload"]["order"]["entity"]["status"] == "paid"
    assert {(event["entity"], event["account_id"]) for event in events} == {("event", ACCOUNT_ID)}


def test_a_webhook_may_want_some_events_only(api, http, receiver):
    register(http, receiver.url, events=["order.paid"]).raise_for_status()
    api.captured()
    eventually(lambda: receiver.calls)
    assert [json.loads(call.body)["event"] for call in receiver.calls] == ["order.paid"]


def test_every_webhook_signs_with_its_own_secret(api, http, receiver):
    with CallbackReceiver() as other:
        register(http, receiver.url, secret="one", events=["order.paid"])
        register(http, other.url, secret="two", events=["order.paid"])
        api.captured()
        eventually(lambda: receiver.calls and other.calls)
        assert verifies(receiver.calls[0], "one")
        assert verifies(other.calls[0], "two")


@pytest.mark.parametrize(
    "document", [{}, {"url": ""}, {"url": "http://127.0.0.1", "secret": 5}, {"url": "x", "events": "a"}]
)
def test_a_webhook_that_makes_no_sense_is_refused(http, document):
    assert http.post("/_sim/razorpay/webhooks", json=document).status_code == 400


def test_an_unknown_webhook_is_said_so(http):
    assert http.post("/_sim/razorpay/webhooks/none/enable").status_code == 404


# What goes wrong


def test_no_webhook_comes_though_the_payment_was_made(api, told, receiver):
    api.choose("pay", "no_callback")
    assert api.captured()["status"] == "captured"
    api.captured(receipt="ORD-2")
    assert {event["payload"]["payment"]["entity"]["order_id"] for event in told.events(3)} == {
        api.get("/v1/orders", receipt="ORD-2").json()["items"][0]["id"]
    }


def test_webhooks_are_repeated_under_the_same_event_id(api, told):
    api.choose("pay", "dup_callback(2)")
    api.captured()
    calls = told.calls(9)
    assert len({call.headers["x-razorpay-event-id"] for call in calls}) == 3
    assert len({call.body for call in calls}) == 3


def test_order_paid_may_come_before_payment_captured(api, told):
    api.choose("pay", "reorder")
    api.captured()
    assert told.names(3) == ["order.paid", "payment.captured", "payment.authorized"]


def test_webhooks_may_come_before_the_payer_returns(api, webhook, receiver):
    api.choose("pay", "callback_first")
    api.captured()
    assert len(receiver.calls) == 3


def test_a_shop_that_asks_back_at_once_gets_its_answer(api, http, simulator):
    """A webhook that comes first must not keep the gateway from answering the shop's own questions."""
    asked = []

    class Asking(CallbackReceiver):
        @property
        def answer(self):
            asked.append(api.get("/v1/payments").json()["count"])
            return b"{}"

        @answer.setter
        def answer(self, value):
            pass

    with Asking() as shop:
        register(http, shop.url, events=["order.paid"])
        api.choose("pay", "callback_first")
        api.captured()
        assert asked == [1]


def test_a_tampered_signature_does_not_verify(api, told):
    api.choose("pay", "tampered_signature")
    api.captured()
    assert not any(verifies(call) for call in told.calls(3))


def test_a_wrong_amount_is_told(api, told):
    api.choose("pay", "wrong_amount")
    api.captured()
    assert told.events(3)[1]["payload"]["payment"]["entity"]["amount"] == 49_999


def test_an_unknown_reference_is_told(api, told):
    api.choose("pay", "unknown_reference")
    payment = api.captured()
    entity = told.events(3)[1]["payload"]["payment"]["entity"]
    assert entity["id"] != payment["id"]
    assert entity["order_id"] != payment["order_id"]


def test_webhooks_may_be_slow(api, told, receiver, simulator):
    api.choose("pay", "slow_callback(60)")
    api.captured()
    simulator.world.shift_clock(59)
    reached = threading.Event()
    simulator.world.timers.after(0.05, reached.set)
    assert reached.wait(10)
    assert receiver.calls == []
    simulator.world.shift_clock(2)
    assert len(told.calls(3)) == 3


def test_a_webhook_can_be_sent_again(api, http, told):
    api.captured()
    told.calls(3)
    event = eventually(lambda: http.get("/_sim/events", params={"kind": "delivery"}).json()["items"])[0]
    http.post(f"/_sim/events/{event['id']}/redeliver").raise_for_status()
    calls = told.calls(4)
    assert calls[3].body == calls[0].body
    assert calls[3].headers["x-razorpay-event-id"] == calls[0].headers["x-razorpay-event-id"]


# Retries


@pytest.fixture
def failing(http):
    with CallbackReceiver(status=500) as listening:
        register(http, listening.url, events=["order.paid"]).raise_for_status()
        yield listening


def test_a_failed_delivery_is_tried_again_with_growing_pauses(api, failing, simulator):
    api.captured()
    for count, pause in enumerate((60, 300, 900), start=1):
        eventually(lambda count=count: len(deliveries(simulator)) == count)
        wait_for_timer(simulator)
        simulator.world.shift_clock(pause + 1)
    eventually(lambda: len(deliveries(simulator)) == 4)
    failing.status = 200
    wait_for_timer(simulator)
    simulator.world.shift_clock(1801)
    eventually(lambda: len(deliveries(simulator)) == 5)
    assert len({call.headers["x-razorpay-event-id"] for call in failing.calls}) == 1
    wait_for_timer(simulator)
    simulator.world.shift_clock(86_400)
    wait_for_timer(simulator)
    assert len(deliveries(simulator)) == 5


def wait_for_timer(simulator):
    """Return once a timer set now has run, so that the retry after a delivery has been set."""
    reached = threading.Event()
    simulator.world.timers.after(0.1, reached.set)
    assert reached.wait(10)


def test_after_24_hours_of_failure_the_webhook_is_disabled_until_somebody_enables_it(api, http, failing, simulator):
    api.captured()
    eventually(lambda: deliveries(simulator))
    wait_for_timer(simulator)
    simulator.world.shift_clock(86_401)
    eventually(lambda: states(http) == [False])
    before = len(failing.calls)
    api.captured(receipt="ORD-2")
    wait_for_timer(simulator)
    assert len(failing.calls) == before
    webhook = http.get("/_sim/razorpay/webhooks").json()["items"][0]["id"]
    assert http.post(f"/_sim/razorpay/webhooks/{webhook}/enable").json()["active"] is True
    api.captured(receipt="ORD-3")
    eventually(lambda: len(failing.calls) == before + 1)


def test_retries_after_a_rotation_are_signed_with_the_old_secret(api, http, failing, simulator):
    api.captured()
    eventually(lambda: deliveries(simulator))
    webhook = http.get("/_sim/razorpay/webhooks").json()["items"][0]["id"]
    http.post(f"/_sim/razorpay/webhooks/{webhook}/secret", json={"secret": "rotated"}).raise_for_status()
    wait_for_timer(simulator)
    simulator.world.shift_clock(61)
    eventually(lambda: len(failing.calls) == 2)
    api.captured(receipt="ORD-2")
    eventually(lambda: len(failing.calls) == 3)
    assert [verifies(call) for call in failing.calls] == [True, True, False]
    assert verifies(failing.calls[2], "rotated")


def test_an_answer_that_takes_too_long_is_a_failure(api, http, simulator, monkeypatch):
    assert webhooks.ANSWER_SECONDS == 5
    monkeypatch.setattr(webhooks, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        register(http, f"http://127.0.0.1:{silent.getsockname()[1]}/hook", events=["order.paid"])
        api.captured()
        assert "Timeout" in eventually(lambda: deliveries(simulator))[0].detail["problem"]
        wait_for_timer(simulator)
        simulator.world.shift_clock(61)
        eventually(lambda: len(deliveries(simulator)) == 2)


@pytest.mark.parametrize("secret", [None, "another-secret"])
def test_a_process_of_the_platform_knows_its_webhook_from_the_start(receiver, secret):
    given = {"simulator.port": "0", "simulator.razorpay_webhook_url": receiver.url}
    if secret:
        given["simulator.razorpay_webhook_secret"] = secret
    with build_server(check_section("simulator", SimulatorSettings(), given)) as server:
        merchant = server.app.razorpay.merchant
        order = merchant.create_order({"amount": 50_000, "currency": "INR"})
        server.app.razorpay.checkout.pay(order, Means())
        eventually(lambda: receiver.calls)
    assert verifies(receiver.calls[0], secret or WEBHOOK_SECRET)


def test_without_an_address_nothing_is_posted():
    with build_server(check_section("simulator", SimulatorSettings(), {"simulator.port": "0"})) as server:
        assert server.app.razorpay.merchant.gateway.webhooks.all() == []
