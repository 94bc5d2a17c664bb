"""The official SDK against the simulator: what it calls exists, and what it reads is there."""

from datetime import UTC, datetime, timedelta

import pytest
import razorpay
import requests
from razorpay.errors import BadRequestError, ServerError, SignatureVerificationError

from marketcore_simulator.razorpay.credentials import KEY_ID, PAYOUT_ACCOUNT_NUMBER, WEBHOOK_SECRET
from marketcore_simulator.testing import eventually

# Members shown in the gateway's documentation (api/orders, api/payments, api/refunds, api/payments/route).
ORDER = {"id", "entity", "amount", "amount_paid", "amount_due", "currency", "receipt", "status", "attempts", "notes"}
PAYMENT = {"id", "entity", "amount", "currency", "status", "order_id", "method", "amount_refunded", "captured", "email"}
REFUND = {"id", "entity", "amount", "currency", "payment_id", "receipt", "status", "speed_requested", "speed_processed"}
TRANSFER = {"id", "entity", "source", "recipient", "amount", "currency", "amount_reversed", "on_hold", "status"}


def order(sdk, amount=50_000, **more):
    return sdk.order.create({"amount": amount, "currency": "INR", "receipt": "ORD-1", **more})


def test_an_order_is_created_fetched_and_found_by_its_receipt(sdk):
    made = order(sdk, notes={"attempt": "7"})
    assert set(made) >= ORDER
    assert (made["status"], made["amount_due"], made["notes"]) == ("created", 50_000, {"attempt": "7"})
    assert sdk.order.fetch(made["id"]) == made
    order(sdk, receipt="ORD-2")
    assert sdk.order.all({"receipt": "ORD-1"})["items"] == [made]
    assert sdk.order.all()["count"] == 2


def test_a_payment_is_found_by_its_order_and_its_callback_verifies(sdk, api):
    made = order(sdk)
    brought = api.pay(made)
    found = sdk.order.payments(made["id"])
    assert [payment["id"] for payment in found["items"]] == [brought["payment"]["id"]]
    assert set(found["items"][0]) >= PAYMENT
    assert sdk.payment.fetch(brought["payment"]["id"])["status"] == "captured"
    assert sdk.order.fetch(made["id"])["status"] == "paid"
    assert sdk.utility.verify_payment_signature(brought["callback"])


def test_a_tampered_callback_does_not_verify(sdk, api):
    api.choose("pay", "tampered_signature")
    brought = api.pay(order(sdk))
    with pytest.raises(SignatureVerificationError):
        sdk.utility.verify_payment_signature(brought["callback"])


def test_a_callback_about_another_order_verifies_only_with_what_it_claims(sdk, api):
    made = order(sdk)
    api.choose("pay", "tampered_order")
    brought = api.pay(made)["callback"]
    assert brought["razorpay_order_id"] != made["id"]
    assert sdk.utility.verify_payment_signature(brought)
    with pytest.raises(SignatureVerificationError):
        sdk.utility.verify_payment_signature({**brought, "razorpay_order_id": made["id"]})


def test_an_authorized_payment_is_captured_by_the_sdk(sdk, api):
    api.choose("pay", "authorized_only")
    payment = api.pay(order(sdk))["payment"]
    assert payment["status"] == "authorized"
    assert sdk.payment.capture(payment["id"], 50_000, {"currency": "INR"})["status"] == "captured"


def test_a_refund_is_made_with_its_key_and_listed(sdk, api):
    payment = api.captured()
    headers = {"X-Refund-Idempotency": "refund-0001"}
    first = sdk.payment.refund(payment["id"], {"amount": 20_000}, headers=dict(headers))
    assert set(first) >= REFUND
    assert sdk.payment.refund(payment["id"], {"amount": 20_000}, headers=dict(headers)) == first
    assert sdk.payment.fetch_multiple_refund(payment["id"])["count"] == 1
    assert sdk.payment.fetch_refund_id(payment["id"], first["id"])["id"] == first["id"]
    assert sdk.refund.fetch(first["id"])["payment_id"] == payment["id"]
    assert sdk.refund.all()["count"] == 1


