"""Paybill payments: confirmed to the marketplace over HTTP, believed only once Daraja's list has them."""

from __future__ import annotations

import pytest

from marketcore.directives import table
from marketcore.jobs.running import run_waiting
from marketcore.money import Money
from marketcore.payments import inbox
from marketcore.states import PaymentState
from marketcore.testing.contracts import settle
from marketcore.testing.shop import Shop
from marketcore_payments_mpesa.client import NotAttempted
from marketcore_payments_mpesa.paybill import rules
from marketcore_payments_mpesa.paybill.jobs import register_paybill
from marketcore_simulator.daraja.paybill import PaymentDeclined
from marketcore_simulator.testing import eventually

from .exchange import scripted

SECRET = "0123456789abcdef" * 2
PAYER = {"phone": "0712 345 999"}
OTHER_PHONE = "254712345678"


@pytest.fixture
def market(make_market, simulator, mpesa_settings):
    settings = {"c2b": "true", "c2b_secret": SECRET, "pull": "true", "pull_number": "0712345678"}
    named = {f"payments_mpesa__{name}": value for name, value in settings.items()}
    return make_market("payments_mpesa", payments__route__KES="mpesa", **mpesa_settings, **named)


@pytest.fixture
def shop(market):
    register_paybill(market.registry)
    return Shop(market, price="500.00")


@pytest.fixture
def desk(simulator):
    return simulator.app.daraja.office.paybill


def cancelled(shop, simulator):
    """An attempt whose prompt the payer cancelled."""
    payment = shop.pay(PAYER)
    simulator.app.daraja.desk.decide(simulator.app.daraja.desk.prompts.all()[-1], "cancel")
    assert settle(shop, payment) == "failed"
    return payment


def jobs(market):
    name = "payments_mpesa.paybill.apply_paybill_payment"
    return market.query("SELECT * FROM jobs WHERE name = :name", name=name)


def confirmed(market):
    """The confirmations that have been stored, once there is one."""
    return eventually(lambda: market.query("SELECT * FROM webhook_inbox WHERE dedupe_key NOT LIKE 'ws_CO%'"))


def state_after(shop, payment):
    confirmed(shop.market)
    run_waiting(shop.market.registry)
    return shop.read_payment(payment)


def test_who_pays_the_bill_with_the_code_of_an_attempt_that_failed_has_paid(shop, simulator, desk):
    payment = cancelled(shop, simulator)
    made = desk.pay(OTHER_PHONE, 500, payment["code"].lower())
    after = state_after(shop, payment)
    assert (after["state"], after["receipt"]) == ("captured", made.receipt)
    shop.assert_paid_once()


def test_repeated_confirmations_are_stored_and_applied_once(shop, simulator, desk):
    payment = cancelled(shop, simulator)
    scripted(simulator, "dup_callback(2)", "c2b")
    desk.pay(OTHER_PHONE, 500, payment["code"])
    assert state_after(shop, payment)["state"] == "captured"
    eventually(lambda: len(deliveries(simulator)) == 3)
    run_waiting(shop.market.registry)
    assert len(confirmed(shop.market)) == 1
    shop.assert_paid_once()


def test_the_confirmation_of_a_prompts_own_payment_brings_its_receipt(shop, simulator, desk):
    # Where paybill addresses are registered, payments by prompt are confirmed there as well.
    scripted(simulator, "no_callback")
    scripted(simulator, "http_500", "pull")
    payment = shop.pay(PAYER)
    assert settle(shop, payment) == "captured"
    assert shop.read_payment(payment)["receipt"] is None
    receipt = simulator.app.daraja.desk.prompts.all()[0].receipt
    assert post(shop, body_of(receipt, payment["code"])).status_code == 200
    assert state_after(shop, payment)["receipt"] == receipt


def test_a_forged_confirmation_changes_nothing(shop, simulator, desk, market):
    payment = cancelled(shop, simulator)
    answer = post(shop, {**body_of("SFORGED001", payment["code"])})
    assert (answer.status_code, answer.json()) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})
    with pytest.raises(LookupError, match="SFORGED001"):
        run_waiting(market.registry)
    assert shop.read_payment(payment)["state"] == "failed"
    shop.assert_unpaid()
    made = desk.pay(OTHER_PHONE, 500, payment["code"])
    eventually(lambda: len(confirmed(market)) == 2)
    run_waiting(market.registry)
    assert shop.read_payment(payment)["receipt"] == made.receipt
    shop.assert_paid_once()


def test_a_confirmation_that_is_early_waits_for_the_list(shop, simulator, desk, market):
    payment = cancelled(shop, simulator)
    scripted(simulator, "http_500", "pull")
    desk.pay(OTHER_PHONE, 500, payment["code"])
    confirmed(market)
    with pytest.raises(LookupError, match="not listed"):
        run_waiting(market.registry)
    market.query("UPDATE jobs SET run_at = market_clock()")
    run_waiting(market.registry)
    assert shop.read_payment(payment)["state"] == "captured"


