"""The statement: what moved on the platform's balance, with our ids, amounts and fees."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from marketcore.money import Money
from marketcore_payments_stripe.errors import Unclear

from .sandbox import AVAILABLE_AT_ONCE, TRIES, attempt_for, destination_for, payout_for, refund_for

MINUTE = timedelta(minutes=1)


def lines_of(provider, since=-MINUTE, until=MINUTE):
    now = datetime.now(UTC)
    return list(provider.statement(now + since, now + until))


@pytest.fixture
def paid(provider, sandbox):
    def pay(amount="20.00", currency="USD"):
        attempt = attempt_for(amount, currency)
        reference = provider.start(attempt).reference
        sandbox.pay(reference, card=AVAILABLE_AT_ONCE)
        return replace(
            attempt, reference=reference, receipt=provider.fetch(replace(attempt, reference=reference)).receipt
        )

    return pay


@pytest.fixture
def seller(provider, sandbox):
    destination = destination_for()
    reference = provider.enroll(destination).reference
    sandbox.control(f"/accounts/{reference}/active")
    return replace(destination, reference=reference)


def test_every_movement_is_a_line_with_our_id(provider, paid, seller):
    payment = paid()
    refund, payout = refund_for(payment), payout_for(seller)
    refunded, transferred = provider.refund(refund), provider.pay_out(payout)
    lines = {line.kind: line for line in lines_of(provider)}
    assert {kind: line.operation_id for kind, line in lines.items()} == {
        "payment": payment.id,
        "refund": refund.id,
        "payout": payout.id,
    }
    assert {kind: line.amount for kind, line in lines.items()} == {
        "payment": Money(2000, "USD"),
        "refund": Money(500, "USD"),
        "payout": Money(1000, "USD"),
    }
    assert (lines["payment"].receipt, lines["payment"].fee) == (payment.receipt, Money(88, "USD"))
    assert (lines["refund"].reference, lines["payout"].reference) == (refunded.reference, transferred.reference)
    assert all(abs(line.at - datetime.now(UTC)) < MINUTE for line in lines.values())


def test_amounts_are_exact_whatever_the_decimals(provider, paid):
    for amount, currency in (("5000", "JPY"), ("12.340", "KWD"), ("9000", "UGX")):
        paid(amount, currency)
    amounts = {str(line.amount) for line in lines_of(provider)}
    assert amounts == {"5000 JPY", "12.340 KWD", "9000 UGX"}


def test_only_what_moved_in_that_time_is_told(provider, paid):
    paid()
    assert lines_of(provider, -2 * MINUTE, -MINUTE) == []
    assert len(lines_of(provider)) == 1


def test_many_movements_are_read_page_by_page(provider, sandbox, paid):
    payment = paid("200.00")
    for _ in range(3):
        provider.refund(refund_for(payment, "1.00"))
    for _ in range(120):
        sandbox.top_up(1)
    assert len(lines_of(provider)) == 4
    assert len(sandbox.requests("GET /v1/balance_transactions")) == 2


def test_what_came_back_is_left_out(provider, sandbox, paid, seller):
    reference = provider.refund(refund_for(paid())).reference
    sandbox.control(f"/refunds/{reference}/fail")
    transfer = provider.pay_out(payout_for(seller)).reference
    path = f"/stripe/v1/transfers/{transfer}/reversals"
    sandbox.http.post(path, headers={"Authorization": "Bearer sk_test_sim_demo"}).raise_for_status()
    assert [line.kind for line in lines_of(provider)] == ["payment"]


def test_payments_of_another_shop_on_the_same_account_have_no_id_of_ours(provider, sandbox):
    key = {"Authorization": "Bearer sk_test_sim_demo"}
    body = {"amount": 700, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    sandbox.http.post("/stripe/v1/payment_intents", data=body, headers=key).raise_for_status()
    (line,) = lines_of(provider)
    assert (line.kind, line.amount, line.operation_id) == ("payment", Money(700, "USD"), None)


def test_a_statement_that_cannot_be_read_is_an_error_and_not_an_empty_one(provider, sandbox, paid):
    paid()
    sandbox.script("balance_transactions.list", "http_500", times=TRIES)
    with pytest.raises(Unclear):
        lines_of(provider)
