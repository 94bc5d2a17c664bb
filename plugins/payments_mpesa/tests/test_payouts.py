import json
from dataclasses import replace

import httpx
import pytest

from marketcore.interfaces import Destination, Outcome
from marketcore.money import Money
from marketcore.payments.rules import refusal
from marketcore_payments_mpesa.back_office import MpesaBackOffice
from marketcore_simulator.daraja import credentials
from marketcore_simulator.testing import eventually

from .attempts import INITIATOR, as_request, calls_to, make_office, payout, payouts, shillings, told
from .exchange import ADDRESS, TOKEN_ANSWER, make_client, requests_to, scripted


@pytest.fixture
def office(simulator):
    simulator.world.settings.update({"result_after": 0.02})
    return make_office(simulator.daraja_url)


def ask(office, receiver, made, path="/question"):
    """Ask about a payout and return the event of the answer."""
    asked = office.fetch_payout(replace(made, callback_url=f"{receiver.url}{path}"))
    assert asked.outcome is Outcome.UNKNOWN
    return told(office, receiver, path, "payout", answering=True)


def test_B7_a_payout_is_pending_then_a_hint_then_believed_when_asked(simulator, office, receiver):
    made = payout(f"{receiver.url}/start")
    accepted = office.pay_out(made)
    assert accepted.outcome is Outcome.PENDING
    hint = told(office, receiver, "/start", "payout")
    assert (hint.subject, hint.trusted, hint.reference) == ("payout", False, accepted.reference)
    answer = ask(office, receiver, made)
    assert (answer.subject, answer.trusted) == ("payout", True)
    assert (answer.result.outcome, answer.result.amount) == (Outcome.SUCCEEDED, shillings(500))
    assert answer.result.receipt == hint.result.receipt == payouts(simulator)[0].receipt
    assert payouts(simulator)[0].talk.originator_conversation_id == str(made.id)


@pytest.mark.parametrize(
    ("script", "outcome", "recorded"),
    [
        ("drop_before", Outcome.UNKNOWN, 0),
        ("drop_after", Outcome.UNKNOWN, 1),
        ("hang(60)", Outcome.UNKNOWN, 1),
        ("http_500", Outcome.UNKNOWN, 0),
        ("html_error", Outcome.UNKNOWN, 0),
        ("http_429", Outcome.NOT_ATTEMPTED, 0),
    ],
)
def test_a_spoilt_answer_is_never_a_verdict_and_the_question_settles_it(
    simulator, office, receiver, script, outcome, recorded
):
    scripted(simulator, script, "b2c")
    made = payout(f"{receiver.url}/start")
    assert office.pay_out(made).outcome is outcome
    assert len(payouts(simulator)) == recorded
    assert len(requests_to(simulator, "/b2c/v3/paymentrequest")) <= 1
    eventually(lambda: all(sent.state == "completed" for sent in payouts(simulator)))
    expected = Outcome.SUCCEEDED if recorded else Outcome.UNKNOWN
    assert ask(office, receiver, made).result.outcome is expected


@pytest.mark.parametrize("first", ["drop_after", "no_callback"])
def test_an_id_that_the_gateway_has_already_is_pending_and_paid_once(simulator, office, receiver, first):
    scripted(simulator, first, "b2c")
    made = payout(f"{receiver.url}/start")
    office.pay_out(made)
    again = office.pay_out(made)
    assert (again.outcome, again.reference) == (Outcome.PENDING, None)
    assert len(payouts(simulator)) == 1


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("no_callback", Outcome.SUCCEEDED),
        ("slow_callback(60)", Outcome.SUCCEEDED),
        ("queue_timeout", Outcome.SUCCEEDED),
        ("unknown_reference", Outcome.SUCCEEDED),
        ("foreign_originator", Outcome.SUCCEEDED),
        ("queue_failed", Outcome.DECLINED),
        ("result(2040)", Outcome.DECLINED),
        ("late_success", Outcome.PENDING),
    ],
)
def test_whatever_is_told_of_a_payout_the_question_tells_the_truth(simulator, office, receiver, script, outcome):
    scripted(simulator, script, "b2c")
    made = payout(f"{receiver.url}/start")
    assert office.pay_out(made).outcome is Outcome.PENDING
    eventually(lambda: script == "late_success" or payouts(simulator)[0].state != "pending")
    answer = ask(office, receiver, made)
    assert (answer.trusted, answer.result.outcome) == (True, outcome)


