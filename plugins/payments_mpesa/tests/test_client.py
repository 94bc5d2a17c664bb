import base64
import json
import socket
import threading
import traceback
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from marketcore_payments_mpesa.client import (
    DarajaClient,
    DarajaError,
    NotAttempted,
    OutcomeUnknown,
    Rejected,
    StkAccepted,
    StkStatus,
)
from marketcore_payments_mpesa.numbers import classify_result, parse_stk_callback
from marketcore_simulator.daraja.credentials import CONSUMER_KEY, CONSUMER_SECRET, PASSKEY, SHORTCODE
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import CallbackReceiver, eventually

QUICK = {
    "approve_after": 0.02,
    "cancel_after": 0.02,
    "no_response_after": 0.02,
    "callback_after": 0,
    "query_noise_percent": 0,
}
WAITING_PHONE = "0712345678"
ADDRESS = "https://shop.example/pay/cb/0a1b"
TOKEN_ANSWER = {"access_token": "t" * 28, "expires_in": "3599"}
ACCEPTED = {"MerchantRequestID": "m", "CheckoutRequestID": "c", "ResponseCode": "0"}


@pytest.fixture
def simulator():
    with SimulatorServer(seed=7) as server:
        server.world.settings.update(QUICK)
        yield server


@pytest.fixture
def receiver():
    with CallbackReceiver() as listening:
        yield listening


@pytest.fixture
def client(simulator):
    with make_client(simulator.daraja_url) as made:
        yield made


def make_client(base_url, **options):
    return DarajaClient(base_url, CONSUMER_KEY, CONSUMER_SECRET, SHORTCODE, PASSKEY, **options)


def push(client, phone=WAITING_PHONE, amount=100, callback_url=ADDRESS, reference="ORD-1"):
    return client.stk_push(amount, phone, reference, "Order 1", callback_url)


def prompts(simulator):
    return simulator.app.daraja.desk.prompts.all()


def requests_to(simulator, path):
    return [event for event in simulator.world.log.select("daraja", "request") if path in event.summary]


def scripted(simulator, script, operation="push"):
    simulator.world.scripts.queue("daraja", operation, script)


def answering(push_answer, token_answer=None):
    """A client whose gateway gives one prepared answer to every push or query."""

    def handle(request):
        if request.url.path.endswith("/oauth/v1/generate"):
            return token_answer or httpx.Response(200, json=TOKEN_ANSWER)
        return push_answer(request) if callable(push_answer) else push_answer

    return make_client("http://127.0.0.1:9", transport=httpx.MockTransport(handle))


def gateway_error(code, message="refused", status=None):
    status = status or int(code[:3])
    return httpx.Response(status, json={"requestId": "r", "errorCode": code, "errorMessage": message})


# The course of a payment


def test_an_approved_prompt_is_called_back_and_confirmed_by_query(simulator, client, receiver):
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


# Tokens


def test_one_token_serves_many_calls(simulator, client):
    accepted = push(client)
    client.stk_query(accepted.checkout_request_id)
    assert len(requests_to(simulator, "/oauth")) == 1


def test_an_expired_token_is_refreshed_once_and_the_push_goes_through(simulator, client):
    accepted = push(client)
    simulator.world.shift_clock(3600)
    client.stk_query(accepted.checkout_request_id)
    assert len(requests_to(simulator, "/oauth")) == 2


@pytest.mark.parametrize(
    "refusal", [gateway_error("404.001.03"), gateway_error("400.003.01"), httpx.Response(401, text="no")]
)
def test_a_token_refused_twice_is_not_attempted_after_one_refresh(refusal):
    pushes = []

    def refuse(request):
        pushes.append(request)
        return refusal

    with answering(refuse) as client, pytest.raises(NotAttempted):
        push(client)
    assert len(pushes) == 2


@pytest.mark.parametrize("lifetime", [3599, "3599"])
def test_a_token_is_renewed_a_minute_before_it_expires(lifetime):
    tokens, now = [], [datetime(2026, 1, 1, tzinfo=UTC)]

    def handle(request):
        if "oauth" not in request.url.path:
            return httpx.Response(200, json=ACCEPTED)
        tokens.append(f"token{len(tokens)}")
        return httpx.Response(200, json={"access_token": tokens[-1], "expires_in": lifetime})

    transport = httpx.MockTransport(handle)
    with make_client("http://127.0.0.1:9", transport=transport, clock=lambda: now[0]) as client:
        for passed in (0, 3538, 3539):
            now[0] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=passed)
            push(client)
            assert len(tokens) == (2 if passed == 3539 else 1)


@pytest.mark.parametrize(
    "answer",
    [
        {"expires_in": 3599},
        {"access_token": "", "expires_in": 3599},
        {"access_token": "a\nb", "expires_in": 3599},
        {"access_token": "abc"},
        {"access_token": "abc", "expires_in": "soon"},
        {"access_token": "abc", "expires_in": True},
        {"access_token": "abc", "expires_in": 1.5},
    ],
)
def test_a_token_answer_that_makes_no_sense_is_not_attempted(answer):
    token_answer = httpx.Response(200, json=answer)
    with answering(httpx.Response(200, json=ACCEPTED), token_answer) as client, pytest.raises(NotAttempted):
        push(client)


