import socket

import httpx
import pytest

from marketcore_payments_mpesa.client import (
    DarajaError,
    NotAttempted,
    OutcomeUnknown,
    Rejected,
    StkStatus,
)
from marketcore_payments_mpesa.numbers import classify_result, parse_stk_callback
from marketcore_simulator.daraja.credentials import SHORTCODE
from marketcore_simulator.testing import eventually

from .exchange import ACCEPTED, answering, gateway_error, make_client, prompts, push, requests_to, scripted

# The course of a payment


def test_B7_an_approved_prompt_is_called_back_and_confirmed_by_query(simulator, client, receiver):
    accepted = push(client, phone="0712345001", callback_url=receiver.url)
    call = eventually(lambda: receiver.calls)[0]
    told = parse_stk_callback(call.body)
    assert told.checkout_request_id == accepted.checkout_request_id
    assert (told.result_code, told.amount, told.phone) == ("0", 100, "254712345001")
    assert call.headers["businessshortcode"] == SHORTCODE
    assert client.stk_query(accepted.checkout_request_id).result_code == "0"


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [("001", "paid"), ("002", "cancelled"), ("003", "failed"), ("004", "failed"), ("005", "failed")],
)
def test_callback_and_query_agree_on_the_outcome_but_not_on_its_words(simulator, client, receiver, ending, outcome):
    accepted = push(client, phone=f"0712345{ending}", callback_url=receiver.url)
    told = parse_stk_callback(eventually(lambda: receiver.calls)[0].body)
    found = client.stk_query(accepted.checkout_request_id)
    assert classify_result(told.result_code) == classify_result(found.result_code) == outcome
    assert told.result_desc != found.result_desc


def test_a_query_in_flight_is_pending_or_unanswered_and_never_failed(client):
    accepted = push(client)
    answers = [client.stk_query(accepted.checkout_request_id).result_code for _ in range(4)]
    assert answers == ["4999", None, "4999", None]
    assert {classify_result(answer) for answer in answers} == {"pending", "unknown"}


def test_a_query_for_an_unknown_reference_has_no_answer(client):
    assert client.stk_query("ws_CO_nobody").result_code is None


def test_the_same_amount_within_two_minutes_is_refused_with_17(simulator, client, receiver):
    push(client, phone="0712345001", callback_url=receiver.url)
    eventually(lambda: len(receiver.calls) == 1)
    push(client, phone="0712345001", callback_url=receiver.url)
    eventually(lambda: len(receiver.calls) == 2)
    assert parse_stk_callback(receiver.calls[1].body).result_code == "17"


# Failures and what they say of the payment


@pytest.mark.parametrize(
    ("script", "error", "recorded"),
    [
        ("http_500", OutcomeUnknown, 0),
        ("http_429", NotAttempted, 0),
        ("html_error", OutcomeUnknown, 0),
        ("drop_before", OutcomeUnknown, 0),
        ("drop_after", OutcomeUnknown, 1),
        ("hang(60)", OutcomeUnknown, 1),
    ],
)
def test_a_failed_exchange_is_classed_by_what_it_proves_and_never_sent_again(simulator, script, error, recorded):
    scripted(simulator, script)
    with make_client(simulator.daraja_url, read_timeout=1) as client, pytest.raises(error):
        push(client)
    assert len(prompts(simulator)) == recorded
    assert simulator.world.scripts.take("daraja", "push") is None


def test_every_push_is_one_request_whatever_becomes_of_it(simulator, client):
    for script in ("http_500", "http_429", "html_error", "drop_before", "drop_after", "ok"):
        scripted(simulator, script)
    for amount in range(1, 6):
        with pytest.raises(DarajaError):
            push(client, amount=amount, phone=f"071234561{amount}")
    push(client, phone="0712345619")
    assert simulator.world.scripts.as_document()["queued"] == []
    assert len(requests_to(simulator, "/stkpush/v1/processrequest")) == 6


def test_two_pushes_with_one_reference_are_two_prompts_for_daraja_has_no_idempotency(simulator, client):
    simulator.world.settings.update({"one_prompt_per_phone": False})
    first, second = push(client), push(client)
    assert first.checkout_request_id != second.checkout_request_id
    assert len(prompts(simulator)) == 2


