import threading

import pytest

from marketcore_simulator.testing import eventually


def share(account, amount, **more):
    return {"account": account["id"], "amount": amount, "currency": "INR", **more}


def transfer(api, payment, *shares):
    return api.post(f"/v1/payments/{payment['id']}/transfers", {"transfers": list(shares)})


def status(api, made):
    return api.get(f"/v1/transfers/{made['id']}").json()["status"]


def processed(api, made):
    eventually(lambda: status(api, made) == "processed")


def balance(http):
    return http.get("/_sim/razorpay/balances").json()["payments"]


# Linked accounts


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "standard"}, "type"),
        ({"email": "nobody"}, "email"),
        ({"phone": "1"}, "phone"),
        ({"legal_business_name": None}, "legal_business_name"),
        ({"business_type": "circus"}, "business_type"),
    ],
)
def test_an_account_that_breaks_a_rule_is_refused_by_field(api, refused, changes, field):
    document = {"type": "route", "email": "s@example.org", "phone": "9000090000", "legal_business_name": "S"}
    answer = api.post("/v2/accounts", {**document, "business_type": "llp", **changes})
    assert refused(answer) == (400, "BAD_REQUEST_ERROR", field)


def test_an_address_has_one_account(api):
    api.account()
    answer = api.post(
        "/v2/accounts",
        {
            "type": "route",
            "email": "seller@example.org",
            "phone": "9000090000",
            "legal_business_name": "S",
            "business_type": "llp",
        },
    )
    assert "already exists" in answer.json()["error"]["description"]


@pytest.mark.parametrize(("script", "ends"), [("ok", "activated"), ("declined", "needs_clarification")])
def test_papers_are_reviewed_and_the_verdict_told(api, told, script, ends):
    account = api.account(activated=False)
    path = f"/v2/accounts/{account['id']}"
    api.post(f"{path}/stakeholders", {"name": "Sam", "email": "sam@example.org"})
    product = api.post(f"{path}/products", {"product_name": "route", "tnc_accepted": True}).json()
    assert product["activation_status"] == "requested"
    api.choose("accounts", script)
    bank = {"account_number": "1234567890", "ifsc_code": "HDFC0000317", "beneficiary_name": "Sam"}
    answer = api.patch(f"{path}/products/{product['id']}", {"settlements": bank})
    assert answer.json()["activation_status"] == "under_review"
    assert told.names(2) == ["product.route.under_review", f"product.route.{ends}"]
    assert api.get(f"{path}/products/{product['id']}").json()["requirements"] == []


def test_without_a_stakeholder_there_is_no_review(api):
    account = api.account(activated=False)
    path = f"/v2/accounts/{account['id']}"
    product = api.post(f"{path}/products", {"product_name": "route", "tnc_accepted": True}).json()
    bank = {"account_number": "1234567890", "ifsc_code": "HDFC0000317", "beneficiary_name": "Sam"}
    answer = api.patch(f"{path}/products/{product['id']}", {"settlements": bank}).json()
    assert answer["activation_status"] == "requested"
    assert answer["requirements"] == [{"field_reference": "stakeholders"}]
    assert api.patch(f"{path}/products/other", {"settlements": bank}).status_code == 400


def test_terms_must_be_accepted(api, refused):
    path = f"/v2/accounts/{api.account(activated=False)['id']}/products"
    assert refused(api.post(path, {"product_name": "route"}))[2] == "tnc_accepted"


def test_an_account_may_be_put_into_any_state(api, http):
    account = api.account()
    http.post(f"/_sim/razorpay/accounts/{account['id']}/suspended").raise_for_status()
    assert api.get(f"/v2/accounts/{account['id']}").json()["status"] == "suspended"
    assert http.post(f"/_sim/razorpay/accounts/{account['id']}/happy").status_code == 404


# Transfers of a payment


def test_a_payment_is_split_between_sellers(api, told):
    one, two = api.account("one@example.org"), api.account("two@example.org")
    payment = api.captured()
    made = transfer(api, payment, share(one, 20_000, notes={"order": "1"}), share(two, 25_000)).json()
    assert [item["recipient"] for item in made["items"]] == [one["id"], two["id"]]
    assert made["items"][0]["notes"] == {"order": "1"}
    for item in made["items"]:
        processed(api, item)
    assert api.get(f"/v1/payments/{payment['id']}/transfers").json()["count"] == 2
    eventually(lambda: told.names(7).count("transfer.processed") == 2)


