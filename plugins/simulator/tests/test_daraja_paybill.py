import json

import pytest

from marketcore_simulator.daraja.credentials import SHORTCODE
from marketcore_simulator.testing import CallbackReceiver, eventually

PHONE = "254712345678"
REGISTER = "/mpesa/c2b/v2/registerurl"


def choose(http, operation, script):
    http.post("/_sim/scripts", json={"face": "daraja", "operation": operation, "script": script}).raise_for_status()


def balances(http):
    return http.get("/_sim/daraja/balances").json()


def refusal(answer):
    return answer.status_code, answer.json()["errorCode"], answer.json()["errorMessage"]


# C2B


@pytest.fixture
def register(merchant, receiver):
    def send(**changes):
        document = {
            "ShortCode": SHORTCODE,
            "ResponseType": "Completed",
            "ConfirmationURL": f"{receiver.url}/confirmation",
            "ValidationURL": f"{receiver.url}/validation",
        }
        return merchant.post(REGISTER, {**document, **changes})

    return send


def pay_bill(http, **changes):
    document = {"phone": PHONE, "amount": 5, "bill_ref_number": "ORD-9"}
    return http.post("/_sim/daraja/c2b", json={**document, **changes})


def test_a_paybill_payment_is_confirmed_with_text_values_and_a_masked_phone(http, register, receiver):
    answer = register().json()
    assert set(answer) == {"OriginatorCoversationID", "ResponseCode", "ResponseDescription"}
    made = pay_bill(http).json()
    told = json.loads(eventually(lambda: receiver.calls)[0].body)
    assert receiver.calls[0].path.endswith("/confirmation")
    assert (told["TransAmount"], told["BillRefNumber"], told["MSISDN"]) == ("5.00", "ORD-9", "2547 ***** 678")
    assert told["TransID"] == made["receipt"]
    assert all(isinstance(value, str) for value in told.values())
    assert balances(http)["working"] == 5


def test_urls_may_be_registered_again_unless_the_setting_forbids_it(register, simulator):
    assert [register().status_code, register().status_code] == [200, 200]
    simulator.world.settings.update({"c2b_register_once": True})
    assert refusal(register()) == (500, "500.003.1001", "Urls are already registered")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ShortCode", "600000"),
        ("ResponseType", "Maybe"),
        ("ConfirmationURL", "http://shop.example/c"),
        ("ValidationURL", "https://shop.example/safaricom/v"),
    ],
)
def test_a_registration_that_breaks_a_rule_is_refused_by_name(register, name, value):
    assert refusal(register(**{name: value}))[2] == f"Bad Request - Invalid {name}"


@pytest.mark.parametrize(
    ("answer", "when_silent", "status"),
    [
        (b'{"ResultCode":"0","ResultDesc":"Accepted"}', "Cancelled", 200),
        (b'{"ResultCode":"C2B00012","ResultDesc":"Rejected"}', "Completed", 409),
        (b"no answer that makes sense", "Completed", 200),
        (b"no answer that makes sense", "Cancelled", 409),
    ],
)
def test_validation_decides_and_silence_has_the_registered_effect(
    http, register, receiver, simulator, answer, when_silent, status
):
    simulator.world.settings.update({"c2b_validation": True})
    receiver.answer = answer
    register(ResponseType=when_silent)
    assert pay_bill(http).status_code == status
    assert receiver.calls[0].path.endswith("/validation")
    assert balances(http)["working"] == (5 if status == 200 else 0)


def test_a_dead_shop_is_silent(http, register, simulator):
    simulator.world.settings.update({"c2b_validation": True})
    with CallbackReceiver() as gone:
        url = gone.url
    register(ResponseType="Cancelled", ValidationURL=url)
    assert pay_bill(http).status_code == 409


@pytest.mark.parametrize("change", [{"amount": 0}, {"amount": "5"}, {"phone": "0712345678"}, {"bill_ref_number": ""}])
def test_a_paybill_payment_that_cannot_be_is_refused(http, change):
    assert pay_bill(http, **change).status_code == 400


def test_a_registration_can_fail_like_any_request(http, register):
    choose(http, "c2b_register", "http_429")
    assert refusal(register())[:2] == (429, "500.003.03")


