import threading

import pytest
import stripe

from marketcore_simulator.testing import eventually


@pytest.mark.parametrize("key", ["sk_test_other", "sk_live_real", "pk_test_sim"])
def test_only_the_simulator_s_own_keys_are_accepted(make_client, key):
    with pytest.raises(stripe.AuthenticationError) as refused:
        make_client(key).v1.balance.retrieve()
    assert refused.value.http_status == 401
    assert "Invalid API Key" in str(refused.value)


def test_a_request_without_a_key_is_refused(http):
    answer = http.get("/stripe/v1/balance")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["request-id"].startswith("req_")


@pytest.mark.parametrize(("path", "version"), [("/v1/balance", "latest"), ("/v2/core/events", None)])
def test_the_version_header_is_checked_and_v2_has_no_default(http, path, version):
    headers = {"Authorization": "Bearer sk_test_sim_1", **({"Stripe-Version": version} if version else {})}
    assert http.get(f"/stripe{path}", headers=headers).status_code == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nothing"), ("DELETE", "/v1/refunds")])
def test_an_unknown_url_is_refused_as_stripe_does(http, method, path):
    answer = http.request(method, f"/stripe{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Unrecognized request URL ({method}: {path})."


def test_answers_carry_the_request_id_the_version_and_the_key(shop):
    session = shop.session(options={"idempotency_key": "order:1:attempt:1"})
    headers = session.last_response.headers
    assert headers["request-id"].startswith("req_")
    assert headers["idempotency-key"] == "order:1:attempt:1"
    assert headers["stripe-version"] == "2026-10-28.endive"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"succes_url": "http://x"}, "parameter_unknown", "succes_url"),
        ({"success_url": ""}, "parameter_missing", "success_url"),
        ({"success_url": "not a url"}, "url_invalid", "success_url"),
        ({"line_items": []}, "parameter_missing", "line_items"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"mode": "subscription"}, None, "mode"),
        ({"metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 40}]"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata"),
        ({"discounts": [{"coupon": "x"}]}, None, "discounts"),
        ({"line_items": [{"quantity": 1, "price": "price_1"}]}, "resource_missing", "line_items[0][price]"),
        ({"payment_intent_data": {"transfer_data": {"destination": "acct_no"}}}, "resource_missing", None),
    ],
)
def test_a_wrong_parameter_is_named(shop, changes, code, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.session(**changes)
    assert refused.value.http_status == 400
    assert refused.value.code == code
    if param:
        assert refused.value.param == param
    assert shop.objects("checkout.session") == []


def test_metadata_comes_back_as_it_was_whatever_its_keys(shop):
    metadata = {"0": "zero", "_private": "kept", "order": "7"}
    assert shop.session(metadata=metadata).metadata.to_dict() == metadata


@pytest.mark.parametrize(
    "read",
    [
        lambda v1: v1.checkout.sessions.retrieve("cs_test_no"),
        lambda v1: v1.payment_intents.retrieve("pi_no"),
        lambda v1: v1.charges.retrieve("ch_no"),
        lambda v1: v1.refunds.retrieve("re_no"),
        lambda v1: v1.transfers.retrieve("tr_no"),
        lambda v1: v1.payouts.retrieve("po_no"),
        lambda v1: v1.disputes.retrieve("du_no"),
        lambda v1: v1.events.retrieve("evt_no"),
        lambda v1: v1.accounts.retrieve("acct_no"),
        lambda v1: v1.balance_transactions.retrieve("txn_no"),
    ],
)
def test_an_object_that_is_not_there_is_a_404(client, read):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        read(client.v1)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_an_unknown_connected_account_is_forbidden(shop):
    with pytest.raises(stripe.PermissionError) as refused:
        shop.client.v1.balance.retrieve({}, {"stripe_account": "acct_no"})
    assert refused.value.http_status == 403


def test_what_belongs_to_one_account_is_not_seen_by_another(shop):
    seller = shop.seller()
    params = {"amount": 500, "currency": "usd"}
    intent = shop.client.v1.payment_intents.create(params, {"stripe_account": seller.id})
    assert shop.client.v1.payment_intents.retrieve(intent.id, {}, {"stripe_account": seller.id}).id == intent.id
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.payment_intents.retrieve(intent.id)


# Amounts


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (100_050, "ugx", "invalid_charge_amount"),  # gateways.md 2.3: sent x100, divisible by 100
        (2005, "bhd", "invalid_charge_amount"),  # gateways.md 2.3: three decimals, last digit 0
        (0, "jpy", "amount_too_small"),
    ],
)
def test_an_amount_its_currency_does_not_allow_is_refused(client, amount, currency, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert (refused.value.code, refused.value.param) == (code, "amount")


@pytest.mark.parametrize(
    ("amount", "currency"), [(50, "usd"), (200_000, "ugx"), (2010, "bhd"), (75, "jpy"), (10_050, "KES")]
)
def test_an_amount_its_currency_allows_is_taken(client, amount, currency):
    intent = client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert (intent.amount, intent.currency) == (amount, currency.lower())


@pytest.mark.parametrize("currency", ["xxx", "shilling", "us"])
def test_an_unknown_currency_is_refused(client, currency):
    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency"):
        client.v1.payment_intents.create({"amount": 100, "currency": currency})


def test_line_items_are_checked_one_by_one_and_share_a_currency(shop):
    def line(amount, currency):
        price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "x"}}
        return {"quantity": 2, "price_data": price}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.session(line_items=[line(1005, "bhd")])
    assert refused.value.param == "line_items[0][price_data][unit_amount]"
    with pytest.raises(stripe.InvalidRequestError, match="same currency"):
        shop.session(line_items=[line(1000, "usd"), line(1000, "eur")])
    assert shop.session(line_items=[line(1000, "usd"), line(250, "usd")]).amount_total == 2500


