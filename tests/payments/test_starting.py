"""Starting to pay: who serves, what is refused before anything is written, and what one key means."""

from __future__ import annotations

import threading
import time

import pytest

from marketcore.config import configure
from marketcore.exceptions import ConfigurationError
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import register


def payments_of(till):
    return till.market.query("SELECT * FROM payments")


def start(till, client=None, **body):
    given = {"purpose": "checkout", "reference": str(till.checkout["id"]), "payer": {}, **body}
    return (client or till.buyer).post("/api/v1/payments", json=given)


def test_a_payment_starts_pending_with_what_the_payer_has_to_do(till):
    payment = till.pay({})
    assert payment["state"] == "pending"
    assert payment["provider"] == "fakepay"
    assert payment["next_action"] == {"kind": "phone_prompt", "data": {}}
    assert payment["amount"] == till.checkout["total"]
    assert till.states(payment) == ["submitting", "pending"]
    assert till.gateway.payments[payment["id"]]["code"] == payment["code"]


def test_the_route_for_any_other_currency_serves_what_no_route_names(make_till):
    till = make_till({"payments__route__*": "fakepay"}, currency="USD", price="12.34")
    assert till.pay({})["provider"] == "fakepay"


def test_a_currency_nobody_serves_is_refused_before_anything_is_written(make_till):
    till = make_till(currency="USD")
    answer = start(till)
    assert answer.status_code == 422
    assert "USD" in answer.json()["errors"]["reference"]
    assert payments_of(till) == []


def test_an_amount_above_the_maximum_is_refused_before_anything_is_written(make_till):
    till = make_till(price="1000000.01")
    answer = start(till)
    assert answer.status_code == 422
    assert "at most 1000000.00 KES" in answer.json()["detail"]
    assert payments_of(till) == []
    assert till.gateway.payments == {}


def test_the_wanted_provider_serves_if_the_route_names_it_and_no_other(till):
    assert start(till, provider="nobody").json()["errors"] == {"provider": "nobody serves KES here"}
    assert payments_of(till) == []
    assert start(till, provider="fakepay").status_code == 202


def test_the_first_provider_of_the_route_that_can_take_the_amount_serves(make_market, gateway):
    from marketcore.money import Money

    market = make_market(
        "fakepay payments_mpesa",
        payments__route__KES="mpesa fakepay",
        fakepay__base_url=gateway.url,
        fakepay__secret="s",
        payments_mpesa__base_url="http://127.0.0.1:1",
        payments_mpesa__consumer_key="k",
        payments_mpesa__consumer_secret="s",
        payments_mpesa__shortcode="174379",
        payments_mpesa__passkey="p",
    )
    routing = market.registry["payment_routing"]
    assert routing.choose(Money(50000, "KES"), None).name == "mpesa"
    assert routing.choose(Money(50001, "KES"), None).name == "fakepay"
    assert routing.choose(Money(50000, "KES"), "fakepay").name == "fakepay"


def test_mpesa_alone_refuses_a_fraction_of_a_shilling_before_anything_is_written(make_market):
    from marketcore.testing.shop import Shop

    market = make_market(
        "payments_mpesa",
        payments__route__KES="mpesa",
        payments_mpesa__base_url="http://127.0.0.1:1",
        payments_mpesa__consumer_key="k",
        payments_mpesa__consumer_secret="s",
        payments_mpesa__shortcode="174379",
        payments_mpesa__passkey="p",
    )
    shop = Shop(market, price="500.50")
    answer = shop.start_payment({"phone": "0712345678"})
    assert answer.status_code == 422
    assert "multiples of 1.00" in answer.json()["detail"]
    assert market.query("SELECT * FROM payments") == []


def test_a_route_to_an_unknown_provider_stops_the_start_and_names_the_key(make_settings):
    with pytest.raises(ConfigurationError, match=r"payments\.route\.KES names 'stripy'"):
        configure(make_settings(payments__route__KES="stripy"))


def test_a_payers_field_that_is_wrong_is_named_with_its_path(till):
    assert start(till, payer={"phone": "12"}).json()["errors"] == {"payer.phone": "must have ten digits"}
    unknown = start(till, payer={"fax": "12"})
    assert unknown.status_code == 422
    assert list(unknown.json()["errors"]) == ["payer"]
    assert payments_of(till) == []


def test_a_purpose_or_reference_nobody_knows_is_refused(till):
    assert start(till, purpose="ransom").status_code == 422
    for reference in ("0", "999999", "-1", "1e3", "٣", "9" * 40):
        assert start(till, reference=reference).status_code == 404, reference


