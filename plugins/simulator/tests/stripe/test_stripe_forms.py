import hashlib
import hmac

import pytest

from marketcore_simulator.stripe.currencies import written
from marketcore_simulator.stripe.forms import DEEPEST, MOST_FIELDS, parse_form
from marketcore_simulator.stripe.signatures import signature_header


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("amount=100", {"amount": "100"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        # gateways.md [run]: line_items[0][price_data][unit_amount]=1000
        ("l[0][p][u]=1&l[1][p][u]=2", {"l": [{"p": {"u": "1"}}, {"p": {"u": "2"}}]}),
        ("e[]=x&e[]=y", {"e": ["x", "y"]}),
        ("m[7]=x", {"m": {"7": "x"}}),
        ("m%5Bk%5D=%F0%9F%8D%8B", {"m": {"k": "🍋"}}),
        ("", {}),
    ],
)
def test_bracketed_names_nest(body, values):
    assert parse_form(body) == values


@pytest.mark.parametrize(
    "body",
    [
        "a=1&a[b]=2",
        "a[b]=1&a=2",
        "[a]=1",
        "a[b=1",
        "a" + "[b]" * DEEPEST + "=1",
        "&".join(f"a{n}=1" for n in range(MOST_FIELDS + 1)),
    ],
)
def test_a_form_that_makes_no_sense_or_is_too_large_is_refused(body):
    with pytest.raises(ValueError, match=r"."):
        parse_form(body)


def test_a_signature_is_the_hmac_of_the_time_and_the_body_once_for_every_secret():
    # gateways.md [run]: v1 = HMAC_SHA256(whsec, "<t>." + raw_body)
    first, second = (hmac.new(key, b"12.{}", hashlib.sha256).hexdigest() for key in (b"one", b"two"))
    assert signature_header(b"{}", ["one", "two"], 12) == f"t=12,v1={first},v1={second}"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1050, "usd", "10.50 USD"),
        (5, "kes", "0.05 KES"),
        (1234567, "jpy", "1,234,567 JPY"),
        (-500, "usd", "-5.00 USD"),
        (1010, "bhd", "1.010 BHD"),
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(amount, currency, text):
    assert written(amount, currency) == text