@pytest.mark.parametrize(("script", "count"), [("dup_callback(2)", 3), ("no_callback", 0)])
def test_a_confirmation_may_be_repeated_or_lost(http, register, receiver, script, count):
    register()
    choose(http, "c2b", script)
    pay_bill(http)
    pay_bill(http, bill_ref_number="ORD-10")
    eventually(lambda: len(receiver.calls) == count + 1)
    assert [json.loads(call.body)["BillRefNumber"] for call in receiver.calls].count("ORD-9") == count


# Pull


def test_pulled_transactions_are_registered_for_once_and_paged_by_offset(http, merchant, register, simulator):
    simulator.world.settings.update({"pull_page": 2})
    registration = {
        "ShortCode": SHORTCODE,
        "RequestType": "Pull",
        "NominatedNumber": PHONE,
        "CallBackURL": "https://shop.example/pay/cb/0a",
    }
    statuses = [merchant.post("/pulltransactions/v1/register", registration).json()["ResponseStatus"] for _ in range(2)]
    assert statuses == ["1000", "1001"]
    for number in range(3):
        pay_bill(http, bill_ref_number=f"ORD-{number}").raise_for_status()
    first, second, third = (pull(merchant, offset).json() for offset in ("0", "2", "4"))
    rows = first["Response"][0] + second["Response"][0]
    assert [row["billreference"] for row in rows] == ["ORD-0", "ORD-1", "ORD-2"]
    assert rows[0]["amount"] == "5.00"
    assert third["ResponseCode"] == "1001"


def pull(merchant, offset="0", since="2000-01-01 00:00:00"):
    document = {"ShortCode": SHORTCODE, "StartDate": since, "EndDate": "2999-01-01 00:00:00", "OffSetValue": offset}
    return merchant.post("/pulltransactions/v1/query", document)


def test_pull_reaches_back_48_hours(http, merchant, simulator):
    registration = {"ShortCode": SHORTCODE, "RequestType": "Pull", "NominatedNumber": PHONE}
    merchant.post("/pulltransactions/v1/register", {**registration, "CallBackURL": "https://shop.example/pay/cb/0a"})
    pay_bill(http)
    assert pull(merchant).json()["ResponseCode"] == "1000"
    assert pull(merchant, since="2900-01-01 00:00:00").json()["ResponseCode"] == "1001"
    simulator.world.shift_clock(48 * 3600 + 1)
    merchant.token = merchant.fetch_token().json()["access_token"]
    assert pull(merchant).json()["ResponseCode"] == "1001"


@pytest.mark.parametrize(("since", "offset"), [("yesterday", "0"), ("2000-01-01 00:00:00", "-1")])
def test_a_pull_that_breaks_a_rule_is_refused(merchant, since, offset):
    assert pull(merchant, offset, since).status_code == 400


# The handset


def test_the_handset_shows_money_received_and_takes_a_paybill_payment(http, pay, receiver):
    pay()
    eventually(lambda: receiver.calls)
    form = {"phone": PHONE, "bill_ref_number": "<ORD-9>", "amount": "75"}
    answer = http.post("/handset/paybill", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/handset")
    page = http.get("/handset").text
    assert "received from the shop" in page
    assert "KES 75" in page
    assert "&lt;ORD-9&gt;" in page
    assert http.post("/handset/paybill", data={**form, "amount": "many"}).status_code == 400


def test_a_declined_paybill_payment_shows_no_money(http, register, receiver, simulator):
    simulator.world.settings.update({"c2b_validation": True})
    receiver.answer = b'{"ResultCode":"C2B00011"}'
    register()
    form = {"phone": PHONE, "bill_ref_number": "ORD-9", "amount": "75"}
    assert http.post("/handset/paybill", data=form).status_code == 303
    assert "KES 75" not in http.get("/handset").text


def test_reset_forgets_the_back_office(http, pay, register, receiver):
    register()
    pay()
    eventually(lambda: receiver.calls)
    http.post("/_sim/reset").raise_for_status()
    assert http.get("/_sim/daraja/payouts").json()["items"] == []
    assert balances(http) == {"utility": 1_000_000, "working": 0}
    pay_bill(http)
    assert len(receiver.calls) == 1
