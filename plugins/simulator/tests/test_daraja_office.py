import json
import threading
from decimal import Decimal

import httpx
import pytest

from marketcore_simulator.daraja.credentials import INITIATOR_NAME, SECURITY_CREDENTIAL, SHORTCODE
from marketcore_simulator.testing import eventually

PHONE = "254712345678"
B2C = "/mpesa/b2c/v3/paymentrequest"
STATUS = "/mpesa/transactionstatus/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"


def initiator(field):
    return {field: INITIATOR_NAME, "SecurityCredential": SECURITY_CREDENTIAL}


def addresses(receiver):
    return {"ResultURL": f"{receiver.url}/result", "QueueTimeOutURL": f"{receiver.url}/timeout"}


@pytest.fixture
def ask(merchant, receiver):
    def send(**changes):
        document = {
            **initiator("Initiator"),
            "CommandID": "TransactionStatusQuery",
            "PartyA": SHORTCODE,
            "IdentifierType": "4",
            "Remarks": "status",
            **addresses(receiver),
        }
        return merchant.post(STATUS, {**document, **changes})

    return send


@pytest.fixture
def reverse(merchant, receiver):
    def send(receipt, amount, **changes):
        document = {
            **initiator("Initiator"),
            "CommandID": "TransactionReversal",
            "TransactionID": receipt,
            "Amount": amount,
            "ReceiverParty": SHORTCODE,
            "RecieverIdentifierType": "11",
            "Remarks": "refund",
            **addresses(receiver),
        }
        return merchant.post(REVERSAL, {**document, **changes})

    return send


@pytest.fixture
def paid(http, merchant):
    """The receipt of a payment of KES 150 by STK push."""
    asked = merchant.push(Amount=150).json()["CheckoutRequestID"]
    return http.post(f"/_sim/daraja/prompts/{asked}/approve").json()["receipt"]


def result(call):
    return json.loads(call.body, parse_float=Decimal)["Result"]


def parameters(told):
    return [(item["Key"], item["Value"]) for item in told["ResultParameters"]["ResultParameter"]]


def results(receiver, count=1):
    return [result(call) for call in eventually(lambda: receiver.calls[:] if len(receiver.calls) >= count else None)]


def choose(http, operation, script):
    http.post("/_sim/scripts", json={"face": "daraja", "operation": operation, "script": script}).raise_for_status()


def payouts(http):
    return http.get("/_sim/daraja/payouts").json()["items"]


def balances(http):
    return http.get("/_sim/daraja/balances").json()


def refusal(answer):
    return answer.status_code, answer.json()["errorCode"], answer.json()["errorMessage"]


# B2C


def test_an_accepted_payout_is_paid_later_and_reported_as_the_portal_shows_it(http, pay, receiver):
    answer = pay().json()
    assert answer["OriginatorConversationID"] == "payout-1"
    assert (answer["ResponseCode"], answer["ConversationID"][:3]) == ("0", "AG_")
    told = results(receiver)[0]
    assert (told["ResultType"], told["ResultCode"]) == (0, 0)
    assert told["ConversationID"] == answer["ConversationID"]
    found = dict(parameters(told))
    assert found["TransactionAmount"] == 500
    assert found["TransactionReceipt"] == told["TransactionID"]
    assert found["ReceiverPartyPublicName"].startswith(PHONE)
    assert found["B2CUtilityAccountAvailableFunds"] == Decimal("999500.00")
    assert isinstance(told["ReferenceData"]["ReferenceItem"], dict)
    assert receiver.calls[0].path.endswith("/result")
    assert payouts(http)[0]["state"] == "completed"
    assert balances(http)["utility"] == 999_500


def test_a_payout_waits_pending_until_its_time(http, pay, simulator):
    simulator.world.settings.update({"result_after": 60})
    pay()
    assert (payouts(http)[0]["state"], balances(http)["utility"]) == ("pending", 1_000_000)
    simulator.world.shift_clock(61)
    eventually(lambda: payouts(http)[0]["state"] == "completed")


def test_an_originator_conversation_id_is_taken_once_even_at_the_same_moment(http, pay, receiver):
    barrier, statuses = threading.Barrier(5), []

    def race():
        barrier.wait()
        statuses.append(pay().status_code)

    threads = [threading.Thread(target=race) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 500, 500, 500, 500]
    assert refusal(pay()) == (500, "500.002.1001", "Duplicate OriginatorConversationID.")
    results(receiver)
    assert balances(http)["utility"] == 999_500


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OriginatorConversationID", ""),
        ("InitiatorName", ""),
        ("SecurityCredential", ""),
        ("CommandID", "PayBusiness"),
        ("Amount", 9),
        ("Amount", 250_001),
        ("Amount", "10.5"),
        ("PartyA", "999999"),
        ("PartyB", "0712345678"),
        ("Remarks", "x"),
        ("Remarks", "x" * 101),
        ("Occassion", "x" * 101),
        ("ResultURL", "http://shop.example/result"),
        ("QueueTimeOutURL", "https://shop.example/mpesa/timeout"),
    ],
)
def test_a_payout_that_breaks_a_rule_is_refused_by_name(http, pay, name, value):
    assert refusal(pay(**{name: value})) == (400, "400.002.02", f"Bad Request - Invalid {name}")
    assert payouts(http) == []


