import base64
import json
import traceback
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from marketcore_payments_mpesa.client import (
    Accepted,
    AlreadySubmitted,
    DarajaClient,
    NotAttempted,
    OutcomeUnknown,
    Rejected,
)
from marketcore_payments_mpesa.credentials import Initiator, encrypt_password
from marketcore_payments_mpesa.results import classify_b2c_result, parse_c2b_confirmation, parse_result
from marketcore_simulator.daraja import credentials
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import CallbackReceiver, eventually

PHONE = "0712345678"
INITIATOR = Initiator(credentials.INITIATOR_NAME, credentials.SECURITY_CREDENTIAL)
ACCEPTED = {"ConversationID": "AG_1", "OriginatorConversationID": "payout-1", "ResponseCode": "0"}


@pytest.fixture
def simulator():
    with SimulatorServer(seed=7) as server:
        server.world.settings.update({"result_after": 0.02, "callback_after": 0, "approve_after": 0.02})
        yield server


@pytest.fixture
def receiver():
    with CallbackReceiver() as listening:
        yield listening


@pytest.fixture
def client(simulator):
    with make_client(simulator.daraja_url) as made:
        yield made


def make_client(base_url, **options):
    chosen = {"initiator": INITIATOR, "payout_shortcode": credentials.B2C_SHORTCODE, **options}
    return DarajaClient(
        base_url,
        credentials.CONSUMER_KEY,
        credentials.CONSUMER_SECRET,
        credentials.SHORTCODE,
        credentials.PASSKEY,
        **chosen,
    )


def pay(client, receiver, amount=500, phone=PHONE, key="payout-1", **more):
    return client.b2c(amount, phone, key, "Sales of May", *addresses(receiver), **more)


def addresses(receiver):
    return f"{receiver.url}/result", f"{receiver.url}/timeout"


def told(receiver, count=1):
    calls = eventually(lambda: receiver.calls[:] if len(receiver.calls) >= count else None)
    return [parse_result(call.body) for call in calls][count - 1]


def ask(client, receiver, **question):
    result_url, timeout_url = addresses(receiver)
    return client.transaction_status(result_url=result_url, timeout_url=timeout_url, **question)


def paid(simulator, client):
    """Pay KES 150 by prompt and return the receipt."""
    client.stk_push(150, PHONE, "ORD-1", "", "https://shop.example/pay/cb/0a")
    prompt = simulator.app.daraja.desk.prompts.all()[-1]
    simulator.app.daraja.desk.decide(prompt, "approve")
    return prompt.receipt


def payouts(simulator):
    return simulator.app.daraja.office.payouts.all()


def requests_to(simulator, path):
    return [event for event in simulator.world.log.select("daraja", "request") if path in event.summary]


def scripted(simulator, operation, script):
    simulator.world.scripts.queue("daraja", operation, script)


def answering(answer):
    """A client whose gateway gives one prepared answer to everything but the token."""

    def handle(request):
        if request.url.path.endswith("/oauth/v1/generate"):
            return httpx.Response(200, json={"access_token": "t" * 28, "expires_in": 3599})
        return answer(request) if callable(answer) else answer

    return make_client("http://127.0.0.1:9", transport=httpx.MockTransport(handle))


def gateway_error(code, status=500):
    return httpx.Response(status, json={"requestId": "r", "errorCode": code, "errorMessage": "refused"})


# Payouts


def test_a_payout_is_accepted_then_paid_and_told_of(simulator, client, receiver):
    accepted = pay(client, receiver)
    result = told(receiver)
    assert accepted == Accepted(result.conversation_id, "payout-1")
    assert classify_b2c_result(result.code) == "paid"
    assert result.amount == 500
    assert result.first("TransactionReceipt") == result.transaction_id == payouts(simulator)[0].receipt
    assert payouts(simulator)[0].phone == "254712345678"