@pytest.mark.parametrize(("code", "claimed"), [("2040", "payee_not_registered"), ("1", "insufficient_funds")])
def test_a_failure_names_its_reason_in_the_hint(simulator, office, receiver, code, claimed):
    scripted(simulator, f"result({code})", "b2c")
    office.pay_out(payout(f"{receiver.url}/start"))
    hint = told(office, receiver, "/start", "payout")
    assert (hint.trusted, hint.result.outcome, hint.result.reason) == (False, Outcome.DECLINED, claimed)


def test_a_queue_timeout_claims_nothing(simulator, office, receiver):
    scripted(simulator, "queue_timeout", "b2c")
    office.pay_out(payout(f"{receiver.url}/start"))
    hint = told(office, receiver, "/start", "payout")
    assert (hint.trusted, hint.result.outcome) == (False, Outcome.UNKNOWN)


def test_a_result_of_another_amount_is_a_claim_and_the_answer_says_what_was_paid(simulator, office, receiver):
    scripted(simulator, "wrong_amount", "b2c")
    made = payout(f"{receiver.url}/start")
    office.pay_out(made)
    assert told(office, receiver, "/start", "payout").result.amount == shillings(501)
    assert ask(office, receiver, made).result.amount == shillings(500)


def test_repeated_results_are_one_event(simulator, office, receiver):
    scripted(simulator, "dup_callback(2)", "b2c")
    office.pay_out(payout(f"{receiver.url}/start"))
    calls = calls_to(receiver, "/start", count=3)
    keys = {event.dedupe_key for call in calls for event in office.translate(as_request(call, "payout"))}
    assert len(keys) == 1


def test_a_forged_result_is_a_hint_beside_the_true_one_and_the_answer_contradicts_it(simulator, office, receiver):
    scripted(simulator, "result(2040)", "b2c")
    made = payout(f"{receiver.url}/start")
    office.pay_out(made)
    true = calls_to(receiver, "/start")[0]
    forged = json.loads(true.body)
    forged["Result"] |= {"ResultCode": 0, "TransactionID": "FORGED0001"}
    httpx.post(f"{receiver.url}/start", json=forged, trust_env=False, verify=False)
    first, second = (office.translate(as_request(call, "payout"))[0] for call in calls_to(receiver, "/start", 2))
    assert first.dedupe_key != second.dedupe_key
    assert {first.trusted, second.trusted} == {False}
    assert ask(office, receiver, made).result.outcome is Outcome.DECLINED


@pytest.mark.parametrize("script", ["drop_before", "drop_after", "http_500", "html_error", "http_429", "hang(60)"])
def test_a_question_that_fails_says_nothing(simulator, office, receiver, script):
    made = payout(f"{receiver.url}/start")
    office.pay_out(made)
    scripted(simulator, script, "status")
    assert office.fetch_payout(replace(made, callback_url=f"{receiver.url}/q")).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("script", ["queue_timeout", "result(2001)", "result(1)", "result(2040)"])
def test_an_answer_that_the_question_itself_failed_says_nothing_of_the_payout(simulator, office, receiver, script):
    made = payout(f"{receiver.url}/start")
    office.pay_out(made)
    eventually(lambda: payouts(simulator)[0].state == "completed")
    scripted(simulator, script, "status")
    answer = ask(office, receiver, made)
    assert (answer.trusted, answer.result.outcome, answer.result.amount) == (True, Outcome.UNKNOWN, None)


def test_a_payout_nobody_has_heard_of_is_not_declined(simulator, office, receiver):
    answer = ask(office, receiver, payout())
    assert (answer.result.outcome, answer.result.detail[:7]) == (Outcome.UNKNOWN, "R000002")