@pytest.mark.parametrize("amount", [10, 250_000])
def test_the_edges_of_a_payout_are_accepted(pay, amount):
    assert pay(Amount=amount).status_code == 200


def test_a_payout_beyond_the_balance_fails_with_1_and_moves_nothing(http, pay, receiver):
    http.post("/_sim/daraja/balances", json={"utility": 499}).raise_for_status()
    pay()
    told = results(receiver)[0]
    assert told["ResultCode"] == 1
    assert "ResultParameters" not in told
    assert balances(http)["utility"] == 499
    assert payouts(http)[0]["state"] == "failed"


@pytest.mark.parametrize("change", [{"InitiatorName": "somebody"}, {"SecurityCredential": "d3Jvbmc="}])
def test_a_wrong_initiator_is_told_so_only_in_the_result(pay, receiver, change):
    assert pay(**change).json()["ResponseCode"] == "0"
    assert results(receiver)[0]["ResultCode"] == 2001


def test_a_payout_needs_a_token(http):
    assert http.post(f"/daraja{B2C}", json={}).json()["errorCode"] == "404.001.04"


# Scripts of a payout


@pytest.mark.parametrize(("ending", "code"), [("101", 2040), ("102", 1)])
def test_magic_payees_fail_with_their_code(pay, receiver, ending, code):
    pay(PartyB=f"254712345{ending}")
    assert results(receiver)[0]["ResultCode"] == code


def test_a_script_gives_any_result_code(http, pay, receiver):
    choose(http, "b2c", "result(8006)")
    pay()
    assert results(receiver)[0]["ResultCode"] == 8006
    assert balances(http)["utility"] == 1_000_000


@pytest.mark.parametrize(("script", "state"), [("queue_timeout", "completed"), ("queue_failed", "failed")])
def test_a_queue_timeout_says_nothing_about_the_money(http, pay, receiver, script, state):
    choose(http, "b2c", script)
    pay()
    told = results(receiver)[0]
    assert receiver.calls[0].path.endswith("/timeout")
    assert told["ResultType"] == 1
    assert payouts(http)[0]["state"] == state


def test_a_result_may_never_come_though_the_money_moved(http, pay, receiver):
    choose(http, "b2c", "no_callback")
    pay()
    eventually(lambda: payouts(http)[0]["state"] == "completed")
    eventually(lambda: http.get("/_sim/events", params={"kind": "result"}).json()["items"])
    assert receiver.calls == []


def test_a_result_may_come_several_times(http, pay, receiver):
    choose(http, "b2c", "dup_callback(2)")
    pay()
    assert len({told["TransactionID"] for told in results(receiver, 3)}) == 1
    assert balances(http)["utility"] == 999_500


def test_a_result_may_come_before_the_answer(http, pay, receiver):
    choose(http, "b2c", "callback_first")
    answer = pay().json()
    assert [told["ConversationID"] for told in results(receiver)] == [answer["ConversationID"]]


def test_a_result_may_be_slow(http, pay, receiver, simulator):
    choose(http, "b2c", "slow_callback(60)")
    pay()
    eventually(lambda: payouts(http)[0]["state"] == "completed")
    assert receiver.calls == []
    simulator.world.shift_clock(61)
    results(receiver)


@pytest.mark.parametrize(("script", "same"), [("foreign_originator", True), ("unknown_reference", False)])
def test_a_result_may_carry_ids_the_shop_never_saw(http, pay, receiver, script, same):
    choose(http, "b2c", script)
    answer = pay().json()
    told = results(receiver)[0]
    assert told["OriginatorConversationID"] != "payout-1"
    assert (told["ConversationID"] == answer["ConversationID"]) is same


def test_a_result_may_name_a_wrong_amount(http, pay, receiver):
    choose(http, "b2c", "wrong_amount")
    pay()
    assert dict(parameters(results(receiver)[0]))["TransactionAmount"] == 501


@pytest.mark.parametrize(("script", "recorded"), [("drop_before", 0), ("drop_after", 1)])
def test_the_exchange_of_a_payout_may_be_broken_off(http, pay, script, recorded):
    http.post("/_sim/magic", json={"face": "daraja", "ending": "678", "script": script}).raise_for_status()
    with pytest.raises(httpx.RemoteProtocolError):
        pay()
    assert len(payouts(http)) == recorded


@pytest.mark.parametrize("operation", ["b2c", "status", "reversal"])
def test_every_operation_of_the_back_office_can_fail(http, pay, ask, reverse, operation):
    choose(http, operation, "http_500")
    send = {
        "b2c": pay,
        "status": lambda: ask(TransactionID="ABCD"),
        "reversal": lambda: reverse("ABCD", 1),
    }[operation]
    assert refusal(send())[:2] == (500, "500.003.1001")
    assert send().status_code == 200


