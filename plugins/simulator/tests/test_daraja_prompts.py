import json
import threading
from decimal import Decimal

import pytest

from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import CallbackReceiver, eventually


def phone(ending):
    return f"254712345{ending}"


def reported(call):
    return json.loads(call.body, parse_float=Decimal)["Body"]["stkCallback"]


def items(call):
    return {item["Name"]: item.get("Value") for item in reported(call)["CallbackMetadata"]["Item"]}


def state(http, checkout_request_id):
    return http.get(f"/_sim/daraja/prompts/{checkout_request_id}").json()["state"]


def push(merchant, receiver, ending="678", **changes):
    answer = merchant.push(PhoneNumber=phone(ending), CallBackURL=receiver.url, **changes)
    return answer.json()["CheckoutRequestID"]


def calls(receiver, count):
    return eventually(lambda: receiver.calls[:] if len(receiver.calls) >= count else None)


def choose(http, script, operation="push", **more):
    document = {"face": "daraja", "operation": operation, "script": script, **more}
    http.post("/_sim/scripts", json=document).raise_for_status()


def deliveries(simulator):
    return simulator.world.log.select("daraja", "delivery")


def after_everything_due(simulator):
    """Return once a timer set now has run: whatever was due before it has been started."""
    reached = threading.Event()
    simulator.world.timers.after(0.05, reached.set)
    assert reached.wait(10)


def test_an_ordinary_phone_waits_for_a_person(http, merchant, receiver, simulator):
    asked = push(merchant, receiver)
    after_everything_due(simulator)
    assert state(http, asked) == "prompted"
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("decision", "ends", "code"),
    [
        ("approve", "approved", 0),
        ("cancel", "cancelled", 1032),
        ("ignore", "ignored", 1037),
        ("wrong_pin", "wrong_pin", 2001),
        ("insufficient", "insufficient", 1),
    ],
)
def test_each_decision_at_the_handset_has_its_result(http, merchant, receiver, decision, ends, code):
    asked = push(merchant, receiver)
    http.post(f"/_sim/daraja/prompts/{asked}/{decision}").raise_for_status()
    assert state(http, asked) == ends
    call = calls(receiver, 1)[0]
    assert reported(call)["ResultCode"] == code
    assert ("CallbackMetadata" in reported(call)) == (decision == "approve")
    assert merchant.query(asked).json()["ResultCode"] == str(code)


def test_a_prompt_is_decided_once(http, merchant, receiver):
    asked = push(merchant, receiver)
    http.post(f"/_sim/daraja/prompts/{asked}/approve").raise_for_status()
    assert http.post(f"/_sim/daraja/prompts/{asked}/cancel").status_code == 409
    assert state(http, asked) == "approved"


def test_a_prompt_nobody_touches_expires(http, merchant, receiver, simulator):
    asked = push(merchant, receiver)
    simulator.world.shift_clock(121)
    assert reported(calls(receiver, 1)[0])["ResultCode"] == 1037
    assert state(http, asked) == "ignored"


def test_the_callback_is_posted_once_unsigned_with_the_shortcode_header(merchant, receiver, simulator):
    push(merchant, receiver, "001", Amount=150)
    call = calls(receiver, 1)[0]
    assert call.headers["businessshortcode"] == "174379"
    assert call.headers["content-type"] == "application/json;charset=UTF-8"
    assert not {"authorization", "x-signature", "signature"} & set(call.headers)
    found = items(call)
    assert found["Amount"] == Decimal("150.00")
    assert b'"Value": 150.00' in call.body
    assert found["PhoneNumber"] == 254712345001
    assert isinstance(found["TransactionDate"], int)
    assert found["Balance"] is None
    assert b"ORD-1" not in call.body
    after_everything_due(simulator)
    assert len(receiver.calls) == 1


def test_a_callback_is_not_tried_again_after_an_error(merchant, simulator):
    with CallbackReceiver(status=500) as failing:
        push(merchant, failing, "001")
        calls(failing, 1)
        eventually(lambda: deliveries(simulator))
        after_everything_due(simulator)
        assert len(failing.calls) == 1
    assert deliveries(simulator)[0].detail["status"] == 500


def test_callbacks_go_to_loopback_addresses_only(merchant, simulator):
    merchant.push(PhoneNumber=phone("001"), CallBackURL="https://shop.example/pay/cb/0a1b").raise_for_status()
    delivery = eventually(lambda: deliveries(simulator))[0]
    assert delivery.detail["problem"] == "not sent: shop.example is not a loopback address"


