"""Which settings start the plugin, what they make of it, and what stops it."""

from __future__ import annotations

import io
import logging

import httpx
import pytest

from marketcore.directives import table
from marketcore.exceptions import ConfigurationError
from marketcore.testing.market import Market
from marketcore_payments_mpesa.building import read_initiator
from marketcore_payments_mpesa.client import PRODUCTION_URL, SANDBOX_URL
from marketcore_payments_mpesa.settings import check_host
from marketcore_simulator.daraja import credentials

BASE = {
    "payments_mpesa__base_url": "http://127.0.0.1:9",
    "payments_mpesa__consumer_key": "kkkkkkkkkkkk",
    "payments_mpesa__consumer_secret": "ssssssssssss",
    "payments_mpesa__shortcode": "174379",
    "payments_mpesa__passkey": "pppppppppppp",
}
CREDENTIAL, PASSWORD, WORD = "CREDENTIAL-of-a-test", "PASSWORD-of-a-test", "0123456789abcdef" * 2


@pytest.fixture
def start(make_settings):
    """Configure a marketplace with M-Pesa and return it."""
    started = []

    def build(**settings):
        given = {f"payments_mpesa__{name}": value for name, value in settings.items() if name != "environment"}
        core = {"marketcore__environment": settings.get("environment", "development"), "marketcore__secret": "x" * 40}
        started.append(Market(make_settings("payments_mpesa", **{**BASE, **core, **given})))
        return started[-1]

    yield build
    for market in started:
        market.close()


def provider_of(market):
    return table(market.registry, "payment providers")["mpesa"]


def test_without_an_initiator_there_is_nobody_to_pay_out_or_refund(start):
    market = start()
    assert table(market.registry, "payout providers") == {}
    assert provider_of(market).capabilities.features == frozenset()
    assert "payments_mpesa.paybill.register_paybill" not in table(market.registry, "jobs")


def test_with_an_initiator_the_provider_also_pays_out(start):
    market = start(initiator="demo", security_credential=CREDENTIAL)
    assert table(market.registry, "payout providers")["mpesa"] is provider_of(market)
    assert provider_of(market).capabilities.features == {"refund"}


def test_the_pull_service_adds_the_statement_and_paybill_its_addresses(start):
    market = start(pull="true", pull_number="0712345678", c2b="true", c2b_secret=WORD)
    assert provider_of(market).capabilities.features == {"statement"}
    assert "payments_mpesa.paybill.register_paybill" in table(market.registry, "jobs")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"initiator": "demo"}, "security_credential"),
        ({"security_credential": CREDENTIAL}, "initiator"),
        ({"payout_shortcode": "600981"}, "initiator"),
        ({"initiator": "demo", "initiator_password": PASSWORD}, "certificate"),
        ({"initiator": "demo", "certificate": "portal.cer"}, "initiator_password"),
        ({"initiator_password": PASSWORD, "certificate": "portal.cer"}, "initiator"),
        (
            {"initiator": "demo", "security_credential": CREDENTIAL, "initiator_password": PASSWORD},
            "initiator_password",
        ),
        ({"initiator": "demo", "initiator_password": PASSWORD, "certificate": "/no/such/file"}, "certificate"),
        ({"pull": "true"}, "pull_number"),
        ({"pull": "true", "pull_number": "12"}, "pull_number"),
        ({"c2b": "true", "c2b_secret": WORD}, "pull"),
        ({"c2b": "true", "pull": "true", "pull_number": "0712345678"}, "c2b_secret"),
        ({"c2b_secret": "mpesa"}, "c2b_secret"),
        ({"initiator": "demo", "security_credential": CREDENTIAL, "payout_shortcode": "x"}, "payout_shortcode"),
        ({"consumer_secret": ""}, "consumer_secret"),
        ({"consumer_secret": "env:MARKETCORE_NO_SUCH_VARIABLE"}, "consumer_secret"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_given_in_part_stops_the_start_and_names_the_key(start, settings, named):
    with pytest.raises(ConfigurationError) as stopped:
        start(**settings)
    assert f"{named} " in str(stopped.value)
    assert "payments_mpesa" in str(stopped.value)
    for secret in (CREDENTIAL, PASSWORD):
        assert secret not in str(stopped.value)


@pytest.mark.parametrize(
    ("environment", "base_url", "allowed"),
    [
        ("production", SANDBOX_URL, False),
        ("production", f"{SANDBOX_URL.upper().replace('HTTPS', 'https')}/", False),
        ("development", PRODUCTION_URL, False),
        ("production", PRODUCTION_URL, True),
        ("development", SANDBOX_URL, True),
        ("development", "http://127.0.0.1:8002/daraja", True),
    ],
)
def test_play_money_stays_out_of_production_and_real_money_out_of_development(environment, base_url, allowed):
    if allowed:
        check_host(base_url, environment)
        return
    with pytest.raises(ConfigurationError, match=r"payments_mpesa\.base_url .* marketcore\.environment"):
        check_host(base_url, environment)


def test_the_check_of_the_host_is_part_of_the_start(start):
    with pytest.raises(ConfigurationError, match="base_url"):
        start(base_url=PRODUCTION_URL)
    assert provider_of(start(base_url=PRODUCTION_URL, environment="production"))


def test_a_password_is_encrypted_for_the_certificate(simulator, tmp_path):
    pem = httpx.get(f"{simulator.url}/_sim/daraja/certificate", trust_env=False).content
    (tmp_path / "portal.cer").write_bytes(pem)
    settings = {
        "initiator": "demo",
        "security_credential": "",
        "initiator_password": credentials.INITIATOR_PASSWORD,
        "certificate": str(tmp_path / "portal.cer"),
    }
    initiator = read_initiator(settings)
    assert len(initiator.security_credential) == 344
    assert credentials.INITIATOR_PASSWORD not in repr(initiator)


def test_no_secret_is_shown_or_logged(start):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    try:
        more = {"pull": "true", "pull_number": "0712345678", "c2b": "true", "c2b_secret": WORD}
        market = start(initiator="demo", security_credential=CREDENTIAL, **more)
        provider = provider_of(market)
        shown = repr(provider) + repr(provider.capabilities) + repr(vars(provider)) + stream.getvalue()
    finally:
        logging.getLogger().removeHandler(handler)
    for secret in (CREDENTIAL, WORD, *(BASE[f"payments_mpesa__{name}"] for name in ("consumer_secret", "passkey"))):
        assert secret not in shown
