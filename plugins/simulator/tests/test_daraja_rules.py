import pytest


def error_code(response):
    return response.status_code, response.json()["errorCode"]


def test_a_token_comes_for_basic_credentials_with_its_lifetime_as_text(merchant):
    answer = merchant.fetch_token().json()
    assert len(answer["access_token"]) == 28
    assert answer["expires_in"] == "3599"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"secret": "wrong"}, "400.008.01"),
        ({"key": "wrong"}, "400.008.01"),
        ({"grant": "password"}, "400.008.02"),
    ],
)
def test_a_token_is_refused_to_others(merchant, arguments, code):
    assert error_code(merchant.fetch_token(**arguments)) == (400, code)


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Bearer abc"])
def test_a_broken_authorization_header_gets_no_token(http, header):
    answer = http.get(
        "/daraja/oauth/v1/generate",
        params={"grant_type": "client_credentials"},
        headers={"Authorization": header},
    )
    assert error_code(answer) == (400, "400.008.01")


def test_an_unknown_path_and_a_wrong_method_are_daraja_errors(http):
    assert error_code(http.get("/daraja/mpesa/other")) == (404, "404.001.01")
    assert error_code(http.get("/daraja/mpesa/stkpush/v1/processrequest")) == (405, "405.001")


def test_calls_need_a_token_that_is_good_now(http, merchant, simulator):
    assert error_code(http.post("/daraja/mpesa/stkpush/v1/processrequest")) == (404, "404.001.04")
    assert error_code(merchant.post("/mpesa/stkpush/v1/processrequest", {}, "other")) == (404, "404.001.03")
    assert error_code(merchant.push(Amount=0)) == (400, "400.002.02")
    simulator.world.shift_clock(3600)
    assert error_code(merchant.push()) == (404, "404.001.03")
    assert error_code(merchant.query("ws_CO_1")) == (404, "404.001.03")


def test_revoked_tokens_are_refused(http, merchant):
    http.post("/_sim/daraja/tokens/revoke").raise_for_status()
    assert error_code(merchant.push()) == (404, "404.001.03")


def test_a_good_push_is_accepted_whichever_json_types_it_uses(merchant, simulator):
    simulator.world.settings.update({"one_prompt_per_phone": False})
    for changes in ({}, {"Amount": "100"}, {"BusinessShortCode": "174379"}, {"PartyA": 254712345678}):
        answer = merchant.push(**changes).json()
        assert answer["ResponseCode"] == "0"
        assert answer["CheckoutRequestID"].startswith("ws_CO_")


def test_the_description_is_the_only_optional_field(merchant, missing):
    assert merchant.push(TransactionDesc=missing).status_code == 200
    for name in (
        "BusinessShortCode",
        "Password",
        "Timestamp",
        "TransactionType",
        "Amount",
        "PartyA",
        "PartyB",
    ):
        assert merchant.push(**{name: missing}).json()["errorMessage"] == f"Bad Request - Invalid {name}"
    for name in ("PhoneNumber", "CallBackURL", "AccountReference"):
        assert merchant.push(**{name: missing}).json()["errorMessage"] == f"Bad Request - Invalid {name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BusinessShortCode", "1743"),
        ("BusinessShortCode", True),
        ("Timestamp", "20261302013000"),
        ("Timestamp", "2026-03-02 01:30"),
        ("TransactionType", "CustomerPayBill"),
        ("Amount", "1.5"),
        ("Amount", 1.0),
        ("Amount", 0),
        ("Amount", -5),
        ("Amount", 250_001),
        ("Amount", True),
        ("PartyA", "0712345678"),
        ("PhoneNumber", "254812345678"),
        ("PhoneNumber", "+254712345678"),
        ("PhoneNumber", "25471234567"),
        ("PartyB", "shop"),
        ("AccountReference", ""),
        ("AccountReference", "R" * 13),
        ("TransactionDesc", "d" * 14),
        ("CallBackURL", "http://shop.example/pay/cb/0a1b"),
        ("CallBackURL", "https://Shop.example/pay/cb/0a1b"),
        ("CallBackURL", "https://shop.example/mpesa/cb"),
        ("CallBackURL", "https://shop.example/M-PESA/cb"),
        ("CallBackURL", "https://shop.example/cb?q=SQL"),
        ("CallBackURL", "https://shop.example/executed"),
        ("CallBackURL", "shop.example/pay"),
        ("CallBackURL", "https://shop.example:port/"),
        ("CallBackURL", "https:///pay"),
        ("CallBackURL", 5),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(merchant, simulator, name, value):
    answer = merchant.push(**{name: value})
    assert error_code(answer) == (400, "400.002.02")
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {name}"
    assert simulator.app.daraja.desk.prompts.all() == []


@pytest.mark.parametrize("phone", ["254712345678", "254112345678"])
@pytest.mark.parametrize("amount", [1, 250_000])
def test_the_edges_of_the_rules_are_accepted(merchant, phone, amount):
    answer = merchant.push(PhoneNumber=phone, Amount=amount, AccountReference="R" * 12, TransactionDesc="d" * 13)
    assert answer.status_code == 200


def test_a_body_that_is_no_object_is_a_bad_payload(merchant):
    assert error_code(merchant.post("/mpesa/stkpush/v1/processrequest", [1])) == (400, "400.002.05")


def test_the_password_is_recomputed_and_the_merchant_known(merchant):
    wrong = merchant.push(Password="d3Jvbmc=")
    assert error_code(wrong) == (500, "500.001.1001")
    assert wrong.json()["errorMessage"] == "Wrong credentials"
    assert merchant.push(Timestamp="20260302013001").json()["errorMessage"] == "Wrong credentials"
    assert merchant.push(BusinessShortCode=600000).json()["errorMessage"] == "Merchant does not exist"


def test_a_query_is_checked_like_a_push(merchant):
    assert error_code(merchant.query("")) == (400, "400.002.02")
    assert error_code(merchant.query("ws_CO_1", Password="d3Jvbmc=")) == (500, "500.001.1001")
    assert merchant.query("ws_CO_1").json()["errorMessage"] == "The transaction does not Exist"


def test_a_pay_bill_order_for_another_receiver_fails_with_2028(merchant):
    pushed = merchant.push(PartyB="600000").json()
    assert merchant.query(pushed["CheckoutRequestID"]).json()["ResultCode"] == "2028"


def test_a_till_may_differ_from_the_shortcode(merchant):
    pushed = merchant.push(PartyB="600000", TransactionType="CustomerBuyGoodsOnline").json()
    assert merchant.query(pushed["CheckoutRequestID"]).json()["ResultCode"] == "4999"