def test_threads_share_one_token_fetch(simulator, client):
    barrier = threading.Barrier(8)

    def query():
        barrier.wait()
        client.stk_query("ws_CO_nobody")

    threads = [threading.Thread(target=query) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(requests_to(simulator, "/stkpushquery")) == 8
    assert len(requests_to(simulator, "/oauth")) == 1


# What is sent


def test_the_push_is_signed_with_nairobi_time_whatever_zone_the_clock_uses():
    sent = []

    def accept(request):
        sent.append(json.loads(request.content))
        return httpx.Response(200, json=ACCEPTED)

    with answering(accept) as client:
        client._clock = lambda: datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
        assert push(client) == StkAccepted("m", "c")
    assert sent[0] == {
        "BusinessShortCode": SHORTCODE,
        "Password": base64.b64encode(f"{SHORTCODE}{PASSKEY}20260302013000".encode()).decode(),
        "Timestamp": "20260302013000",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 100,
        "PartyA": "254712345678",
        "PartyB": SHORTCODE,
        "PhoneNumber": "254712345678",
        "CallBackURL": ADDRESS,
        "AccountReference": "ORD-1",
        "TransactionDesc": "Order 1",
    }


def test_a_till_is_paid_as_buy_goods(simulator):
    options = {"transaction_type": "CustomerBuyGoodsOnline", "party_b": "567890"}
    with make_client(simulator.daraja_url, **options) as client:
        push(client)
    assert prompts(simulator)[0].order.party_b == "567890"


@pytest.mark.parametrize("amount", ["1.5", "100", 0, -1, 250_001, True, 1.0, None])
def test_an_amount_that_is_no_whole_kes_within_the_limit_never_leaves(simulator, client, amount):
    with pytest.raises(NotAttempted) as caught:
        push(client, amount=amount)
    assert caught.value.error_code == "invalid_amount"
    assert requests_to(simulator, "/") == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((1, "0812345678", "ORD-1", "d"), "invalid_phone"),
        ((1, WAITING_PHONE, "", "d"), "invalid_reference"),
        ((1, WAITING_PHONE, "R" * 13, "d"), "invalid_reference"),
        ((1, WAITING_PHONE, "ORD-1", "d" * 14), "invalid_description"),
    ],
)
def test_a_push_that_breaks_a_rule_never_leaves(simulator, client, arguments, code):
    with pytest.raises(NotAttempted) as caught:
        client.stk_push(*arguments, ADDRESS)
    assert caught.value.error_code == code
    assert requests_to(simulator, "/") == []


def test_a_callback_address_the_gateway_refuses_is_not_attempted(simulator, client):
    with pytest.raises(NotAttempted, match=r"Invalid CallBackURL"):
        push(client, callback_url="https://shop.example/mpesa/callback")
    assert prompts(simulator) == []


# Set-up and secrets


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.safaricom.co.ke",
        "http://192.168.0.1",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "https://user:pass@api.safaricom.co.ke",
        "https://api.safaricom.co.ke:port",
    ],
)
def test_an_address_that_would_expose_credentials_is_refused(base_url):
    with pytest.raises(ValueError):
        make_client(base_url)


@pytest.mark.parametrize("base_url", ["http://localhost:1", "http://127.0.0.9", "http://[::1]:8", "https://x.example/"])
def test_https_and_loopback_addresses_are_taken(base_url):
    make_client(base_url).close()


@pytest.mark.parametrize(
    "wrong",
    [{"transaction_type": "Other"}, {"party_b": "abc"}, {"shortcode": "1234"}, {"shortcode": "17437x"}],
)
def test_a_wrong_setting_is_named(wrong):
    settings = {
        "base_url": "https://x.example",
        "consumer_key": "k",
        "consumer_secret": "s",
        "shortcode": SHORTCODE,
        "passkey": "p",
    }
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DarajaClient(**(settings | wrong))


def test_a_clock_without_a_zone_is_refused():
    with (
        make_client("http://127.0.0.1:9", clock=lambda: datetime(2026, 1, 1)) as client,
        pytest.raises(ValueError),
    ):
        push(client)


def test_no_redirect_takes_the_token_elsewhere(receiver):
    answer = httpx.Response(307, headers={"Location": receiver.url})
    with answering(answer) as client, pytest.raises(OutcomeUnknown):
        push(client)
    assert receiver.calls == []


def test_proxies_of_the_environment_are_ignored(simulator, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with make_client(simulator.daraja_url) as client:
        push(client)
    assert len(prompts(simulator)) == 1


def test_credentials_never_reach_the_text_of_an_error_or_the_client():
    def echo(request):
        sent = request.headers["Authorization"] + request.content.decode() + CONSUMER_SECRET + PASSKEY + CONSUMER_KEY
        return gateway_error("500.003.1001", sent)

    with answering(echo) as client, pytest.raises(OutcomeUnknown) as caught:
        push(client)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(client)
    password = base64.b64encode(f"{SHORTCODE}{PASSKEY}".encode()).decode()
    for secret in (CONSUMER_KEY, CONSUMER_SECRET, PASSKEY, TOKEN_ANSWER["access_token"], password[:24]):
        assert secret not in shown


@pytest.mark.parametrize("script", ["drop_after", "hang(60)", "html_error"])
def test_a_broken_exchange_shows_no_credentials(simulator, script):
    scripted(simulator, script)
    with make_client(simulator.daraja_url, read_timeout=1) as client, pytest.raises(OutcomeUnknown) as caught:
        push(client)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not any(secret in shown for secret in (CONSUMER_KEY, CONSUMER_SECRET, PASSKEY))
    assert caught.value.__cause__ is None
