"""The pull service: payments found when every answer was lost, receipts, and the statement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import httpx
import pytest

from marketcore.interfaces import Outcome
from marketcore_payments_mpesa.client import NotAttempted, OutcomeUnknown, Rejected
from marketcore_payments_mpesa.pulled import PulledPayment, read_page
from marketcore_payments_mpesa.pulling import REACH
from marketcore_simulator.testing import eventually

from .attempts import PHONE, approve, make_provider, payment, shillings
from .exchange import ADDRESS, TOKEN_ANSWER, gateway_error, make_client, requests_to, scripted

ROW = {
    "transactionId": "SKL0000001",
    "trxDate": "2026-11-21 10:30:00",
    "msisdn": 712345678,
    "billreference": "ABCDE23456",
    "amount": "150.00",
}


@pytest.fixture
def provider(simulator):
    return make_provider(simulator.daraja_url, pull=True)


@pytest.fixture
def listed(client):
    return client.payment_list(PHONE, ADDRESS)


def pay_bill(simulator, code, amount=150, phone=PHONE):
    return simulator.app.daraja.office.paybill.pay(phone, amount, code)


def lately():
    now = datetime.now(UTC)
    return now - timedelta(hours=1), now + timedelta(minutes=1)


# The list


def test_what_was_paid_is_listed_with_its_bill_reference(simulator, client, listed):
    client.stk_push(150, PHONE, "ORD-1", "", ADDRESS)
    receipt = approve(simulator)
    made = pay_bill(simulator, "ord-2", 75)
    assert [(row.receipt, row.bill_reference, row.amount) for row in listed.between(*lately())] == [
        (receipt, "ORD-1", Decimal("150.00")),
        (made.receipt, "ord-2", Decimal("75.00")),
    ]


def test_pages_are_read_to_the_end(simulator, listed):
    simulator.world.settings.update({"pull_page": 2})
    made = [pay_bill(simulator, f"ORD-{number}").receipt for number in range(5)]
    assert [row.receipt for row in listed.between(*lately())] == made
    assert len(requests_to(simulator, "/pulltransactions/v1/register")) == 1


def test_the_times_asked_for_are_those_of_nairobi(simulator, listed):
    made = pay_bill(simulator, "ORD-1")
    around = timedelta(seconds=2)
    zone = timezone(timedelta(hours=-5))
    assert listed.between((made.at - around).astimezone(zone), (made.at + around).astimezone(zone))
    assert listed.between(made.at + timedelta(hours=1), made.at + timedelta(hours=2)) == []


def test_registering_again_does_no_harm(simulator, client):
    pay_bill(simulator, "ORD-1")
    for _ in range(2):
        assert len(client.payment_list(PHONE, ADDRESS).between(*lately())) == 1


@pytest.mark.parametrize(
    ("operation", "script", "error"),
    [
        ("pull_register", "http_429", NotAttempted),
        ("pull_register", "http_500", OutcomeUnknown),
        ("pull", "http_429", NotAttempted),
        ("pull", "http_500", OutcomeUnknown),
        ("pull", "drop_after", OutcomeUnknown),
        ("pull", "html_error", OutcomeUnknown),
    ],
)
def test_a_list_that_cannot_be_had_is_no_empty_list(simulator, listed, operation, script, error):
    scripted(simulator, script, operation)
    with pytest.raises(error):
        listed.between(*lately())


def answering(register, page):
    def handle(request):
        if request.url.path.endswith("/generate"):
            return httpx.Response(200, json=TOKEN_ANSWER)
        return register if request.url.path.endswith("/register") else page

    client = make_client("http://127.0.0.1:9", transport=httpx.MockTransport(handle))
    return client.payment_list(PHONE, ADDRESS)


REGISTERED = httpx.Response(200, json={"ResponseStatus": "1000"})


@pytest.mark.parametrize(
    ("register", "page", "error"),
    [
        (httpx.Response(200, json={"ResponseStatus": "2000"}), None, Rejected),
        (httpx.Response(200, json={}), None, Rejected),
        (gateway_error("400.002.02"), None, NotAttempted),
        (REGISTERED, httpx.Response(200, json={"ResponseCode": "2000"}), OutcomeUnknown),
        (REGISTERED, httpx.Response(200, json={"ResponseCode": "1000"}), OutcomeUnknown),
        (REGISTERED, httpx.Response(200, json={"ResponseCode": "1000", "Response": [[{}]]}), OutcomeUnknown),
        (REGISTERED, httpx.Response(200, json={"ResponseCode": "1000", "Response": [ROW]}), OutcomeUnknown),
    ],
    ids=["refused", "no status", "bad field", "refused list", "no list", "bad row", "endless"],
)
def test_an_answer_that_makes_no_sense_is_no_empty_list(register, page, error):
    with pytest.raises(error):
        answering(register, page).between(*lately())


def test_rows_come_in_one_list_or_in_a_list_of_lists():
    nested, flat = read_page({"Response": [[ROW]]}), read_page({"Response": [ROW]})
    assert nested == flat
    assert nested[0].at == datetime(2026, 11, 21, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2026-11-21T10:30:00+03:00", "2026-11-21T07:30:00Z", "2026-11-21 10:30:00"])
def test_a_time_has_an_offset_or_is_of_nairobi(written):
    (row,) = read_page({"Response": [{**ROW, "trxDate": written}]})
    assert row.at == datetime(2026, 11, 21, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [{"transactionId": ""}, {"transactionId": 5}, {"amount": None}, {"amount": "x"}, {"trxDate": "x"}, {"trxDate": 5}],
)
def test_a_row_that_cannot_be_read_is_refused(change):
    with pytest.raises(ValueError):
        read_page({"Response": [{**ROW, **change}]})


@pytest.mark.parametrize(("typed", "means"), [("abcde23456", True), (" ABCDE23456 ", True), ("ABCDE2345", False)])
def test_a_code_is_recognised_however_it_was_typed(typed, means):
    row = PulledPayment("SKL0000001", typed, Decimal(150), datetime.now(UTC))
    assert row.names("ABCDE23456") is means


# What it tells of attempts


def test_a_prompt_whose_submission_was_never_answered_is_found_by_its_code(simulator, provider):
    scripted(simulator, "drop_after")
    attempt = payment()
    assert provider.start(attempt).outcome is Outcome.UNKNOWN
    assert provider.fetch(attempt).outcome is Outcome.UNKNOWN
    receipt = approve(simulator)
    found = provider.fetch(attempt)
    assert (found.outcome, found.receipt, found.amount) == (Outcome.SUCCEEDED, receipt, shillings(150))
    assert found.reference is None


def test_without_the_list_such_a_prompt_stays_unknown(simulator):
    provider = make_provider(simulator.daraja_url)
    scripted(simulator, "drop_after")
    attempt = payment()
    provider.start(attempt)
    approve(simulator)
    result = provider.fetch(attempt)
    assert result.outcome is Outcome.UNKNOWN
    assert "pull service" in result.detail


def test_none_listed_long_after_the_end_still_proves_nothing(provider):
    old = datetime.now(UTC) - timedelta(hours=47)
    attempt = payment(created_at=old, expires_at=old + timedelta(minutes=15), asked_at=datetime.now(UTC))
    assert provider.fetch(attempt).outcome is Outcome.UNKNOWN


def test_a_list_that_cannot_be_had_leaves_the_attempt_unknown(simulator, provider):
    pay_bill(simulator, "ABCDE23456")
    scripted(simulator, "http_500", "pull")
    assert provider.fetch(payment()).outcome is Outcome.UNKNOWN
    assert provider.fetch(payment()).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("amounts", "outcome", "amount"),
    [
        ([150], Outcome.SUCCEEDED, 150),
        ([100], Outcome.SUCCEEDED, 100),
        ([100, 150], Outcome.SUCCEEDED, 150),
        ([150, 150], Outcome.UNKNOWN, None),
        ([100, 50], Outcome.UNKNOWN, None),
    ],
)
def test_one_payment_that_names_the_code_is_it_and_several_are_nobodys_guess(
    simulator, provider, amounts, outcome, amount
):
    for paid in amounts:
        pay_bill(simulator, "ABCDE23456", paid)
    pay_bill(simulator, "OTHER23456")
    found = provider.fetch(payment())
    assert (found.outcome, found.amount) == (outcome, shillings(amount) if amount else None)


def test_the_list_reaches_back_as_far_as_the_attempt_by_the_marketplaces_own_clock(simulator, provider):
    made = pay_bill(simulator, "ABCDE23456")
    ahead = timedelta(days=400)  # the marketplace's clock; the gateway's is another
    created = made.at + ahead - timedelta(hours=1)
    attempt = payment(created_at=created, expires_at=created, asked_at=made.at + ahead)
    assert provider.fetch(attempt).receipt == made.receipt


def test_a_success_brings_its_receipt_although_the_query_tells_none(simulator, provider):
    attempt = payment()
    started = provider.start(attempt)
    receipt = approve(simulator)
    found = provider.fetch(replace(attempt, reference=started.reference))
    assert (found.outcome, found.receipt, found.amount) == (Outcome.SUCCEEDED, receipt, shillings(150))


@pytest.mark.parametrize("script", ["http_500", "drop_before", "html_error"])
def test_a_success_without_the_list_is_still_a_success(simulator, provider, script):
    attempt = payment()
    started = provider.start(attempt)
    approve(simulator)
    scripted(simulator, script, "pull")
    found = provider.fetch(replace(attempt, reference=started.reference))
    assert (found.outcome, found.receipt) == (Outcome.SUCCEEDED, None)


def test_a_receipt_is_not_guessed_where_two_payments_name_the_code(simulator, provider):
    attempt = payment()
    started = provider.start(attempt)
    approve(simulator)
    pay_bill(simulator, attempt.code)
    assert provider.fetch(replace(attempt, reference=started.reference)).receipt is None


def test_a_prompt_that_was_cancelled_is_declined_and_the_list_not_asked(simulator, provider):
    started = provider.start(payment(payer={"phone": "254712345002"}))
    eventually(lambda: simulator.app.daraja.desk.prompts.all()[0].state == "cancelled")
    assert provider.fetch(payment(reference=started.reference)).outcome is Outcome.DECLINED
    assert requests_to(simulator, "/pulltransactions") == []


# The statement


def test_the_statement_lists_what_was_paid_in_its_time_and_nothing_else(simulator, provider):
    first = pay_bill(simulator, "ORD-1")
    simulator.world.shift_clock(60)
    excluded = pay_bill(simulator, "ORD-2", 75).at.replace(microsecond=0)  # the gateway tells whole seconds
    (line,) = provider.statement(first.at - timedelta(minutes=1), excluded)
    assert (line.kind, line.receipt, line.reference, line.amount) == ("payment", first.receipt, "ORD-1", shillings(150))
    assert line.at == first.at.replace(microsecond=0)


def test_a_statement_says_what_it_cannot_list(provider, simulator):
    assert provider.capabilities.statement_kinds == {"payment"}
    assert timedelta(hours=provider.capabilities.statement_hours) < REACH
    with pytest.raises(ValueError, match="pull is off"):
        make_provider(simulator.daraja_url).statement(*lately())


def test_a_statement_that_cannot_be_had_is_no_empty_one(simulator, provider):
    scripted(simulator, "http_500", "pull")
    with pytest.raises(OutcomeUnknown):
        provider.statement(*lately())


def test_only_the_list_makes_a_statement(simulator, provider):
    assert provider.capabilities.features == {"statement"}
    assert make_provider(simulator.daraja_url).capabilities.features == frozenset()