@pytest.mark.parametrize(("ending", "code"), [("101", "2040"), ("102", "1")])
def test_a_payout_that_fails_is_told_with_a_code_that_means_so(client, receiver, ending, code):
    pay(client, receiver, phone=f"0712345{ending}")
    result = told(receiver)
    assert (result.code, classify_b2c_result(result.code)) == (code, "failed")
    assert (result.parameters, result.amount) == ({}, None)


def test_a_second_payout_under_one_id_is_known_to_exist(simulator, client, receiver):
    pay(client, receiver)
    with pytest.raises(AlreadySubmitted) as caught:
        pay(client, receiver, amount=600)
    assert caught.value.error_code == "500.002.1001"
    assert isinstance(caught.value, OutcomeUnknown)
    assert len(payouts(simulator)) == 1


@pytest.mark.parametrize(
    ("script", "error", "recorded"),
    [
        ("http_500", OutcomeUnknown, 0),
        ("http_429", NotAttempted, 0),
        ("html_error", OutcomeUnknown, 0),
        ("drop_before", OutcomeUnknown, 0),
        ("drop_after", OutcomeUnknown, 1),
        ("hang(60)", OutcomeUnknown, 1),
    ],
)
def test_a_failed_exchange_is_classed_and_the_payout_never_sent_again(simulator, receiver, script, error, recorded):
    scripted(simulator, "b2c", script)
    with make_client(simulator.daraja_url, read_timeout=1) as client, pytest.raises(error):
        pay(client, receiver)
    assert len(payouts(simulator)) == recorded
    assert simulator.world.scripts.take("daraja", "b2c") is None
    assert len(requests_to(simulator, "/b2c/v3/paymentrequest")) <= 1


@pytest.mark.parametrize("script", ["drop_before", "drop_after"])
def test_after_a_lost_answer_the_same_id_pays_once(simulator, client, receiver, script):
    scripted(simulator, "b2c", script)
    with pytest.raises(OutcomeUnknown):
        pay(client, receiver)
    if script == "drop_after":
        with pytest.raises(AlreadySubmitted):
            pay(client, receiver)
    else:
        pay(client, receiver)
    told(receiver)
    assert [payout.state for payout in payouts(simulator)] == ["completed"]


def test_a_queue_timeout_is_a_result_that_settles_nothing(simulator, client, receiver):
    scripted(simulator, "b2c", "queue_timeout")
    pay(client, receiver)
    result = told(receiver)
    assert receiver.calls[0].path.endswith("/timeout")
    assert classify_b2c_result(result.code) == "unknown"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 9}, "invalid_amount"),
        ({"amount": 250_001}, "invalid_amount"),
        ({"amount": "100"}, "invalid_amount"),
        ({"phone": "12"}, "invalid_phone"),
        ({"key": ""}, "invalid_originator"),
        ({"key": "a b"}, "invalid_originator"),
        ({"command": "Gift"}, "invalid_command"),
        ({"occasion": "x" * 101}, "invalid_occasion"),
    ],
)
def test_a_payout_that_breaks_a_rule_never_leaves(simulator, client, receiver, change, code):
    with pytest.raises(NotAttempted) as caught:
        pay(client, receiver, **change)
    assert caught.value.error_code == code
    assert requests_to(simulator, "/") == []


@pytest.mark.parametrize("remarks", ["x", "x" * 101])
def test_remarks_have_a_length(client, receiver, remarks):
    with pytest.raises(NotAttempted, match="2 to 100"):
        client.b2c(10, PHONE, "payout-1", remarks, *addresses(receiver))


def test_without_an_initiator_no_money_moves(simulator, receiver):
    with make_client(simulator.daraja_url, initiator=None) as client:
        with pytest.raises(NotAttempted, match="no initiator"):
            pay(client, receiver)
        with pytest.raises(NotAttempted, match="no initiator"):
            client.reversal("ABCDE12345", 10, "refund", *addresses(receiver))
    assert requests_to(simulator, "/") == []