# Idempotency


def test_the_same_key_and_parameters_give_the_same_answer_and_one_object(shop):
    first = shop.session(options={"idempotency_key": "k"})
    second = shop.session(options={"idempotency_key": "k"})
    assert second.id == first.id
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert len(shop.objects("checkout.session")) == 1


def test_a_key_with_other_parameters_or_another_path_is_refused(shop):
    shop.session(options={"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        shop.session(amount=3000, options={"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        shop.client.v1.payment_intents.create({"amount": 100, "currency": "usd"}, {"idempotency_key": "k"})


def test_a_key_is_the_account_s_own_and_forgotten_after_a_day(shop):
    params, seller = {"amount": 500, "currency": "usd"}, shop.seller()
    intents = shop.client.v1.payment_intents
    first = intents.create(params, {"idempotency_key": "k"})
    other = intents.create(params, {"idempotency_key": "k", "stripe_account": seller.id})
    shop.pass_time(86_401)
    later = intents.create(params, {"idempotency_key": "k"})
    assert len({first.id, other.id, later.id}) == 3


def test_a_decline_is_replayed_and_a_refused_parameter_is_not(shop):
    intents = shop.client.v1.payment_intents
    declined = {"amount": 500, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True}
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            intents.create(declined, {"idempotency_key": "decline"})
    assert len(shop.objects("payment_intent")) == 1
    with pytest.raises(stripe.InvalidRequestError):
        intents.create({"amount": 1, "currency": "usd"}, {"idempotency_key": "typo"})
    assert intents.create({"amount": 500, "currency": "usd"}, {"idempotency_key": "typo"}).amount == 500


def test_a_key_in_use_is_a_conflict_which_the_sdk_does_not_take_for_an_answer(shop, make_client):
    shop.choose("sessions.create", "hang(500)")
    impatient = make_client(timeout=30)
    waiting = threading.Thread(target=_try, args=(impatient, shop))
    waiting.start()
    eventually(lambda: shop.objects("checkout.session"))
    with pytest.raises(stripe.APIError) as refused:
        shop.session(options={"idempotency_key": "busy"})
    assert refused.value.http_status == 409
    assert refused.value.json_body["error"]["code"] == "idempotency_key_in_use"
    shop.simulator.world.stop()
    waiting.join(10)
    assert shop.session(options={"idempotency_key": "busy"}).id == shop.objects("checkout.session")[0]["id"]


def _try(client, shop):
    type(shop)(shop.simulator, shop.http, client).session(options={"idempotency_key": "busy"})


# Lists


def test_lists_are_paged_newest_first_and_filtered_by_time(shop):
    made = []
    for _ in range(3):
        made.append(shop.client.v1.payment_intents.create({"amount": 500, "currency": "usd"}))
        shop.pass_time(60)
    listed = shop.client.v1.payment_intents.list
    first = listed({"limit": 2})
    assert [intent.id for intent in first.data] == [made[2].id, made[1].id]
    assert first.has_more
    assert [intent.id for intent in first.auto_paging_iter()] == [intent.id for intent in reversed(made)]
    assert [intent.id for intent in listed({"ending_before": made[1].id}).data] == [made[2].id]
    after = listed({"created": {"gte": made[1].created, "lt": made[2].created}})
    assert [intent.id for intent in after.data] == [made[1].id]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"starting_after": "pi_no"}, {"colour": "red"}])
def test_a_list_refuses_what_it_does_not_know(client, params):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.list(params)


def test_references_expand_into_objects_along_a_path(shop):
    charge = shop.paid_charge()
    found = shop.client.v1.charges.retrieve(charge.id, {"expand": ["payment_intent", "balance_transaction"]})
    assert found.payment_intent.amount == 2000
    assert found.balance_transaction.net == 2000 - 88
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.client.v1.charges.retrieve(charge.id, {"expand": ["colour"]})