def test_a_second_prompt_to_a_busy_phone_is_not_attempted(simulator, client):
    push(client)
    with pytest.raises(NotAttempted) as caught:
        push(client, amount=50)
    assert caught.value.error_code == "500.001.1001"
    assert len(prompts(simulator)) == 1


def test_nobody_listening_is_not_attempted():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with make_client(f"http://127.0.0.1:{port}") as client, pytest.raises(NotAttempted) as caught:
        push(client)
    assert caught.value.error_code == "unreachable"


@pytest.mark.parametrize("script", ["http_500", "http_429", "html_error", "drop_before", "hang(60)"])
def test_no_token_means_no_prompt(simulator, script):
    scripted(simulator, script, "oauth")
    with make_client(simulator.daraja_url, read_timeout=1) as client, pytest.raises(NotAttempted):
        push(client)
    assert prompts(simulator) == []


@pytest.mark.parametrize("script", ["http_500", "http_429", "html_error", "drop_before", "drop_after", "hang(60)"])
def test_a_failing_query_says_nothing_about_the_payment(simulator, script):
    with make_client(simulator.daraja_url, read_timeout=1) as client:
        accepted = push(client)
        scripted(simulator, script, "query")
        with pytest.raises(OutcomeUnknown):
            client.stk_query(accepted.checkout_request_id)


def test_a_query_that_cannot_connect_says_nothing_about_the_payment():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with make_client(f"http://127.0.0.1:{port}") as client, pytest.raises(OutcomeUnknown):
        client.stk_query("ws_CO_1")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("400.002.02", 400, NotAttempted),
        ("400.002.05", 400, NotAttempted),
        ("404.001.01", 404, NotAttempted),
        ("405.001", 405, NotAttempted),
        ("500.001.1001", 500, NotAttempted),
        ("500.003.02", 500, NotAttempted),
        ("500.003.03", 500, NotAttempted),
        ("500.003.1001", 500, OutcomeUnknown),
        ("999.999", 500, OutcomeUnknown),
        ("400.002.02", 502, OutcomeUnknown),
        ("500.003.1001", 200, OutcomeUnknown),
    ],
)
def test_gateway_codes_are_classed_by_whether_a_prompt_may_exist(code, status, error):
    with answering(gateway_error(code, status=status)) as client, pytest.raises(error) as caught:
        push(client)
    assert caught.value.error_code == code
    assert type(caught.value) is error


def test_an_answer_that_declines_the_push_is_rejected():
    refused = httpx.Response(200, json={**ACCEPTED, "ResponseCode": "1", "ResponseDescription": "no"})
    with answering(refused) as client, pytest.raises(Rejected, match="no"):
        push(client)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, text="OK"),
        httpx.Response(200, json={**ACCEPTED, "CheckoutRequestID": ""}),
        httpx.Response(200, json={**ACCEPTED, "CheckoutRequestID": 5}),
        httpx.Response(200, json={key: value for key, value in ACCEPTED.items() if key != "ResponseCode"}),
        httpx.Response(201, json=ACCEPTED),
        httpx.Response(302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
        httpx.Response(403, text="<html>blocked</html>"),
        httpx.Response(200, content=b"x" * 70_000),
    ],
)
def test_an_answer_that_cannot_be_understood_is_unknown(answer):
    with answering(answer) as client, pytest.raises(OutcomeUnknown):
        push(client)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"ResultCode": "1032", "ResultDesc": "x"}, StkStatus("1032", "x")),
        ({"ResultCode": 1032}, StkStatus("1032", "")),
    ],
)
def test_a_query_result_is_read_as_text_or_number(document, found):
    answer = httpx.Response(200, json={"ResponseCode": "0", "CheckoutRequestID": "c", **document})
    with answering(answer) as client:
        assert client.stk_query("c") == found


@pytest.mark.parametrize(
    "document",
    [
        {"ResponseCode": "0", "CheckoutRequestID": "another", "ResultCode": "0"},
        {"ResponseCode": "1", "CheckoutRequestID": "c", "ResultCode": "0"},
        {"ResponseCode": "0", "CheckoutRequestID": "c"},
        {"ResponseCode": "0", "CheckoutRequestID": "c", "ResultCode": True},
    ],
)
def test_a_query_answer_about_something_else_is_not_believed(document):
    with answering(httpx.Response(200, json=document)) as client, pytest.raises(OutcomeUnknown):
        client.stk_query("c")
