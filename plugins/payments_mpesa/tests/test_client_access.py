"""Tokens, signatures, settings and secrets of the client."""

import base64
import json
import threading
import traceback
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from marketcore_payments_mpesa.client import (
    DarajaClient,
    NotAttempted,
    OutcomeUnknown,
    StkAccepted,
)
from marketcore_simulator.daraja.credentials import CONSUMER_KEY, CONSUMER_SECRET, PASSKEY, SHORTCODE

from .exchange import (
    ACCEPTED,
    ADDRESS,
    TOKEN_ANSWER,
    WAITING_PHONE,
    answering,
    gateway_error,
    make_client,
    prompts,
    push,
    requests_to,
    scripted,
)

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
