"""Who serves a payment: by currency and country, past those who cannot, and never a second one who might have been
the first."""

from __future__ import annotations

import pytest
from gateway import SECRET
from till import Till

from marketcore.config import configure
from marketcore.exceptions import ConfigurationError
from marketcore.interfaces import Capabilities, Outcome, ProviderResult
from marketcore.money import Money
from marketcore.payments.operations import provider_called
from marketcore.payments.routing import Routing

MPESA = {
    "payments_mpesa__base_url": "http://127.0.0.1:1",
    "payments_mpesa__consumer_key": "k",
    "payments_mpesa__consumer_secret": "s",
    "payments_mpesa__shortcode": "174379",
    "payments_mpesa__passkey": "p",
}


class Somebody:
    """A provider of whom only the capabilities matter."""

    def __init__(self, **capabilities):
        self.capabilities = Capabilities({"KES": 1, "UGX": 1}, **capabilities)


def names(routing, currency="KES", country=None):
    return [name for name, why in routing.explain(Money(500, currency), country) if why is None]


@pytest.mark.parametrize(
    ("currency", "country", "served_by"),
    [
        ("KES", None, ["plain"]),
        ("KES", "UG", ["ugandan"]),
        ("KES", "KE", ["plain"]),
        ("UGX", "KE", ["kenyan"]),
        ("UGX", "UG", ["anybody"]),
        ("UGX", None, ["anybody"]),
    ],
)
def test_the_closest_route_decides(currency, country, served_by):
    routes = {"KES": ["plain"], "KES-UG": ["ugandan"], "*-KE": ["kenyan"], "*": ["anybody"]}
    routing = Routing(dict.fromkeys(("plain", "ugandan", "kenyan", "anybody"), Somebody()), routes)
    assert names(routing, currency, country) == served_by


def test_a_provider_serves_only_the_countries_it_names():
    known = {"local": Somebody(countries=frozenset({"KE"})), "world": Somebody()}
    routing = Routing(known, {"*": ["local", "world"]})
    assert names(routing, country="KE") == ["local", "world"]
    assert names(routing, country="UG") == ["world"]
    assert names(routing) == ["local", "world"]
    assert dict(routing.explain(Money(500, "KES"), "UG"))["local"] == "does not serve UG"


@pytest.fixture
def between(make_market, gateway):
    """Return ``between(**routes)``: a till of M-Pesa, whose gateway nobody runs, and fakepay."""
    tills = []

    def make(**routes):
        fakepay = {"fakepay__base_url": gateway.url, "fakepay__secret": SECRET}
        market = make_market("fakepay", "payments_mpesa", **MPESA, **fakepay, **routes)
        tills.append(Till(market, gateway))
        return tills[-1]

    yield make
    for till in tills:
        till.assert_books_are_right()


def test_the_country_of_a_purchase_is_where_the_goods_go(between):
    till = between(**{"payments__route__KES": "mpesa", "payments__route__KES-KE": "fakepay"})
    payment = till.pay({})
    assert (payment["provider"], till.row(payment).country) == ("fakepay", "KE")


@pytest.mark.parametrize("key", ["kes", "KES-", "KES-ke", "KESX", "*-", "-KE", "KES-KE-UG", "KES_KE"])
def test_a_route_that_is_no_currency_and_country_stops_the_start(make_settings, gateway, key):
    settings = make_settings("fakepay", fakepay__base_url=gateway.url, fakepay__secret="s")
    with pytest.raises(ConfigurationError) as refused:
        configure({**settings, f"payments.route.{key}": "fakepay"})
    assert f"payments.route.{key}" in str(refused.value)
    assert "such as KES, KES-UG or *-KE" in str(refused.value)


def test_draining_somebody_unknown_stops_the_start(make_settings):
    with pytest.raises(ConfigurationError, match=r"payments\.drain names 'stripy'"):
        configure(make_settings(payments__drain="stripy"))


@pytest.fixture
def drained(make_till):
    """A till with an attempt from before its provider is drained."""
    till = make_till({"fakepay__features": "refund partial_refund"})
    payment = till.pay({})
    till.market.registry["payment_routing"]._draining = frozenset({"fakepay"})
    till.market.spent = True
    return till, payment


def test_a_drained_provider_begins_nothing(drained):
    till, payment = drained
    till.tell(payment, "failed")
    answer = till.start_payment({})
    assert answer.status_code == 422
    assert "is being drained" in answer.json()["errors"]["reference"]
    options = {"purpose": "checkout", "reference": str(till.checkout["id"])}
    assert till.buyer.get("/api/v1/payments/options", params=options).json()["options"] == []
    assert till.gateway.prompts.total() == 1