def test_money_that_names_nothing_of_ours_is_thanked_for_kept_and_loud(shop, desk, market, errors):
    desk.pay(OTHER_PHONE, 75, "WHOKNOWS")
    (row,) = confirmed(market)
    assert b"WHOKNOWS" in bytes(row.body)
    assert jobs(market) == []
    assert "paybill_payment_unmatched" in errors()
    inbox.process(market.registry, row.id)
    (kept,) = confirmed(market)
    assert (kept.status, kept.body) == ("ignored", row.body)


def test_another_amount_is_set_aside_and_the_order_stays_unpaid(shop, simulator, desk, market):
    payment = cancelled(shop, simulator)
    desk.pay(OTHER_PHONE, 400, payment["code"])
    assert state_after(shop, payment)["state"] == "captured"
    assert shop.read_order()["state"] == "pending_payment"
    assert [row.code for row in market.query("SELECT code FROM ledger_transfers")] == ["unapplied"]


def test_a_second_payment_of_one_attempt_is_for_a_person(shop, simulator, desk, market, errors):
    payment = cancelled(shop, simulator)
    first = desk.pay(OTHER_PHONE, 500, payment["code"])
    assert state_after(shop, payment)["receipt"] == first.receipt
    desk.pay(OTHER_PHONE, 500, payment["code"])
    eventually(lambda: len(confirmed(market)) == 2)
    run_waiting(market.registry)
    assert shop.read_payment(payment)["receipt"] == first.receipt
    assert "paybill_payment_surplus" in errors()
    shop.assert_paid_once()


@pytest.mark.parametrize("part", ["confirmation", "validation"])
def test_only_the_true_address_exists(shop, part):
    with shop.market.client() as http:
        for secret in ("0" * 32, SECRET.upper(), SECRET[:-1]):
            assert http.post(f"/hooks/paybill/{secret}/{part}", json=body_of("SFORGED001", "X")).status_code == 404
        assert http.post(f"/hooks/paybill/{SECRET}/{part}", content=b"{").status_code == 400
        assert http.post(f"/hooks/paybill/{SECRET}/{part}", json={"TransID": "A"}).status_code == 400
    assert shop.market.query("SELECT * FROM webhook_inbox") == []


# Before the money moves


@pytest.fixture
def asking(simulator):
    simulator.world.settings.update({"c2b_validation": True})


def test_a_payment_that_cannot_be_used_is_declined_before_it_is_made(asking, shop, simulator, desk):
    payment = cancelled(shop, simulator)
    for code, amount, why in (("WHOKNOWS", 500, "C2B00012"), (payment["code"], 400, "C2B00013")):
        with pytest.raises(PaymentDeclined, match=why):
            desk.pay(OTHER_PHONE, amount, code)
    desk.pay(OTHER_PHONE, 500, payment["code"])
    assert state_after(shop, payment)["state"] == "captured"
    with pytest.raises(PaymentDeclined, match="C2B00016"):
        desk.pay(OTHER_PHONE, 500, payment["code"])


@pytest.mark.parametrize("state", PaymentState)
def test_what_has_been_paid_or_given_up_is_not_paid_again(state):
    payable = {"submitting", "pending", "unknown", "failed", "expired"}
    asked = Money(50000, "KES")
    assert rules.objection(state, asked, asked) == (None if state in payable else rules.NOT_DUE)


# The registration


def test_the_addresses_are_registered_once_and_again_is_no_failure(market, simulator, desk):
    simulator.world.settings.update({"c2b_register_once": True})
    for _ in range(2):
        register_paybill(market.registry)
    assert desk.registration.confirmation_url == f"{market.url}/hooks/paybill/{SECRET}/confirmation"
    assert desk.registration.validation_url == f"{market.url}/hooks/paybill/{SECRET}/validation"


def test_a_registration_that_fails_is_tried_again(market, simulator, desk):
    assert table(market.registry, "jobs")["payments_mpesa.paybill.register_paybill"].every_seconds == 86_400
    scripted(simulator, "http_429", "c2b_register")
    with pytest.raises(NotAttempted):
        register_paybill(market.registry)
    register_paybill(market.registry)
    assert desk.registration is not None


# What the tests send themselves


def body_of(receipt, code, amount="500.00"):
    return {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransTime": "20261121103000",
        "TransAmount": amount,
        "BusinessShortCode": "174379",
        "BillRefNumber": code,
        "MSISDN": "2547 ***** 678",
    }


def post(shop, body):
    with shop.market.client() as http:
        return http.post(f"/hooks/paybill/{SECRET}/confirmation", json=body)


def deliveries(simulator):
    return [event for event in simulator.world.log.select("daraja", "delivery") if "C2B" in event.summary]


@pytest.fixture
def errors(capsys):
    """What has been logged so far."""
    return lambda: capsys.readouterr().out