def test_a_seller_is_taken_in_paid_and_asked_back(sdk, api):
    seller = sdk.account.create(
        {
            "type": "route",
            "email": "seller@example.org",
            "phone": "9000090000",
            "legal_business_name": "Seller and Sons",
            "business_type": "individual",
        }
    )
    assert sdk.account.fetch(seller["id"])["type"] == "route"
    sdk.stakeholder.create(seller["id"], {"name": "Sam", "email": "sam@example.org"})
    product = sdk.product.requestProductConfiguration(seller["id"], {"product_name": "route", "tnc_accepted": True})
    bank = {"account_number": "1234567890", "ifsc_code": "HDFC0000317", "beneficiary_name": "Sam"}
    sdk.product.edit(seller["id"], product["id"], {"settlements": bank, "tnc_accepted": True})
    activated(sdk, seller, product)
    payment = api.captured()
    share = {"account": seller["id"], "amount": 30_000, "currency": "INR"}
    made = sdk.payment.transfer(payment["id"], {"transfers": [share]})["items"][0]
    assert set(made) >= TRANSFER
    assert sdk.payment.transfers(payment["id"])["items"][0]["id"] == made["id"]
    processed(sdk, made)
    assert sdk.transfer.reverse(made["id"], {"amount": 10_000})["amount"] == 10_000
    assert sdk.transfer.fetch(made["id"])["status"] == "partially_reversed"
    assert sdk.transfer.reversals(made["id"])["count"] == 1


def activated(sdk, seller, product):
    eventually(lambda: sdk.product.fetch(seller["id"], product["id"])["activation_status"] == "activated")


def processed(sdk, transfer):
    eventually(lambda: sdk.transfer.fetch(transfer["id"])["status"] == "processed")


def test_a_payout_goes_through_the_plain_post_of_the_sdk(sdk):
    contact = sdk.post("/v1/contacts", {"name": "Seller"})
    account = {"contact_id": contact["id"], "account_type": "vpa", "vpa": {"address": "seller@upi"}}
    payee = sdk.post("/v1/fund_accounts", account)
    document = {
        "account_number": PAYOUT_ACCOUNT_NUMBER,
        "fund_account_id": payee["id"],
        "amount": 10_000,
        "currency": "INR",
        "mode": "UPI",
        "purpose": "payout",
    }
    made = sdk.post("/v1/payouts", document, headers={"X-Payout-Idempotency": "payout-1"})
    assert made["status"] == "processing"
    with pytest.raises(BadRequestError, match="X-Payout-Idempotency"):
        sdk.post("/v1/payouts", document)


def test_the_reconciliation_list_is_read(sdk, api, http):
    payment = api.captured()
    made = http.post("/_sim/razorpay/settlements").json()
    assert sdk.settlement.fetch(made["id"])["amount"] == made["amount"]
    assert sdk.settlement.all()["count"] == 1
    items = sdk.settlement.report(india_month(made["created_at"]))["items"]
    assert [item["entity_id"] for item in items] == [payment["id"]]


def india_month(seconds):
    at = datetime.fromtimestamp(seconds, UTC) + timedelta(hours=5, minutes=30)
    return {"year": at.year, "month": at.month}


def test_a_webhook_verifies_with_the_sdk(sdk, api, told):
    api.captured()
    call = told.calls(3)[0]
    signature = call.headers["x-razorpay-signature"]
    assert sdk.utility.verify_webhook_signature(call.body.decode(), signature, WEBHOOK_SECRET)
    with pytest.raises(SignatureVerificationError):
        sdk.utility.verify_webhook_signature(call.body.decode(), signature, "other")


def test_errors_are_the_ones_the_sdk_knows(sdk, api):
    with pytest.raises(BadRequestError, match="at least 100"):
        order(sdk, amount=99)
    with pytest.raises(BadRequestError, match="does not exist"):
        sdk.order.fetch("order_none")
    api.choose("orders", "http_500")
    with pytest.raises(ServerError):
        order(sdk)


def test_wrong_keys_are_refused(simulator):
    with requests.Session() as session:
        session.trust_env = False
        stranger = razorpay.Client(session=session, auth=(KEY_ID, "wrong"), base_url=simulator.razorpay_url)
        with pytest.raises(BadRequestError, match="Authentication failed"):
            stranger.order.all()


def test_the_sdk_told_to_retry_makes_a_second_order_out_of_a_lost_answer(sdk, api, capsys):
    api.choose("orders", "drop_after")
    sdk.enable_retry(True)
    sdk.initial_delay = 0.01
    order(sdk)
    assert sdk.order.all({"receipt": "ORD-1"})["count"] == 2
    assert "Retrying" in capsys.readouterr().out