def test_a_stranger_cannot_pay_or_see_anothers_purchase(till):
    stranger = till.market.client(register(till.market, "buyer")["access"])
    assert start(till, stranger).status_code == 404
    assert start(till, till.seller).status_code in (403, 404)
    payment = till.pay({})
    assert stranger.get(f"/api/v1/payments/{payment['id']}").status_code == 404
    options = {"purpose": "checkout", "reference": str(till.checkout["id"])}
    assert stranger.get("/api/v1/payments/options", params=options).status_code == 404


def test_the_options_show_what_is_due_and_who_can_take_it(till):
    options = {"purpose": "checkout", "reference": str(till.checkout["id"])}
    answer = till.buyer.get("/api/v1/payments/options", params=options).json()
    assert answer["amount"] == till.checkout["total"]
    assert [option["provider"] for option in answer["options"]] == ["fakepay"]


def test_a_second_attempt_while_one_is_open_is_refused_and_names_it(till):
    payment = till.pay({})
    answer = start(till)
    assert answer.status_code == 409
    assert answer.json()["payment_id"] == payment["id"]
    assert len(payments_of(till)) == 1


def test_ten_starts_at_once_without_a_key_prompt_the_payer_once(till):
    answers = at_once([lambda: till.start_payment({})] * 10)
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9
    (row,) = payments_of(till)
    assert {answer.json()["payment_id"] for answer in answers if answer.status_code == 409} == {str(row.id)}
    assert till.gateway.prompts == {str(row.id): 1}


def test_ten_starts_at_once_with_one_key_are_one_payment(till):
    answers = at_once([lambda: till.start_payment({}, key="one-key-for-all")] * 10)
    assert {answer.status_code for answer in answers} <= {202, 409}
    (row,) = payments_of(till)
    assert {answer.json()["id"] for answer in answers if answer.status_code == 202} == {str(row.id)}
    assert till.gateway.prompts.total() == 1


def test_a_key_is_bound_to_its_body_and_its_user(make_till):
    till = make_till()
    first = till.start_payment({}, key="key-of-two-people")
    headers = {"Idempotency-Key": "key-of-two-people"}
    body = {"purpose": "checkout", "reference": str(till.checkout["id"]), "payer": {"phone": "0712345678"}}
    other_body = till.buyer.post("/api/v1/payments", json=body, headers=headers)
    assert other_body.status_code == 422
    assert other_body.json()["type"].endswith("idempotency-mismatch")
    till.buyer_user = register(till.market, "buyer")
    till.buyer = till.market.client(till.buyer_user["access"])
    till.checkout = till.check_out()
    second = till.start_payment({}, key="key-of-two-people")
    assert second.status_code == 202
    assert second.json()["id"] != first.json()["id"]


def test_an_answer_is_replayed_as_it_was_even_after_the_payment_went_on(till):
    first = till.start_payment({}, key="replay-this-answer")
    till.tell(first.json(), "captured")
    again = till.start_payment({}, key="replay-this-answer")
    assert again.status_code == 202
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_retry_while_the_provider_is_still_being_asked_is_told_to_wait(till):
    till.gateway.scripts.append("hang")
    answers = []
    first = threading.Thread(target=lambda: answers.append(till.start_payment({}, key="slow-provider")))
    first.start()
    while not till.gateway.payments:
        assert first.is_alive()
        time.sleep(0.01)
    waiting = till.start_payment({}, key="slow-provider")
    assert waiting.status_code == 409
    assert waiting.json()["type"].endswith("in-progress")
    till.gateway.released.set()
    first.join()
    assert answers[0].status_code == 202


def test_no_attempt_is_opened_for_what_is_paid_at_the_same_moment(till):
    """The open attempt holds the place; who waits for it while its money comes must not get the place after it."""
    for round_ in range(15):
        payment = till.pay({}) if round_ == 0 else till.buy()
        till.gateway.settle(payment, "captured")
        _asked, *answers = at_once([till.ask_now, *[lambda: till.start_payment({})] * 4])
        assert till.read_payment(payment)["state"] == "captured"
        assert [answer.status_code for answer in answers] == [409] * 4
        till.market.query("UPDATE listings SET quantity = 5")
    assert till.gateway.prompts.total() == 15


def test_an_order_past_its_deadline_cannot_be_paid(make_till):
    till = make_till({"orders__payment_minutes": "2"})
    till.market.travel("121 seconds")
    assert start(till).status_code == 409
    assert payments_of(till) == []