def test_transfers_never_exceed_what_is_left_of_the_payment(api, refused):
    account, payment = api.account(), api.captured()
    assert transfer(api, payment, share(account, 40_000)).status_code == 200
    answer = transfer(api, payment, share(account, 5_000), share(account, 5_001))
    assert refused(answer) == (400, "BAD_REQUEST_ERROR", "amount")
    api.post(f"/v1/payments/{payment['id']}/refund", {"amount": 8_000})
    assert transfer(api, payment, share(account, 2_001)).status_code == 400
    assert transfer(api, payment, share(account, 2_000)).status_code == 200


def test_transfers_racing_never_exceed_the_payment(api):
    account, payment = api.account(), api.captured()
    threads = [threading.Thread(target=transfer, args=(api, payment, share(account, 20_000))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.get(f"/v1/payments/{payment['id']}/transfers").json()["count"] == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 99}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"account": "acc_none"}, "id"),
        ({"colour": 1}, "colour"),
        ({"on_hold": "yes"}, "on_hold"),
        ({"on_hold_until": "soon"}, "on_hold_until"),
    ],
)
def test_a_transfer_that_breaks_a_rule_is_refused_and_none_is_made(api, refused, changes, field):
    account, payment = api.account(), api.captured()
    assert refused(transfer(api, payment, share(account, 1_000), {**share(account, 1_000), **changes}))[2] == field
    assert api.get("/v1/transfers").json()["count"] == 0


@pytest.mark.parametrize("document", [{}, {"transfers": []}, {"transfers": ["a"]}])
def test_transfers_are_a_list_of_objects(api, refused, document):
    assert refused(api.post(f"/v1/payments/{api.captured()['id']}/transfers", document))[2] == "transfers"


def test_only_activated_accounts_and_captured_payments_take_part(api):
    payment = api.captured()
    assert "not activated" in transfer(api, payment, share(api.account(activated=False), 1_000)).text
    authorized = api.pay(api.order(payment_capture=False))["payment"]
    account = api.account("ready@example.org")
    assert "should be captured" in transfer(api, authorized, share(account, 1_000)).text


def test_an_order_may_ask_for_transfers_when_it_is_paid(api):
    account = api.account()
    order = api.order(transfers=[share(account, 30_000)])
    assert api.get("/v1/transfers").json()["count"] == 0
    payment = api.pay(order)["payment"]
    made = api.get(f"/v1/payments/{payment['id']}/transfers").json()["items"]
    assert [(item["recipient"], item["amount"]) for item in made] == [(account["id"], 30_000)]


def test_a_transfer_may_fail_and_the_money_is_free_again(api, told, http):
    account, payment = api.account(), api.captured()
    before = balance(http)
    api.choose("transfers", "declined")
    made = transfer(api, payment, share(account, 40_000)).json()["items"][0]
    eventually(lambda: status(api, made) == "failed")
    assert balance(http) == before
    assert transfer(api, payment, share(account, 40_000)).status_code == 200


# Direct transfers and reversals


def direct(api, account, amount=10_000, key=None):
    return api.post("/v1/transfers", share(account, amount), {"X-Transfer-Idempotency": key} if key else None)


def test_a_direct_transfer_needs_balance_and_has_a_key(api, http, refused):
    account = api.account()
    assert "enough balance" in direct(api, account).json()["error"]["description"]
    api.captured()
    first, second = (direct(api, account, key="key-1").json() for _ in range(2))
    assert first["id"] == second["id"]
    assert balance(http) == 50_000 - 1180 - 10_000
    assert refused(direct(api, account, 20_000, "key-1"))[2] == "X-Transfer-Idempotency"
    assert refused(direct(api, account, 20_000, "abc"))[2] == "X-Transfer-Idempotency"
    assert direct(api, account).json()["id"] != first["id"]


def test_transfers_of_a_payment_have_no_key(api):
    account, payment = api.account(), api.captured()
    headers = {"X-Transfer-Idempotency": "key-1"}
    path, document = f"/v1/payments/{payment['id']}/transfers", {"transfers": [share(account, 1_000)]}
    first, second = (api.post(path, document, headers).json()["items"][0] for _ in range(2))
    assert first["id"] != second["id"]


