import json
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcore_payments_mpesa.numbers import (
    NAIROBI,
    StkCallback,
    classify_result,
    normalise_msisdn,
    parse_stk_callback,
)

SUCCESS = (
    b'{"Body":{"stkCallback":{"MerchantRequestID":"29115-1","CheckoutRequestID":"ws_CO_1","ResultCode":0,'
    b'"ResultDesc":"done","CallbackMetadata":{"Item":[{"Name":"Amount","Value":1.00},'
    b'{"Name":"MpesaReceiptNumber","Value":"NLJ7RT61SV"},{"Name":"Balance"},'
    b'{"Name":"TransactionDate","Value":20191219102115},{"Name":"PhoneNumber","Value":254708374149}]}}}}'
)

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANY_JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
ITEM_NAMES = st.sampled_from(["Amount", "MpesaReceiptNumber", "TransactionDate", "PhoneNumber", "Balance"])
ITEMS = st.lists(st.fixed_dictionaries({"Name": ITEM_NAMES | ANY_JSON}, optional={"Value": ANY_JSON}))
NEARLY_CALLBACKS = st.fixed_dictionaries(
    {
        "Body": st.fixed_dictionaries(
            {
                "stkCallback": st.fixed_dictionaries(
                    {
                        "MerchantRequestID": st.just("m") | ANY_JSON,
                        "CheckoutRequestID": st.just("c") | ANY_JSON,
                        "ResultCode": st.just(0) | ANY_JSON,
                    },
                    optional={
                        "ResultDesc": ANY_JSON,
                        "CallbackMetadata": ANY_JSON | st.fixed_dictionaries({"Item": ITEMS | ANY_JSON}),
                    },
                )
            }
        )
    }
)


def callback(**changes):
    report = {
        "MerchantRequestID": "m",
        "CheckoutRequestID": "c",
        "ResultCode": 0,
        "ResultDesc": "d",
        **changes,
    }
    return json.dumps({"Body": {"stkCallback": report}}).encode()


def with_items(*items):
    return callback(CallbackMetadata={"Item": list(items)})


def test_a_success_is_read_by_name_with_an_exact_amount_and_nairobi_time():
    assert parse_stk_callback(SUCCESS) == StkCallback(
        checkout_request_id="ws_CO_1",
        merchant_request_id="29115-1",
        result_code="0",
        result_desc="done",
        amount=Decimal("1.00"),
        receipt="NLJ7RT61SV",
        phone="254708374149",
        transaction_date=datetime(2019, 12, 19, 10, 21, 15, tzinfo=NAIROBI),
    )


def test_an_amount_no_float_can_hold_stays_exact():
    body = with_items({"Name": "Amount", "Value": "@"}).replace(b'"@"', b"0.1000")
    assert str(parse_stk_callback(body).amount) == "0.1000"


def test_the_order_of_items_does_not_matter():
    items = [{"Name": "PhoneNumber", "Value": 254708374149}, {"Name": "Amount", "Value": 7}]
    assert parse_stk_callback(with_items(*items)) == parse_stk_callback(with_items(*reversed(items)))


def test_a_failure_carries_no_metadata():
    read = parse_stk_callback(callback(ResultCode=1032))
    assert (read.result_code, read.amount, read.receipt, read.phone) == ("1032", None, None, None)


@pytest.mark.parametrize("code", [1032, "1032"])
def test_a_result_code_reads_the_same_as_a_number_and_as_text(code):
    assert parse_stk_callback(callback(ResultCode=code)).result_code == "1032"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "Expecting value"),
        (b"\xff", "utf-8"),
        (b"[]", "the callback is not a JSON object"),
        (b"{}", "Body is not"),
        (b'{"Body":{}}', "stkCallback is not"),
        (callback(CheckoutRequestID=None), "CheckoutRequestID"),
        (callback(CheckoutRequestID="c\x00"), "CheckoutRequestID"),
        (callback(MerchantRequestID=""), "MerchantRequestID"),
        (callback(ResultCode=True), "ResultCode"),
        (callback(ResultCode=0.0), "ResultCode"),
        (callback(ResultDesc=5), "ResultDesc"),
        (callback(CallbackMetadata=[]), "CallbackMetadata"),
        (callback(CallbackMetadata={}), "Item"),
        (with_items("Amount"), "Name"),
        (with_items({"Name": "Amount", "Value": [1]}), "Amount"),
        (with_items({"Name": "Amount", "Value": -1}), "Amount"),
        (with_items({"Name": "Amount", "Value": True}), "Amount"),
        (with_items({"Name": "Amount", "Value": "1e3"}), "Amount"),
        (
            with_items({"Name": "Amount", "Value": 1}, {"Name": "Amount", "Value": 2}),
            "two values for 'Amount'",
        ),
        (with_items({"Name": "Amount", "Value": float("nan")}), "NaN"),
        (with_items({"Name": "Amount", "Value": "@"}).replace(b'"@"', b"1e99999999999999999999"), "read"),
        (with_items({"Name": "TransactionDate", "Value": 20191319102115}), "TransactionDate"),
        (with_items({"Name": "TransactionDate", "Value": "today"}), "TransactionDate"),
        (with_items({"Name": "PhoneNumber", "Value": 1.5}), "PhoneNumber"),
        (b"[" * 100_000, "RecursionError"),
    ],
)
def test_a_misshapen_callback_is_refused_by_name(body, named):
    with pytest.raises(ValueError, match=named):
        parse_stk_callback(body)


@given(document=ANY_JSON | NEARLY_CALLBACKS)
def test_any_json_is_read_or_refused_with_value_error(document):
    try:
        read = parse_stk_callback(json.dumps(document).encode())
    except ValueError:
        return
    assert isinstance(read.result_code, str)
    assert read.amount is None or read.amount.is_finite()


@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused_with_value_error(body):
    with pytest.raises(ValueError):
        parse_stk_callback(body)


@pytest.mark.parametrize(
    ("outcome", "codes"),
    [
        ("paid", ["0", 0]),
        ("failed", [1, 2, 3, 4, 8, 17, 1001, 1025, 1037, 2001, 2028, 8006, 9999, "SFC_IC0003"]),
        ("cancelled", ["1032", 1032]),
        ("expired", ["1019"]),
        ("pending", ["4999", 4999]),
        ("unknown", [None, "", "00", " 0", "-0", "0.0", 5, "C2B00011", "4998"]),
    ],
)
def test_result_codes_mean_what_the_table_says_and_nothing_else_is_a_failure(outcome, codes):
    assert {classify_result(code) for code in codes} == {outcome}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0712345678", "254712345678"),
        ("0112345678", "254112345678"),
        ("+254712345678", "254712345678"),
        ("254112345678", "254112345678"),
        (" 0712 345-678 ", "254712345678"),
    ],
)
def test_kenyan_numbers_are_normalised(written, meant):
    assert normalise_msisdn(written) == meant


@pytest.mark.parametrize(
    "written", ["", "712345678", "0812345678", "07123456789", "+255712345678", "00254712345678", "٠٧١٢٣٤٥٦٧٨"]
)
def test_other_numbers_are_refused(written):
    with pytest.raises(ValueError, match="not a Kenyan mobile number"):
        normalise_msisdn(written)
