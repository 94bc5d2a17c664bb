"""Every currency and amount goes to Razorpay and comes back the same, or is refused before it leaves."""

import pytest

from marketcore.money import Money, exponent
from marketcore.payments.rules import refusal
from marketcore_payments_razorpay import amounts
from marketcore_payments_razorpay.client import RazorpayClient
from marketcore_payments_razorpay.errors import NotAttempted
from marketcore_payments_razorpay.pages import Pages
from marketcore_payments_razorpay.provider import Merchant, RazorpayProvider

CURRENCIES = ("INR", "USD", "KES", "EUR", "JPY", "UGX", "KWD", "BHD", "OMR", "TND")
MINORS = (1, 9, 10, 11, 99, 100, 101, 999, 1000, 1005, 123_450, 10**9, 2**53 + 1, 9_007_199_254_740_990)


@pytest.fixture
def provider():
    with RazorpayClient("rzp_test_1", "s") as client:
        merchant = Merchant("Shop", "s", ("w",), currencies=CURRENCIES)
        yield RazorpayProvider(client, merchant, Pages(lambda: "https://market.example", b"k"))


@pytest.mark.parametrize("currency", CURRENCIES)
def test_an_amount_survives_the_round_trip_or_is_refused(currency):
    for minor in MINORS:
        amount = Money(minor, currency)
        if exponent(currency) == 3 and minor % 10:
            with pytest.raises(NotAttempted, match="inexpressible_amount"):
                amounts.written(amount)
        else:
            assert amounts.read({"amount": amounts.written(amount), "currency": currency}) == amount


@pytest.mark.parametrize("currency", CURRENCIES)
def test_what_cannot_be_written_is_refused_by_routing_already(provider, currency):
    for minor in MINORS:
        amount = Money(minor, currency)
        expressible = minor % amounts.step(currency) == 0 and not (currency == "INR" and minor < 100)
        assert (refusal(provider.capabilities, amount) is None) == expressible, amount


@pytest.mark.parametrize("minor", [0, -100])
def test_nothing_and_less_cannot_be_asked_for(minor):
    with pytest.raises(NotAttempted):
        amounts.written(Money(minor, "INR"))


@pytest.mark.parametrize("value", [None, "100", 100.0, True, 2**63, [100]])
def test_what_is_no_whole_number_is_no_amount(value):
    assert amounts.read({"amount": value, "currency": "INR"}) is None


@pytest.mark.parametrize("currency", [None, "XXX", "inr", 5, ""])
def test_what_is_no_currency_is_no_amount(currency):
    assert amounts.read({"amount": 100, "currency": currency}) is None