def test_a_payout_is_sent_in_the_words_of_the_gateway(receiver):
    sent = []

    def accept(request):
        sent.append(json.loads(request.content))
        return httpx.Response(200, json=ACCEPTED)

    with answering(accept) as client:
        pay(client, receiver, occasion="May")
    assert sent[0] == {
        "OriginatorConversationID": "payout-1",
        "InitiatorName": credentials.INITIATOR_NAME,
        "SecurityCredential": credentials.SECURITY_CREDENTIAL,
        "CommandID": "BusinessPayment",
        "Amount": 500,
        "PartyA": credentials.B2C_SHORTCODE,
        "PartyB": "254712345678",
        "Remarks": "Sales of May",
        "QueueTimeOutURL": f"{receiver.url}/timeout",
        "ResultURL": f"{receiver.url}/result",
        "Occassion": "May",
    }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(200, json={**ACCEPTED, "ResponseCode": "1", "ResponseDescription": "no"}), Rejected),
        (httpx.Response(200, json={"ResponseCode": "0"}), OutcomeUnknown),
        (httpx.Response(200, json={}), OutcomeUnknown),
        (httpx.Response(200, text="OK"), OutcomeUnknown),
        (gateway_error("500.001.1001"), OutcomeUnknown),
        (gateway_error("500.003.1001"), OutcomeUnknown),
        (gateway_error("500.003.02"), NotAttempted),
        (gateway_error("400.002.02", 400), NotAttempted),
    ],
)
def test_answers_to_a_payout_are_classed_with_more_care_than_those_to_a_push(receiver, answer, error):
    with answering(answer) as client, pytest.raises(error) as caught:
        pay(client, receiver)
    assert type(caught.value) is error


# Status


def test_a_payout_whose_answer_was_lost_is_found_by_our_own_id(simulator, client, receiver):
    scripted(simulator, "b2c", "no_callback")
    pay(client, receiver)
    eventually(lambda: payouts(simulator)[0].state == "completed")
    ask(client, receiver, original_conversation_id="payout-1", of_payout=True)
    result = told(receiver)
    assert (result.state, result.amount) == ("completed", 500)
    assert result.first("ReceiptNo") == payouts(simulator)[0].receipt
    assert len(result.parameters["DebitPartyName"]) == 2


@pytest.mark.parametrize(("script", "state"), [("result(2040)", "failed"), ("late_success", "pending")])
def test_the_status_of_a_payout_follows_its_course(simulator, client, receiver, script, state):
    scripted(simulator, "b2c", script)
    pay(client, receiver)
    eventually(lambda: payouts(simulator)[0].state == ("pending" if state == "pending" else "failed"))
    with CallbackReceiver() as answers:
        ask(client, answers, original_conversation_id="payout-1")
        assert told(answers).state == state


def test_an_unknown_transaction_is_neither_paid_nor_failed(client, receiver):
    ask(client, receiver, receipt="NOSUCH0001")
    result = told(receiver)
    assert (result.code, result.state) == ("R000002", "unknown")


@pytest.mark.parametrize("question", [{}, {"receipt": "A", "original_conversation_id": "b"}, {"receipt": "A B C D"}])
def test_a_question_names_one_transaction(client, receiver, question):
    with pytest.raises(NotAttempted):
        ask(client, receiver, **question)


# Reversal


def test_a_payment_is_reversed_once(simulator, client, receiver):
    receipt = paid(simulator, client)
    for count, code in enumerate(("0", "R000001"), start=1):
        client.reversal(receipt, 150, "refund", *addresses(receiver))
        assert told(receiver, count).code == code
    assert simulator.app.daraja.office.book.working == 0
    ask(client, receiver, receipt=receipt)
    assert told(receiver, 3).state == "reversed"


@pytest.mark.parametrize("script", ["http_500", "drop_after", "html_error"])
def test_a_reversal_is_never_sent_again(simulator, client, receiver, script):
    receipt = paid(simulator, client)
    scripted(simulator, "reversal", script)
    with pytest.raises(OutcomeUnknown):
        client.reversal(receipt, 150, "refund", *addresses(receiver))
    assert len(simulator.world.log.select("daraja", "reversal")) == (1 if script == "drop_after" else 0)