def test_a_transfer_is_taken_back_in_parts_and_never_beyond_itself(api, http):
    account, payment = api.account(), api.captured()
    made = transfer(api, payment, share(account, 40_000)).json()["items"][0]
    processed(api, made)
    path = f"/v1/transfers/{made['id']}/reversals"
    assert api.post(path, {"amount": 15_000}).json()["entity"] == "reversal"
    assert status(api, made) == "partially_reversed"
    assert api.post(path, {"amount": 25_001}).status_code == 400
    assert api.post(path).json()["amount"] == 25_000
    assert status(api, made) == "reversed"
    assert api.post(path).status_code == 400
    assert api.get(path).json()["count"] == 2
    assert balance(http) == 50_000 - 1180


def test_a_pending_transfer_cannot_be_taken_back(api, simulator):
    simulator.world.settings.update({"razorpay_settles_after": 60})
    made = transfer(api, api.captured(), share(api.account(), 40_000)).json()["items"][0]
    assert "pending" in api.post(f"/v1/transfers/{made['id']}/reversals").json()["error"]["description"]


def test_a_whole_refund_may_take_every_transfer_back(api):
    account, payment = api.account(), api.captured()
    made = transfer(api, payment, share(account, 20_000), share(account, 20_000)).json()["items"]
    for item in made:
        processed(api, item)
    path = f"/v1/payments/{payment['id']}/refund"
    assert "reverse_all" in api.post(path, {"amount": 10_000, "reverse_all": True}).text
    assert api.post(path, {"reverse_all": True}).status_code == 200
    assert {status(api, item) for item in made} == {"reversed"}


def test_a_transfer_on_hold_is_settled_when_it_is_let_go(api, http):
    made = transfer(api, api.captured(), share(api.account(), 20_000, on_hold=True)).json()["items"][0]
    processed(api, made)
    path = f"/v1/transfers/{made['id']}"
    http.post("/_sim/razorpay/settlements").raise_for_status()
    assert api.get(path).json()["settlement_status"] == "on_hold"
    assert api.patch(path, {"on_hold": False}).json()["settlement_status"] == "pending"
    api.captured(receipt="ORD-2")
    http.post("/_sim/razorpay/settlements").raise_for_status()
    assert api.get(path).json()["settlement_status"] == "settled"
    assert api.patch(path, {"on_hold": True}).status_code == 400


# Settlements


def test_a_settlement_adds_up_and_every_line_is_settled_once(api, http, told):
    account, payment = api.account(), api.captured()
    made = transfer(api, payment, share(account, 20_000)).json()["items"][0]
    processed(api, made)
    refund = api.post(f"/v1/payments/{payment['id']}/refund", {"amount": 5_000}).json()
    eventually(lambda: api.get(f"/v1/refunds/{refund['id']}").json()["status"] == "processed")
    settlement = http.post("/_sim/razorpay/settlements").json()
    assert settlement["amount"] == 50_000 - 1180 - 20_000 - 5_000
    items = recon(api, simulated_month(http))
    assert {item["type"]: item["credit"] - item["debit"] for item in items} == {
        "payment": 48_820,
        "transfer": -20_000,
        "refund": -5_000,
    }
    assert sum(item["credit"] - item["debit"] for item in items) == settlement["amount"]
    assert {item["settlement_id"] for item in items} == {settlement["id"]}
    assert next(item for item in items if item["type"] == "payment")["order_receipt"] == "ORD-1"
    assert balance(http) == 0
    assert http.post("/_sim/razorpay/settlements").status_code == 409
    eventually(lambda: "settlement.processed" in told.names(8))


def simulated_month(http):
    year, month, _ = http.get("/_sim/clock").json()["now"][:10].split("-")
    return int(year), int(month)


def recon(api, month, **query):
    answer = api.get("/v1/settlements/recon/combined", year=month[0], month=month[1], count=100, **query)
    assert answer.status_code == 200
    return answer.json()["items"]


def test_the_reconciliation_list_is_of_one_month_and_paged(api, http, refused):
    for number in range(3):
        api.captured(receipt=f"ORD-{number}")
    http.post("/_sim/razorpay/settlements").raise_for_status()
    month = simulated_month(http)
    assert len(recon(api, month)) == 3
    assert len(recon(api, month, skip=2)) == 1
    assert recon(api, (1999, 1)) == []
    assert refused(api.get("/v1/settlements/recon/combined", year=2026))[2] == "month"
