"""A configuration that cannot work stops the start and says which key is wrong, without telling a secret."""

import pytest

from marketcore.directives import table
from marketcore.exceptions import ConfigurationError
from marketcore.settings import check_section
from marketcore.testing.market import Market
from marketcore_payments_razorpay.pages import Pages
from marketcore_payments_razorpay.payouts import RazorpayPayoutProvider
from marketcore_payments_razorpay.settings import RazorpaySettings, build_provider

from .shopping import SETTINGS

SECRET = "canary-of-the-key-secret"
GIVEN = {
    "payments_razorpay.key_id": "rzp_test_1",
    "payments_razorpay.key_secret": SECRET,
    "payments_razorpay.webhook_secrets": "canary-of-the-webhook another",
}


def build(environment="production", **changes):
    given = {**GIVEN, **{f"payments_razorpay.{name}": value for name, value in changes.items()}}
    settings = check_section("payments_razorpay", RazorpaySettings(), given)
    return build_provider(settings, Pages(lambda: "https://market.example", b"k"), environment)


@pytest.mark.parametrize("missing", GIVEN)
def test_a_missing_key_is_named(missing):
    given = {key: value for key, value in GIVEN.items() if key != missing}
    with pytest.raises(ConfigurationError, match=rf"{missing} is not set"):
        check_section("payments_razorpay", RazorpaySettings(), given)


@pytest.mark.parametrize("missing", GIVEN)
def test_the_marketplace_does_not_start_without_it(make_settings, missing):
    given = {f"payments_razorpay__{key.rpartition('.')[2]}": value for key, value in GIVEN.items() if key != missing}
    with pytest.raises(ConfigurationError, match=missing):
        Market(make_settings("payments_razorpay", **given))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"key_id": "rzp_1"}, "key_id"),
        ({"key_secret": ""}, "key_secret"),
        ({"webhook_secrets": "  "}, "webhook_secrets"),
        ({"base_url": "http://api.razorpay.com"}, "base_url"),
        ({"currencies": "INR RUPEE"}, "currencies"),
        ({"currencies": ""}, "currencies"),
        ({"return_url": "shop"}, "return_url"),
        ({"read_timeout": "26"}, "read_timeout"),
        ({"key_ID": "x"}, "key_ID"),
    ],
)
def test_a_wrong_value_is_named_and_no_secret_told(changes, named):
    with pytest.raises(ConfigurationError, match=named) as refused:
        build(**changes)
    assert "canary" not in str(refused.value)


def test_development_must_not_move_real_money():
    with pytest.raises(ConfigurationError, match=r"payments_razorpay\.key_id is a live key"):
        build("development", key_id="rzp_live_1")
    build("production", key_id="rzp_live_1")


def test_nothing_that_is_built_shows_a_secret():
    provider = build(payout_account="2323230000000001")
    for shown in (repr(provider), repr(provider._client), repr(provider._merchant), repr(provider.capabilities)):
        assert "canary" not in shown


def test_people_are_paid_out_only_with_an_account_for_it(make_market):
    def providers(**more):
        registry = make_market("payments_razorpay", **SETTINGS, **more).registry
        return table(registry, "payment providers"), table(registry, "payout providers")

    collecting, paying = providers()
    assert (list(collecting), list(paying)) == (["razorpay"], [])
    collecting, paying = providers(payments_razorpay__payout_account="2323230000000001")
    assert paying["razorpay"] is collecting["razorpay"]
    assert isinstance(paying["razorpay"], RazorpayPayoutProvider)


def test_the_features_are_those_that_exist():
    provider = build(payout_account="2323230000000001")
    assert provider.capabilities.features == {"refund", "partial_refund", "capture", "statement"}
    for method in ("refund", "fetch_refund", "capture", "void", "statement", "enroll", "pay_out", "fetch_payout"):
        assert callable(getattr(provider, method))