@pytest.mark.parametrize(("receipt", "amount"), [("A B", 10), ("ABCDE12345", 0)])
def test_a_reversal_that_breaks_a_rule_never_leaves(simulator, client, receiver, receipt, amount):
    with pytest.raises(NotAttempted):
        client.reversal(receipt, amount, "refund", *addresses(receiver))
    assert requests_to(simulator, "/") == []


# Paybill payments


def test_a_paybill_payment_is_confirmed_to_the_registered_address(simulator, client, receiver):
    client.register_c2b(f"{receiver.url}/c", f"{receiver.url}/v")
    made = simulator.app.daraja.office.paybill.pay("254712345678", 75, "ORD-9")
    confirmation = parse_c2b_confirmation(eventually(lambda: receiver.calls)[0].body)
    assert (confirmation.receipt, confirmation.amount) == (made.receipt, Decimal("75.00"))
    assert (confirmation.bill_ref_number, confirmation.phone) == ("ORD-9", "2547 ***** 678")
    assert confirmation.shortcode == credentials.SHORTCODE
    assert abs((confirmation.transaction_date - made.at).total_seconds()) < 1


def test_addresses_registered_before_are_rejected_not_unknown(simulator, client):
    simulator.world.settings.update({"c2b_register_once": True})
    client.register_c2b("https://shop.example/c", "https://shop.example/v")
    with pytest.raises(Rejected, match="already registered"):
        client.register_c2b("https://shop.example/c", "https://shop.example/v")


@pytest.mark.parametrize(("script", "error"), [("http_429", NotAttempted), ("html_error", OutcomeUnknown)])
def test_a_registration_may_fail_like_any_call(simulator, client, script, error):
    scripted(simulator, "c2b_register", script)
    with pytest.raises(error):
        client.register_c2b("https://shop.example/c", "https://shop.example/v")


def test_a_registration_needs_an_answer_that_accepts():
    answer = httpx.Response(200, json={"ResponseDescription": "Success"})
    with answering(answer) as client, pytest.raises(OutcomeUnknown):
        client.register_c2b("https://shop.example/c", "https://shop.example/v")


# Credentials


def certificate(simulator):
    return httpx.get(f"{simulator.url}/_sim/daraja/certificate", trust_env=False, verify=False).content


@pytest.mark.parametrize(("password", "code"), [(credentials.INITIATOR_PASSWORD, "0"), ("wrong", "2001")])
def test_a_password_encrypted_for_the_certificate_is_what_the_gateway_decrypts(simulator, receiver, password, code):
    initiator = Initiator(credentials.INITIATOR_NAME, encrypt_password(password, certificate(simulator)))
    with make_client(simulator.daraja_url, initiator=initiator) as client:
        pay(client, receiver)
        assert told(receiver).code == code


def test_a_credential_has_the_length_of_the_key_and_never_repeats(simulator):
    pem = certificate(simulator)
    first, second = encrypt_password("secret", pem), encrypt_password("secret", pem)
    assert first != second
    assert len(base64.b64decode(first)) == 256


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(pem):
    with pytest.raises(ValueError):
        encrypt_password("secret", pem)


def test_a_certificate_without_an_rsa_key_is_refused():
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other")])
    built = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_valid_after=datetime(2036, 1, 1, tzinfo=UTC),
    ).sign(key, None)
    with pytest.raises(ValueError, match="no RSA key"):
        encrypt_password("secret", built.public_bytes(serialization.Encoding.PEM))


def test_the_credential_of_an_initiator_is_never_shown(receiver):
    def echo(request):
        document = {"errorCode": "500.003.1001", "errorMessage": request.content.decode()}
        return httpx.Response(500, json=document)

    with answering(echo) as client, pytest.raises(OutcomeUnknown) as caught:
        pay(client, receiver)
    shown = "".join(traceback.format_exception(caught.value)) + repr(client) + repr(INITIATOR)
    assert credentials.SECURITY_CREDENTIAL not in shown
