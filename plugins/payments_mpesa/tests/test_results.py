import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcore_payments_mpesa.results import MpesaResult, classify_b2c_result, parse_c2b_confirmation, parse_result

# The sample of the developer portal for B2C, shortened.
PORTAL_RESULT = b"""{"Result":{"ResultType":0,"ResultCode":0,
"ResultDesc":"The service request is processed successfully.",
"OriginatorConversationID":"53e3-4aa8-9fe0-8fb5e4092cdd3405976","ConversationID":"AG_20240706_2010364679cd1e8b4c72",
"TransactionID":"SG632NMUAB","ResultParameters":{"ResultParameter":[{"Key":"TransactionAmount","Value":10},
{"Key":"ReceiverPartyPublicName","Value":"254708374149 - NICHOLAS"},
{"Key":"TransactionCompletedDateTime","Value":"06.07.2024 22:48:52"},
{"Key":"B2CUtilityAccountAvailableFunds","Value":900308.00}]},
"ReferenceData":{"ReferenceItem":{"Key":"QueueTimeoutURL","Value":"https://shop.example/q"}}}}"""


def result(**changes):
    document = json.loads(PORTAL_RESULT)
    document["Result"].update(changes)
    return json.dumps({"Result": {k: v for k, v in document["Result"].items() if v is not None}}).encode()


def confirmation(**changes):
    document = {
        "TransactionType": "Pay Bill",
        "TransID": "RKTQDM7W6S",
        "TransTime": "20191122063845",
        "TransAmount": "10.00",
        "BusinessShortCode": "600638",
        "BillRefNumber": "invoice008",
        "MSISDN": "2547 ***** 126",
    }
    kept = {name: value for name, value in {**document, **changes}.items() if value is not None}
    return json.dumps(kept).encode()


def test_the_result_of_the_portal_is_read():
    found = parse_result(PORTAL_RESULT)
    assert (found.code, found.transaction_id, found.amount) == ("0", "SG632NMUAB", 10)
    assert found.conversation_id == "AG_20240706_2010364679cd1e8b4c72"
    assert found.parameters["B2CUtilityAccountAvailableFunds"] == [Decimal("900308.00")]


def test_a_lone_parameter_may_come_as_an_object_and_a_valueless_one_is_none():
    one = {"Key": "TransactionStatus", "Value": "Completed"}
    assert parse_result(result(ResultParameters={"ResultParameter": one})).state == "completed"
    assert parse_result(result(ResultParameters={"ResultParameter": [{"Key": "A"}]})).parameters == {"A": [None]}


def test_repeated_keys_keep_every_value_in_order():
    repeated = [{"Key": "DebitPartyName", "Value": value} for value in ("a", "b")]
    found = parse_result(result(ResultParameters={"ResultParameter": repeated}))
    assert found.parameters == {"DebitPartyName": ["a", "b"]}
    assert found.first("DebitPartyName") == "a"
    assert found.first("CreditPartyName") is None


@pytest.mark.parametrize("code", [2001, "2001", "R000002", "SFC_IC0003"])
def test_a_code_is_text_whatever_came(code):
    found = parse_result(result(ResultCode=code, ResultParameters=None, TransactionID=None))
    assert (found.code, found.parameters, found.transaction_id) == (str(code), {}, "")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Completed", "completed"),
        ("completed ", "completed"),
        ("Declined", "failed"),
        ("Cancelled", "failed"),
        ("Reversed", "reversed"),
        ("Pending", "pending"),
        ("Surprising", "unknown"),
        (5, "unknown"),
    ],
)
def test_a_status_outside_the_known_words_is_unknown(status, state):
    listed = [{"Key": "TransactionStatus", "Value": status}]
    assert parse_result(result(ResultParameters={"ResultParameter": listed})).state == state


def test_a_failed_status_query_says_nothing_of_the_transaction():
    listed = [{"Key": "TransactionStatus", "Value": "Completed"}]
    assert parse_result(result(ResultCode=2001, ResultParameters={"ResultParameter": listed})).state == "unknown"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"Result": []}',
        result(ConversationID=None),
        result(ConversationID=""),
        result(OriginatorConversationID=5),
        result(ResultCode=None),
        result(ResultCode=True),
        result(ResultDesc=5),
        result(TransactionID="\n"),
        result(ResultParameters=[]),
        result(ResultParameters={}),
        result(ResultParameters={"ResultParameter": ["a"]}),
        result(ResultParameters={"ResultParameter": [{"Value": 1}]}),
        result(ResultParameters={"ResultParameter": [{"Key": "A", "Value": {}}]}),
        result(ResultParameters={"ResultParameter": [{"Key": "A"}] * 201}),
    ],
)
def test_a_misshapen_result_is_refused(body):
    with pytest.raises(ValueError):
        parse_result(body)


def test_an_amount_that_is_none_is_refused_when_asked_for():
    listed = [{"Key": "TransactionAmount", "Value": "ten"}]
    found = parse_result(result(ResultParameters={"ResultParameter": listed}))
    with pytest.raises(ValueError):
        _ = found.amount


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading_but_by_a_value_error(body):
    for read in (parse_result, parse_c2b_confirmation):
        try:
            assert isinstance(read(body), object)
        except ValueError:
            continue


@pytest.mark.parametrize("code", [1, 2, 3, 4, 8, 11, 21, 2001, 2006, 2028, 2040, 8006, "SFC_IC0003"])
def test_a_code_of_the_portal_is_a_failed_payout(code):
    assert classify_b2c_result(code) == classify_b2c_result(str(code)) == "failed"


@pytest.mark.parametrize("code", [None, "", "00", 17, 1037, "500.001.1001", "R000001", -1])
def test_a_code_outside_the_table_is_never_called_failed(code):
    assert classify_b2c_result(code) == "unknown"


def test_nought_is_paid():
    assert classify_b2c_result(0) == classify_b2c_result("0") == "paid"


def test_a_confirmation_is_read():
    found = parse_c2b_confirmation(confirmation())
    assert (found.receipt, found.amount, found.bill_ref_number) == ("RKTQDM7W6S", Decimal("10.00"), "invoice008")
    assert (found.phone, found.shortcode, found.transaction_type) == ("2547 ***** 126", "600638", "Pay Bill")
    assert found.transaction_date.isoformat() == "2019-11-22T06:38:45+03:00"


@pytest.mark.parametrize("phone", ["254708374149", 254708374149, "a" * 64, None])
def test_a_phone_may_be_plain_hashed_or_absent(phone):
    assert parse_c2b_confirmation(confirmation(MSISDN=phone)).phone == str(phone or "")


def test_numbers_may_come_as_numbers():
    found = parse_c2b_confirmation(confirmation(TransAmount=10, BusinessShortCode=600638, TransTime=20191122063845))
    assert (found.amount, found.shortcode) == (10, "600638")


@pytest.mark.parametrize(
    "changes",
    [
        {"TransID": None},
        {"TransID": "a\nb"},
        {"TransAmount": None},
        {"TransAmount": "0.00"},
        {"TransAmount": "-5"},
        {"TransAmount": "1e3"},
        {"BusinessShortCode": None},
        {"BillRefNumber": 5},
        {"TransTime": "today"},
        {"MSISDN": "<script>"},
        {"MSISDN": []},
    ],
)
def test_a_misshapen_confirmation_is_refused(changes):
    with pytest.raises(ValueError):
        parse_c2b_confirmation(confirmation(**changes))


def test_a_result_stays_as_it_was_read():
    found = parse_result(PORTAL_RESULT)
    assert isinstance(found, MpesaResult)
    with pytest.raises(AttributeError):
        found.code = "1"
