"""What stops the start, what it says, and that no secret is ever shown."""

import logging

import pytest

from marketcore.config import configure
from marketcore.directives import table
from marketcore.exceptions import ConfigurationError
from marketcore_payments_stripe.provider import build_provider

from .sandbox import SECRET, attempt_for

LOCAL = "http://127.0.0.1:9/stripe"
KEY = "sk_test_sim_0123456789"
GIVEN = {
    "api_key": KEY,
    "webhook_secrets": [SECRET],
    "base_url": LOCAL,
    "mode": "checkout",
    "session_minutes": 60,
    "connect_seconds": 5,
    "read_seconds": 10,
    "retries": 0,
    "description": "Order",
}


def build(environment="development", **changes):
    return build_provider({**GIVEN, **changes}, environment)


@pytest.mark.parametrize(
    ("environment", "key", "base_url"),
    [
        ("development", "sk_test_1", LOCAL),
        ("development", "rk_test_1", "https://api.stripe.com"),
        ("production", "sk_live_1", "https://api.stripe.com"),
        ("production", "rk_live_1", "https://api.stripe.com"),
        ("production", "sk_test_1", LOCAL),
    ],
)
def test_a_key_that_fits_its_place_is_taken(environment, key, base_url):
    build(environment, api_key=key, base_url=base_url).close()


@pytest.mark.parametrize(
    ("environment", "key", "base_url", "why"),
    [
        ("development", "sk_live_1", "https://api.stripe.com", "environment = development"),
        ("development", "rk_live_1", "https://api.stripe.com", "environment = development"),
        ("production", "sk_live_1", LOCAL, "loopback"),
        ("production", "sk_test_1", "https://api.stripe.com", "test key"),
        ("production", "pk_live_1", "https://api.stripe.com", "no secret key"),
        ("development", "hunter2", LOCAL, "no secret key"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_and_not_shown(environment, key, base_url, why):
    with pytest.raises(ConfigurationError, match=f"payments_stripe.api_key.*{why}") as refused:
        build(environment, api_key=key, base_url=base_url)
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "base_url",
    ["http://api.stripe.com", "http://10.0.0.1", "ftp://127.0.0.1", "https://", "nothing", "http://a:b@localhost"],
)
def test_an_address_the_key_may_not_be_sent_to_is_refused(base_url):
    with pytest.raises(ConfigurationError, match=r"payments_stripe\.base_url") as refused:
        build(base_url=base_url)
    assert "a:b" not in str(refused.value)


@pytest.mark.parametrize("secrets", [["short"], [SECRET, "whsec_"], ["sk_test_sim_0123456789"]])
def test_a_signing_secret_that_is_none_is_refused_and_not_shown(secrets):
    with pytest.raises(ConfigurationError, match=f"entry {len(secrets)} of {len(secrets)}") as refused:
        build(webhook_secrets=secrets)
    assert secrets[-1] == "whsec_" or secrets[-1] not in str(refused.value)


@pytest.fixture
def settings(make_settings):
    return make_settings(
        "payments_stripe",
        payments_stripe__api_key=KEY,
        payments_stripe__webhook_secrets=f"{SECRET} whsec_of_connected_accounts",
        payments_stripe__base_url=LOCAL,
    )


def test_the_plugin_collects_and_pays_out_under_one_name(settings):
    registry = configure(settings).registry
    provider = table(registry, "payment providers")["stripe"]
    assert table(registry, "payout providers")["stripe"] is provider
    assert provider.capabilities.lifetime_minutes == 60
    assert {"refund", "partial_refund", "statement"} <= provider.capabilities.features
    provider.close()


@pytest.mark.parametrize("key", ["api_key", "webhook_secrets"])
def test_a_missing_secret_stops_the_start_and_is_named(settings, key):
    del settings[f"payments_stripe.{key}"]
    with pytest.raises(ConfigurationError, match=f"payments_stripe.{key} is not set"):
        configure(settings)


def test_an_empty_list_of_signing_secrets_stops_the_start(settings):
    with pytest.raises(ConfigurationError, match=r"payments_stripe\.webhook_secrets"):
        configure({**settings, "payments_stripe.webhook_secrets": " "})


@pytest.mark.parametrize(
    ("key", "value"),
    [("mode", "terminal"), ("session_minutes", "30"), ("session_minutes", "1440"), ("retries", "3"), ("retrys", "1")],
)
def test_a_setting_that_cannot_be_used_stops_the_start(settings, key, value):
    with pytest.raises(ConfigurationError, match=f"payments_stripe.{key}"):
        configure({**settings, f"payments_stripe.{key}": value})


def test_nothing_shows_the_key_or_a_signing_secret(provider_with, sandbox, caplog):
    provider = provider_with(key=KEY)
    caplog.set_level(logging.DEBUG)
    sandbox.script("sessions.create", "http_500", times=3)
    shown = [repr(provider), str(provider), repr(vars(provider)), str(provider.start(attempt_for())), caplog.text]
    other = provider_with(key="sk_test_elsewhere_0123456789")
    shown += [str(other.start(attempt_for())), caplog.text]
    assert not [text for text in shown if KEY in text or "elsewhere" in text]
    assert not [text for text in shown[:2] + shown[3:] if SECRET in text]
