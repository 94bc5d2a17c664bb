import threading

import httpx
import pytest

from marketcore_simulator.razorpay.payouts import MOVES
from marketcore_simulator.testing import eventually


def status(api, made):
    return api.get(f"/v1/payouts/{made['id']}").json()["status"]


def balance(http):
    return http.get("/_sim/razorpay/balances").json()["payouts"]


def test_a_payout_is_processed_with_a_bank_reference_and_told(api, http, told):
    made = api.payout(api.payee()).json()
    assert (made["status"], made["utr"]) == ("processing", None)
    eventually(lambda: status(api, made) == "processed")
    assert told.names(2) == ["payout.initiated", "payout.processed"]
    assert api.get(f"/v1/payouts/{made['id']}").json()["utr"]
    assert balance(http) == 10_000_000 - 10_000


@pytest.mark.parametrize(("key", "said"), [(None, "mandatory"), ("abc", "must be"), ("a b c d", "must be")])
def test_a_payout_needs_a_key(api, key, said):
    answer = api.payout(api.payee(), key=key)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["description"]


def test_one_key_is_one_payout(api, http, refused):
    payee = api.payee()
    first, second = api.payout(payee).json(), api.payout(payee).json()
    assert first["id"] == second["id"]
    assert refused(api.payout(payee, amount=20_000)) == (400, "BAD_REQUEST_ERROR", "X-Payout-Idempotency")
    assert api.get("/v1/payouts", account_number="2323230000000001").json()["count"] == 1
    assert balance(http) == 10_000_000 - 10_000


def test_requests_racing_under_one_key_make_one_payout(api, http):
    payee, barrier, answers = api.payee(), threading.Barrier(5), []

    def race():
        barrier.wait()
        answers.append(api.payout(payee).status_code)

    threads = [threading.Thread(target=race) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 409}
    assert balance(http) == 10_000_000 - 10_000