# Status


def test_a_status_query_finds_a_payout_by_either_conversation_id(http, pay, ask, receiver):
    answer = pay().json()
    results(receiver)
    for place, key in enumerate(("payout-1", answer["ConversationID"]), start=2):
        ask(OriginalConversationID=key).raise_for_status()
        found = dict(parameters(results(receiver, place)[-1]))
        assert (found["TransactionStatus"], found["Amount"]) == ("Completed", 500)
        assert found["ReceiptNo"] == payouts(http)[0]["receipt"]


def test_the_parameters_of_a_status_repeat_a_key(ask, paid, receiver):
    ask(TransactionID=paid).raise_for_status()
    keys = [key for key, _ in parameters(results(receiver)[0])]
    assert keys.count("DebitPartyName") == 2


def test_the_status_of_a_failed_and_of_a_pending_payout_differ(http, pay, ask, receiver, simulator):
    choose(http, "b2c", "result(2040)")
    pay()
    results(receiver)
    choose(http, "b2c", "late_success")
    pay(OriginatorConversationID="payout-2")
    for place, (key, status) in enumerate([("payout-1", "Declined"), ("payout-2", "Pending")], start=2):
        ask(OriginalConversationID=key)
        assert dict(parameters(results(receiver, place)[-1]))["TransactionStatus"] == status


def test_an_unknown_transaction_has_no_status(ask, receiver):
    ask(TransactionID="NOSUCH0001")
    assert results(receiver)[0]["ResultCode"] == "R000002"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "TransactionID"),
        ({"TransactionID": "A B"}, "TransactionID"),
        ({"TransactionID": "ABCD", "IdentifierType": "1"}, "IdentifierType"),
        ({"TransactionID": "ABCD", "CommandID": "Query"}, "CommandID"),
        ({"TransactionID": "ABCD", "PartyA": "600000"}, "PartyA"),
    ],
)
def test_a_status_query_that_breaks_a_rule_is_refused_by_name(ask, change, name):
    assert refusal(ask(**change))[2] == f"Bad Request - Invalid {name}"


# Reversal


def test_a_reversal_gives_a_payment_back_once(http, reverse, paid, receiver):
    reverse(paid, 150).raise_for_status()
    told = results(receiver)[0]
    assert told["ResultCode"] == 0
    assert dict(parameters(told))["OriginalTransactionID"] == paid
    reverse(paid, 150).raise_for_status()
    assert results(receiver, 2)[1]["ResultCode"] == "R000001"
    assert balances(http)["working"] == 0


def test_reversals_racing_for_one_payment_refund_it_once(http, reverse, paid, receiver):
    threads = [threading.Thread(target=reverse, args=(paid, 150)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(told["ResultCode"]) for told in results(receiver, 4)) == ["0"] + ["R000001"] * 3
    assert balances(http)["working"] == 0


def test_an_unknown_payment_and_a_payout_cannot_be_reversed(http, pay, reverse, receiver):
    pay()
    paid_out = results(receiver)[0]["TransactionID"]
    for place, receipt in enumerate(("NOSUCH0001", paid_out), start=2):
        reverse(receipt, 500)
        assert results(receiver, place)[-1]["ResultCode"] == "R000002"


@pytest.mark.parametrize(("allowed", "code"), [(False, 2028), (True, 0)])
def test_part_of_a_payment_is_given_back_only_when_the_setting_says_so(
    simulator, reverse, paid, receiver, allowed, code
):
    simulator.world.settings.update({"partial_reversals": allowed})
    reverse(paid, 100)
    assert results(receiver)[0]["ResultCode"] == code


def test_a_reversal_beyond_the_balance_fails_and_may_be_tried_again(http, reverse, paid, receiver):
    http.post("/_sim/daraja/balances", json={"working": 100}).raise_for_status()
    reverse(paid, 150)
    assert results(receiver)[0]["ResultCode"] == 1
    http.post("/_sim/daraja/balances", json={"working": 150}).raise_for_status()
    reverse(paid, 150)
    assert results(receiver, 2)[1]["ResultCode"] == 0


@pytest.mark.parametrize(
    "change", [{"RecieverIdentifierType": "4"}, {"ReceiverParty": "600000"}, {"CommandID": "Reverse"}]
)
def test_a_reversal_that_breaks_a_rule_is_refused_by_name(reverse, paid, change):
    assert refusal(reverse(paid, 150, **change))[2] == f"Bad Request - Invalid {next(iter(change))}"


@pytest.mark.parametrize("document", [{"utility": -1}, {"utility": 1.5}, {"other": 1}])
def test_balances_are_whole_shillings(http, document):
    assert http.post("/_sim/daraja/balances", json=document).status_code == 400