def test_a_dead_receiver_is_logged(merchant, simulator):
    with CallbackReceiver() as gone:
        url = gone.url
    merchant.push(PhoneNumber=phone("001"), CallBackURL=url).raise_for_status()
    assert "ConnectionRefusedError" in eventually(lambda: deliveries(simulator))[0].detail["problem"]


# Magic endings


@pytest.mark.parametrize(("ending", "code"), [("001", 0), ("002", 1032), ("003", 1037), ("004", 1), ("005", 2001)])
def test_magic_phones_decide_for_themselves(merchant, receiver, ending, code):
    push(merchant, receiver, ending)
    assert reported(calls(receiver, 1)[0])["ResultCode"] == code


def test_006_approves_without_a_callback(http, merchant, receiver, simulator):
    asked = push(merchant, receiver, "006")
    eventually(lambda: state(http, asked) == "approved")
    after_everything_due(simulator)
    assert receiver.calls == []
    assert merchant.query(asked).json()["ResultCode"] == "0"


def test_007_approves_and_sends_three_duplicates(merchant, receiver, simulator):
    push(merchant, receiver, "007")
    assert len({call.body for call in calls(receiver, 4)}) == 1
    after_everything_due(simulator)
    assert len(receiver.calls) == 4


def test_008_approves_long_after_the_marketplace_gave_up(http, merchant, receiver, simulator):
    asked = push(merchant, receiver, "008")
    simulator.world.shift_clock(80)
    after_everything_due(simulator)
    assert state(http, asked) == "prompted"
    simulator.world.shift_clock(11)
    assert reported(calls(receiver, 1)[0])["ResultCode"] == 0


def test_009_calls_back_before_the_push_is_answered(merchant, receiver):
    asked = push(merchant, receiver, "009")
    assert [reported(call)["CheckoutRequestID"] for call in receiver.calls] == [asked]


def test_a_person_may_answer_before_a_magic_phone_does(http, merchant, receiver, simulator):
    simulator.world.settings.update({"approve_after": 30})
    asked = push(merchant, receiver, "001")
    http.post(f"/_sim/daraja/prompts/{asked}/cancel").raise_for_status()
    simulator.world.shift_clock(31)
    after_everything_due(simulator)
    assert state(http, asked) == "cancelled"
    assert len(receiver.calls) == 1


# Scripts for the payment


def test_a_script_for_the_next_push_overrules_the_phone_and_is_used_once(http, merchant, receiver):
    choose(http, "cancel")
    push(merchant, receiver, "001")
    assert reported(calls(receiver, 1)[0])["ResultCode"] == 1032
    push(merchant, receiver, "001")
    assert reported(calls(receiver, 2)[1])["ResultCode"] == 0


def test_a_script_may_be_bound_to_the_ending_of_a_phone(http, merchant, receiver):
    http.post("/_sim/magic", json={"face": "daraja", "ending": "678", "script": "cancel"}).raise_for_status()
    push(merchant, receiver)
    assert reported(calls(receiver, 1)[0])["ResultCode"] == 1032


def test_a_bound_script_may_spoil_the_exchange(http, merchant, simulator):
    http.post("/_sim/magic", json={"face": "daraja", "ending": "678", "script": "http_500"}).raise_for_status()
    assert merchant.push().status_code == 500
    assert merchant.push(PhoneNumber=phone("679")).status_code == 200


def test_a_wrong_amount_is_reported(http, merchant, receiver):
    choose(http, "wrong_amount")
    push(merchant, receiver, Amount=150)
    assert items(calls(receiver, 1)[0])["Amount"] == 149


def test_a_slow_callback_waits_while_the_query_knows_already(http, merchant, receiver, simulator):
    choose(http, "slow_callback(60)")
    asked = push(merchant, receiver)
    eventually(lambda: state(http, asked) == "approved")
    after_everything_due(simulator)
    assert receiver.calls == []
    assert merchant.query(asked).json()["ResultCode"] == "0"
    simulator.world.shift_clock(61)
    calls(receiver, 1)


# Locks, repeats and queries


def test_a_phone_holds_one_prompt_at_a_time(http, merchant, receiver):
    asked = push(merchant, receiver)
    busy = merchant.push()
    assert (busy.status_code, busy.json()["errorCode"]) == (500, "500.001.1001")
    assert "Unable to lock subscriber" in busy.json()["errorMessage"]
    http.post(f"/_sim/daraja/prompts/{asked}/cancel").raise_for_status()
    assert merchant.push().status_code == 200