def test_what_a_drained_provider_has_begun_is_heard_of(drained):
    till, payment = drained
    till.tell(payment, "captured")
    till.assert_paid_once()


def test_a_drained_provider_is_asked_and_sends_money_back(drained):
    till, payment = drained
    till.gateway.settle(payment, "captured")
    till.ask_now()
    till.assert_paid_once()
    refund = till.refund(amount={"amount": "100.00", "currency": "KES"})
    till.work()
    assert till.read_refund(refund)["state"] == "succeeded"
    assert till.gateway.sent_back.total() == 10000


@pytest.fixture
def pair(between, monkeypatch):
    """Return ``pair(outcome)``: a till whose first provider answers every start with ``outcome``; fakepay is second."""

    def make(outcome, **result):
        till = between(payments__route__KES="mpesa fakepay")
        first = provider_called(till.market.registry, "mpesa")
        asked = []

        def start(attempt):
            asked.append(attempt.id)
            return ProviderResult(outcome, **result)

        monkeypatch.setattr(first, "start", start)
        till.asked = asked
        return till

    return make


PHONE = {"phone": "0712345678"}


def attempts(till):
    return [tuple(row) for row in till.market.query("SELECT provider, state FROM payments ORDER BY created_at")]


def test_an_attempt_that_provably_never_began_is_followed_by_the_next_provider(pair):
    till = pair(Outcome.NOT_ATTEMPTED, reason="out_of_service")
    payment = till.pay(PHONE)
    assert (payment["provider"], payment["state"]) == ("fakepay", "pending")
    assert attempts(till) == [("mpesa", "failed"), ("fakepay", "pending")]
    till.tell(payment, "captured")
    till.assert_paid_once()


def test_one_key_means_the_attempt_that_was_made_in_the_end(pair):
    till = pair(Outcome.NOT_ATTEMPTED)
    first, second = (till.start_payment(PHONE, key="one-key-for-two") for _ in range(2))
    assert first.content == second.content
    assert first.json()["provider"] == "fakepay"
    assert len(till.asked) == till.gateway.prompts.total() == 1


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.UNKNOWN, "unknown"),
        (Outcome.DECLINED, "failed"),
        (Outcome.PENDING, "pending"),
        (Outcome.EXPIRED, "expired"),
    ],
)
def test_after_any_other_answer_nobody_else_is_asked(pair, outcome, state):
    till = pair(outcome)
    assert till.pay(PHONE)["state"] == state
    assert attempts(till) == [("mpesa", state)]
    assert till.gateway.prompts.total() == 0


def test_a_provider_whose_call_breaks_is_not_followed_by_another(pair, monkeypatch):
    till = pair(Outcome.PENDING)

    def broken(_attempt):
        raise RuntimeError("nobody knows what happened")

    monkeypatch.setattr(provider_called(till.market.registry, "mpesa"), "start", broken)
    assert till.pay(PHONE)["state"] == "unknown"
    assert attempts(till) == [("mpesa", "unknown")]


def test_who_was_named_is_not_followed_by_another(pair):
    till = pair(Outcome.NOT_ATTEMPTED)
    body = {"purpose": "checkout", "reference": str(till.checkout["id"]), "payer": PHONE, "provider": "mpesa"}
    answer = till.buyer.post("/api/v1/payments", json=body)
    assert (answer.status_code, answer.json()["state"], answer.json()["provider"]) == (202, "failed", "mpesa")
    assert attempts(till) == [("mpesa", "failed")]


def test_where_the_next_provider_needs_other_fields_the_first_failure_is_the_answer(pair):
    till = pair(Outcome.NOT_ATTEMPTED)
    answer = till.start_payment({"phone": "+254712345678"})
    assert (answer.status_code, answer.json()["state"], answer.json()["provider"]) == (202, "failed", "mpesa")
    assert attempts(till) == [("mpesa", "failed")]
    assert till.start_payment(PHONE).json()["provider"] == "fakepay"


def test_when_every_provider_is_out_of_service_each_was_asked_once(pair, monkeypatch):
    till = pair(Outcome.NOT_ATTEMPTED)
    second = provider_called(till.market.registry, "fakepay")
    monkeypatch.setattr(second, "start", lambda _attempt: ProviderResult(Outcome.NOT_ATTEMPTED))
    answer = till.start_payment(PHONE)
    assert (answer.status_code, answer.json()["state"]) == (202, "failed")
    assert attempts(till) == [("mpesa", "failed"), ("fakepay", "failed")]