def test_a_payout_with_a_receipt_is_asked_about_by_it(simulator, office, receiver):
    made = payout(f"{receiver.url}/start")
    office.pay_out(made)
    receipt = eventually(lambda: payouts(simulator)[0].receipt)
    other = payout(receipt=receipt)
    assert ask(office, receiver, other).result.receipt == receipt


def test_money_that_came_back_is_returned(office, receiver):
    parameters = [{"Key": "TransactionStatus", "Value": "Reversed"}, {"Key": "Amount", "Value": 500}]
    result = {"ResultCode": 0, "ConversationID": "AG_1", "OriginatorConversationID": "1-2-3"}
    body = {"Result": {**result, "ResultParameters": {"ResultParameter": parameters}}}
    httpx.post(f"{receiver.url}/q", json=body, trust_env=False, verify=False)
    answer = told(office, receiver, "/q", "payout", answering=True)
    assert (answer.result.outcome, answer.result.amount) == (Outcome.RETURNED, shillings(500))


@pytest.mark.parametrize("subject", ["", "payment", "dispute"])
def test_an_answer_about_something_else_is_not_believed(office, receiver, subject):
    office.pay_out(payout(f"{receiver.url}/start"))
    event = told(office, receiver, "/start", subject, answering=True)
    assert (event.trusted, event.subject) == (False, subject or "other")


def test_everything_goes_to_the_payouts_own_address_in_the_gateways_words():
    sent = []

    def accept(request):
        if request.url.path.endswith("/generate"):
            return httpx.Response(200, json=TOKEN_ANSWER)
        sent.append(json.loads(request.content))
        accepted = {"ConversationID": "AG_1", "OriginatorConversationID": "1", "ResponseCode": "0"}
        return httpx.Response(200, json=accepted)

    transport = httpx.MockTransport(accept)
    client = make_client("http://127.0.0.1:9", initiator=INITIATOR, payout_shortcode="600981", transport=transport)
    made = payout()
    office = make_office("", client=client)
    office.pay_out(made)
    office.fetch_payout(made)
    assert [order["ResultURL"] for order in sent] == [order["QueueTimeOutURL"] for order in sent] == [ADDRESS] * 2
    assert [order["PartyA"] for order in sent] == [credentials.B2C_SHORTCODE] * 2
    assert (sent[0]["OriginatorConversationID"], sent[0]["Remarks"]) == (str(made.id), "Payout PAYOUT2345")
    assert sent[1]["OriginalConversationID"] == str(made.id)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"ResponseCode": "1", "ResponseDescription": "no"}, Outcome.DECLINED),
        ({"ResponseCode": "0"}, Outcome.UNKNOWN),
    ],
)
def test_an_answer_that_declines_is_told_from_one_that_is_unclear(answer, outcome):
    def handle(request):
        return httpx.Response(200, json=TOKEN_ANSWER if request.url.path.endswith("/generate") else answer)

    client = make_client("http://127.0.0.1:9", initiator=INITIATOR, transport=httpx.MockTransport(handle))
    assert make_office("", client=client).pay_out(payout()).outcome is outcome


def test_a_telephone_can_be_paid_at_once_and_nobody_is_asked(simulator, office):
    details = MpesaBackOffice.destination_schema.deserialize({"phone": "0712 345 678"})
    assert details == {"phone": "254712345678"}
    destination = Destination(payout().id, 7, "wanjiku@example.test", details)
    assert office.enroll(destination).state == "active"
    assert requests_to(simulator, "/") == []


@pytest.mark.parametrize(
    ("minor", "why"),
    [(1000, None), (25_000_000, None), (900, "at least"), (25_000_100, "at most"), (1050, "multiples")],
)
def test_what_cannot_be_paid_out_is_known_beforehand(minor, why):
    refused = refusal(MpesaBackOffice.payout_capabilities, Money(minor, "KES"))
    assert (refused is None) if why is None else (why in refused)


def test_a_gateway_that_is_away_has_attempted_nothing():
    office = make_office("http://127.0.0.1:9", pull=False)
    result = office.pay_out(payout())
    assert (result.outcome, result.reason) == (Outcome.NOT_ATTEMPTED, "not_attempted")
