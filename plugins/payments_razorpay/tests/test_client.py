"""The client: one request per call, and what each fault says of what was asked."""

import uuid

import httpx
import pytest

from marketcore_payments_razorpay.client import RazorpayClient
from marketcore_payments_razorpay.errors import NotAttempted, OutcomeUnknown, RazorpayError, Rejected
from marketcore_simulator.razorpay.credentials import KEY_ID, KEY_SECRET

from .face import make_client

FAULTS = {
    "http_500": OutcomeUnknown,
    "http_429": NotAttempted,
    "drop_before": OutcomeUnknown,
    "drop_after": OutcomeUnknown,
    "html_error": OutcomeUnknown,
}


def order(client, amount=50_000, receipt="ORD-1"):
    return client.create_order(amount, "INR", receipt, {"payment_id": "p"})


def answering(status, **answer):
    return make_client("http://127.0.0.1:9", transport=httpx.MockTransport(lambda _: httpx.Response(status, **answer)))


@pytest.mark.parametrize(("script", "fault"), FAULTS.items())
def test_a_fault_says_what_is_known_of_an_order_and_is_not_repeated(face, client, script, fault):
    face.choose("orders", script)
    with pytest.raises(fault):
        order(client)
    assert len(face.requests("POST /v1/orders")) == 1
    assert len(face.merchant.orders.book.all()) == (script == "drop_after")


def test_an_answer_that_does_not_come_in_time_leaves_the_outcome_unknown(face, simulator):
    face.choose("orders", "hang(20)")
    with make_client(simulator.razorpay_url, read_timeout=1) as hasty, pytest.raises(OutcomeUnknown, match="timeout"):
        order(hasty)
    assert len(face.merchant.orders.book.all()) == 1


def test_nobody_at_the_other_end_means_not_attempted():
    with make_client("http://127.0.0.1:9") as client, pytest.raises(NotAttempted, match="unreachable"):
        order(client)


def test_a_bad_field_is_rejected_and_wrong_keys_attempt_nothing(client, simulator):
    with pytest.raises(Rejected, match="at least 100"):
        order(client, amount=99)
    with (
        RazorpayClient(KEY_ID, "wrong-secret", base_url=simulator.razorpay_url) as stranger,
        pytest.raises(NotAttempted, match="Authentication failed"),
    ):
        order(stranger)


def test_the_same_key_with_another_body_is_no_verdict_on_the_first(client, face):
    made = order(client)
    paid = face.control(f"razorpay/orders/{made['id']}/pay")["payment"]["id"]
    key = uuid.uuid4().hex
    client.refund(paid, 1000, key, {})
    with pytest.raises(OutcomeUnknown, match="in_progress"):
        client.refund(paid, 2000, key, {})
    assert len(face.merchant.refunds.book.all()) == 1


@pytest.mark.parametrize(
    ("status", "answer", "fault"),
    [
        (200, {"text": "<html>"}, OutcomeUnknown),
        (200, {"json": [1]}, OutcomeUnknown),
        (200, {"text": "[" * 100_000}, OutcomeUnknown),
        (200, {"json": {"error": {"code": "SERVER_ERROR"}}}, OutcomeUnknown),
        (302, {"headers": {"Location": "https://elsewhere.example"}}, OutcomeUnknown),
        (400, {"text": "Bad Request"}, OutcomeUnknown),
        (400, {"json": {"error": {"code": "GATEWAY_ERROR", "description": "bank"}}}, OutcomeUnknown),
        (400, {"json": {"error": {"code": "BAD_REQUEST_ERROR", "description": None}}}, Rejected),
        (404, {"json": {"error": {"code": "BAD_REQUEST_ERROR", "description": "no such id"}}}, Rejected),
        (409, {"json": {"error": {"code": "BAD_REQUEST_ERROR", "description": "wait"}}}, OutcomeUnknown),
        (502, {"json": {"error": {"code": "BAD_REQUEST_ERROR"}}}, OutcomeUnknown),
    ],
)
def test_only_a_refusal_that_was_read_and_named_is_a_refusal(status, answer, fault):
    with answering(status, **answer) as client, pytest.raises(fault):
        order(client)


def test_a_list_that_is_none_is_no_answer():
    with answering(200, json={"items": {"a": 1}}) as client, pytest.raises(OutcomeUnknown, match="no_collection"):
        client.payments_of_order("order_1")


@pytest.mark.parametrize(
    "address",
    [
        "http://api.razorpay.com",
        "ftp://127.0.0.1",
        "https://",
        "https://user:pw@api.razorpay.com",
        "http://127.0.0.1:x",
    ],
)
def test_an_address_that_would_show_the_keys_is_refused(address):
    with pytest.raises(ValueError) as refused:
        make_client(address)
    assert "pw" not in str(refused.value)


def test_no_secret_is_in_a_representation_or_an_error():
    echo = {"error": {"code": "BAD_REQUEST_ERROR", "description": f"{KEY_SECRET} {'x' * 40} is wrong"}}
    with answering(400, json=echo) as client:
        with pytest.raises(RazorpayError) as refused:
            order(client)
        for shown in (repr(client), repr(client._connection), repr(refused.value), str(refused.value)):
            assert KEY_SECRET not in shown
            assert "x" * 40 not in shown
        assert refused.value.__cause__ is None


def test_a_lost_connection_shows_nothing_of_the_request():
    with make_client("http://127.0.0.1:9") as client, pytest.raises(NotAttempted) as lost:
        order(client)
    assert lost.value.__suppress_context__


def test_an_identifier_cannot_lead_to_another_path(client, face):
    with pytest.raises(Rejected):
        client.payments_of_order("x/../../v1/payments?count=1#")
    assert all("/v1/orders/" in event.summary for event in face.requests("GET"))