@pytest.mark.parametrize(("script", "made"), [("drop_before", 0), ("drop_after", 1)])
def test_a_lost_answer_is_made_good_by_asking_again_under_the_key(api, http, script, made):
    payee = api.payee()
    api.choose("payouts", script)
    with pytest.raises(httpx.RemoteProtocolError):
        api.payout(payee)
    assert api.get("/v1/payouts", account_number="2323230000000001").json()["count"] == made
    assert api.payout(payee).status_code == 200
    assert balance(http) == 10_000_000 - 10_000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 99}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"mode": "NEFT"}, "mode"),
        ({"purpose": "gift"}, "purpose"),
        ({"reference_id": "R" * 41}, "reference_id"),
        ({"narration": "n" * 31}, "narration"),
        ({"account_number": "1"}, "account_number"),
        ({"fund_account_id": "fa_none"}, "id"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_payout_that_breaks_a_rule_is_refused_by_field(api, http, refused, changes, field):
    assert refused(api.payout(api.payee(), **changes)) == (400, "BAD_REQUEST_ERROR", field)
    assert balance(http) == 10_000_000


def test_payouts_are_found_by_our_reference(api, refused):
    payee = api.payee()
    api.payout(payee)
    api.payout(payee, "payout-key-2", reference_id="PO-2")
    found = api.get("/v1/payouts", account_number="2323230000000001", reference_id="PO-2").json()["items"]
    assert [made["reference_id"] for made in found] == ["PO-2"]
    assert refused(api.get("/v1/payouts"))[2] == "account_number"


# Too little money


def test_too_little_money_is_refused_or_queued_and_paid_when_it_comes(api, http, told):
    payee = api.payee()
    http.post("/_sim/razorpay/balances", json={"payouts": 5_000}).raise_for_status()
    assert "enough balance" in api.payout(payee).json()["error"]["description"]
    made = api.payout(payee, queue_if_low_balance=True, amount=6_000).json()
    assert (made["status"], balance(http)) == ("queued", 5_000)
    http.post("/_sim/razorpay/balances", json={"payouts": 6_000}).raise_for_status()
    eventually(lambda: status(api, made) == "processed")
    assert balance(http) == 0
    assert told.names(3) == ["payout.queued", "payout.initiated", "payout.processed"]


def test_a_queued_payout_may_be_cancelled_and_no_other(api, http):
    payee = api.payee()
    http.post("/_sim/razorpay/balances", json={"payouts": 0}).raise_for_status()
    made = api.payout(payee, queue_if_low_balance=True).json()
    assert api.post(f"/v1/payouts/{made['id']}/cancel").json()["status"] == "cancelled"
    assert api.post(f"/v1/payouts/{made['id']}/cancel").status_code == 400
    http.post("/_sim/razorpay/balances", json={"payouts": 100_000}).raise_for_status()
    assert (status(api, made), balance(http)) == ("cancelled", 100_000)


@pytest.mark.parametrize("amount", [-1, 1.5, None, True])
def test_a_balance_is_whole_paise(http, amount):
    assert http.post("/_sim/razorpay/balances", json={"payouts": amount}).status_code == 400


# The course of a payout


@pytest.mark.parametrize(("script", "ends"), [("declined", "reversed"), ("pending_then_failed", "failed")])
def test_a_payout_may_fail_and_its_money_returns(api, http, told, script, ends):
    api.choose("payouts", script)
    made = api.payout(api.payee()).json()
    eventually(lambda: status(api, made) == ends)
    assert balance(http) == 10_000_000
    assert told.names(2)[1] == f"payout.{ends}"
    assert api.get(f"/v1/payouts/{made['id']}").json()["failure_reason"]


def test_a_processed_payout_may_be_reversed_days_later(api, http, told, simulator):
    api.choose("payouts", "late_reversed")
    made = api.payout(api.payee()).json()
    eventually(lambda: status(api, made) == "processed")
    eventually(lambda: told.names(2))
    simulator.world.shift_clock(61)
    eventually(lambda: status(api, made) == "reversed")
    assert told.names(3)[2] == "payout.reversed"
    assert balance(http) == 10_000_000


def test_a_payout_may_wait_for_approval(api, http, simulator):
    simulator.world.settings.update({"razorpay_settles_after": 60})
    api.choose("payouts", "pending_then_succeeded")
    made = api.payout(api.payee()).json()
    assert (made["status"], balance(http)) == ("pending", 10_000_000)
    simulator.world.shift_clock(61)
    eventually(lambda: status(api, made) == "processing")


def test_a_payout_may_be_rejected_by_hand(api, http, simulator):
    simulator.world.settings.update({"razorpay_settles_after": 60})
    api.choose("payouts", "pending_then_succeeded")
    made = api.payout(api.payee()).json()
    assert http.post(f"/_sim/razorpay/payouts/{made['id']}/rejected").json()["status"] == "rejected"
    assert http.post(f"/_sim/razorpay/payouts/{made['id']}/processed").status_code == 409


def test_every_move_leads_to_a_known_state_and_the_last_states_lead_nowhere():
    assert {state for states in MOVES.values() for state in states} <= set(MOVES)
    assert {state for state, states in MOVES.items() if not states} == {"rejected", "cancelled", "reversed", "failed"}


def test_a_script_may_be_bound_to_the_address_that_is_paid(api, http):
    document = {"face": "razorpay", "ending": "@closed", "script": "declined"}
    http.post("/_sim/magic", json=document).raise_for_status()
    made = api.payout(api.payee("seller@closed")).json()
    eventually(lambda: status(api, made) == "reversed")


# Payees


def test_a_bank_account_is_paid_by_its_own_modes(api, refused):
    contact = api.post("/v1/contacts", {"name": "Seller", "reference_id": "seller-1"}).json()
    bank = {"name": "Seller", "ifsc": "HDFC0000317", "account_number": "1234567890"}
    document = {"contact_id": contact["id"], "account_type": "bank_account", "bank_account": bank}
    payee = api.post("/v1/fund_accounts", document).json()
    assert payee["bank_account"] == bank
    assert api.payout(payee, mode="IMPS").status_code == 200
    assert refused(api.payout(payee, "payout-key-2"))[2] == "mode"
    assert api.post("/v1/fund_accounts", document).json()["id"] == payee["id"]
    assert api.get(f"/v1/fund_accounts/{payee['id']}").json() == payee
    assert api.get(f"/v1/contacts/{contact['id']}").json() == contact


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contact_id": "cont_none"}, "id"),
        ({"account_type": "card"}, "account_type"),
        ({"vpa": None}, "vpa"),
        ({"vpa": {"address": "nobody"}}, "address"),
        ({"account_type": "bank_account", "bank_account": {"name": "S", "ifsc": "bad"}}, "ifsc"),
    ],
)
def test_a_fund_account_that_breaks_a_rule_is_refused_by_field(api, refused, changes, field):
    contact = api.post("/v1/contacts", {"name": "Seller"}).json()
    document = {"contact_id": contact["id"], "account_type": "vpa", "vpa": {"address": "seller@upi"}}
    assert refused(api.post("/v1/fund_accounts", {**document, **changes}))[2] == field


@pytest.mark.parametrize(("document", "field"), [({}, "name"), ({"name": "S", "type": "friend"}, "type")])
def test_a_contact_that_breaks_a_rule_is_refused_by_field(api, refused, document, field):
    assert refused(api.post("/v1/contacts", document))[2] == field


def test_contacts_and_fund_accounts_are_found_by_whose_they_are(api):
    for reference in ("payee-1", "payee-2"):
        contact = api.post("/v1/contacts", {"name": "Seller", "reference_id": reference}).json()
        vpa = {"address": f"{reference}@upi"}
        api.post("/v1/fund_accounts", {"contact_id": contact["id"], "account_type": "vpa", "vpa": vpa})
    found = api.get("/v1/contacts", reference_id="payee-1").json()
    assert [contact["reference_id"] for contact in found["items"]] == ["payee-1"]
    accounts = api.get("/v1/fund_accounts", contact_id=found["items"][0]["id"]).json()
    assert [account["vpa"]["address"] for account in accounts["items"]] == ["payee-1@upi"]
    assert api.get("/v1/contacts", reference_id="payee-3").json()["items"] == []
    assert (api.get("/v1/contacts").json()["count"], api.get("/v1/fund_accounts").json()["count"]) == (2, 2)