def test_simultaneous_pushes_to_one_phone_leave_one_prompt(merchant, simulator):
    barrier, statuses = threading.Barrier(6), []

    def race():
        barrier.wait()
        statuses.append(merchant.push().status_code)

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 500, 500, 500, 500, 500]


@pytest.mark.parametrize(("change", "window", "code"), [({}, 120, 17), ({"Amount": 101}, 120, 0), ({}, 0, 0)])
def test_a_paid_amount_repeated_within_the_window_is_refused(http, merchant, receiver, simulator, change, window, code):
    simulator.world.settings.update({"repeat_window": window})
    push(merchant, receiver, "001")
    calls(receiver, 1)
    push(merchant, receiver, "001", **change)
    assert reported(calls(receiver, 2)[1])["ResultCode"] == code


def test_the_window_passes_with_the_clock_and_a_cancelled_prompt_does_not_open_it(merchant, receiver, simulator):
    push(merchant, receiver, "002")
    calls(receiver, 1)
    push(merchant, receiver, "001")
    assert reported(calls(receiver, 2)[1])["ResultCode"] == 0
    simulator.world.shift_clock(121)
    push(merchant, receiver, "001")
    assert reported(calls(receiver, 3)[2])["ResultCode"] == 0


def test_in_flight_the_query_alternates_its_two_shapes_of_not_yet(merchant, receiver):
    asked = push(merchant, receiver)
    answers = [merchant.query(asked) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 500, 200, 200]
    found = [answer.json() for answer in answers]
    assert [answer.get("ResultCode") for answer in found] == ["4999", None, "4999", None]
    assert [answer.get("errorCode") for answer in found] == [None, "500.001.1001", None, "500.001.1001"]


def test_a_known_prompt_is_sometimes_denied_an_answer(http, merchant, receiver, simulator):
    simulator.world.settings.update({"query_noise_percent": 50})
    asked = push(merchant, receiver)
    http.post(f"/_sim/daraja/prompts/{asked}/approve").raise_for_status()
    assert {merchant.query(asked).status_code for _ in range(40)} == {200, 500}


# Forgeries, redelivery, identifiers


def test_a_forged_callback_cannot_be_told_from_a_real_one_by_its_shape(http, merchant, receiver):
    asked = push(merchant, receiver)
    http.post(f"/_sim/daraja/prompts/{asked}/forged-callback").raise_for_status()
    http.post(f"/_sim/daraja/prompts/{asked}/approve").raise_for_status()
    forged, real = calls(receiver, 2)
    assert set(forged.headers) == set(real.headers)
    assert set(reported(forged)) == set(reported(real))
    assert [type(value) for value in items(forged).values()] == [type(value) for value in items(real).values()]
    assert list(items(forged)) == list(items(real))
    assert items(forged)["MpesaReceiptNumber"] != items(real)["MpesaReceiptNumber"]


def test_a_forged_callback_changes_nothing_at_the_gateway(http, merchant, receiver):
    asked = push(merchant, receiver)
    changes = {"amount": 1, "checkout_request_id": "ws_CO_other", "receipt": "FAKE"}
    http.post(f"/_sim/daraja/prompts/{asked}/forged-callback", json=changes).raise_for_status()
    call = calls(receiver, 1)[0]
    assert reported(call)["CheckoutRequestID"] == "ws_CO_other"
    assert (items(call)["Amount"], items(call)["MpesaReceiptNumber"]) == (1, "FAKE")
    assert state(http, asked) == "prompted"
    assert merchant.query(asked).json()["ResultCode"] == "4999"


def test_a_delivery_is_sent_again_byte_for_byte(http, merchant, receiver):
    push(merchant, receiver, "001")
    calls(receiver, 1)
    found = eventually(lambda: http.get("/_sim/events", params={"kind": "delivery"}).json()["items"])
    http.post(f"/_sim/events/{found[0]['id']}/redeliver").raise_for_status()
    first, second = calls(receiver, 2)
    assert first == second


def test_identifiers_repeat_for_a_seed_and_differ_without_one():
    def draw(seed):
        ids = SimulatorServer(seed=seed)
        ids.stop()
        return [ids.world.ids.digits("checkout", 20) for _ in range(3)]

    assert draw(1) == draw(1)
    assert len(set(draw(1))) == 3
    assert draw(1) != draw(2)
    assert draw(None) != draw(None)
