import pytest
import stripe

from marketcore_simulator.testing import eventually


@pytest.fixture
def intents(client):
    return client.v1.payment_intents


def test_an_intent_starts_without_a_charge_and_is_confirmed_with_a_method(intents, shop, hooks):
    intent = intents.create({"amount": 2000, "currency": "usd", "metadata": {"order": "7"}})
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
    done = intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.amount_received) == ("succeeded", 2000)
    charge = shop.client.v1.charges.retrieve(done.latest_charge)
    assert (charge.status, charge.paid, charge.captured, charge.metadata.order) == ("succeeded", True, True, "7")
    assert hooks.event("payment_intent.succeeded").data.object.latest_charge == charge.id


def test_an_intent_made_with_a_method_waits_for_its_confirmation(intents):
    intent = intents.create({"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa"})
    assert intent.status == "requires_confirmation"
    assert intents.confirm(intent.id).status == "succeeded"


def test_confirming_without_a_method_is_refused(intents):
    intent = intents.create({"amount": 2000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refused:
        intents.confirm(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_an_unknown_payment_method_is_refused(intents):
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        intents.create({"amount": 2000, "currency": "usd", "payment_method": "pm_card_gold"})


def test_a_decline_is_a_card_error_that_carries_the_intent(intents, shop):
    intent = intents.create({"amount": 2000, "currency": "usd"})
    with pytest.raises(stripe.CardError) as declined:
        intents.confirm(intent.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"})
    error = declined.value.json_body["error"]
    assert (declined.value.code, error["decline_code"]) == ("card_declined", "insufficient_funds")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    charge = shop.client.v1.charges.retrieve(error["charge"])
    assert (charge.status, charge.failure_code, charge.outcome.type) == ("failed", "card_declined", "issuer_declined")
    assert intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


@pytest.mark.parametrize(("passed", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_a_challenged_card_requires_action(intents, shop, passed, status):
    params = {"payment_method": "pm_card_threeDSecure2Required", "return_url": "http://127.0.0.1:1/back"}
    intent = intents.create({"amount": 2000, "currency": "usd", "confirm": True, **params})
    assert intent.status == "requires_action"
    assert intent.next_action.redirect_to_url.return_url == "http://127.0.0.1:1/back"
    shop.control(f"/payment_intents/{intent.id}/authenticate", {"passed": passed})
    assert intents.retrieve(intent.id).status == status
    shop.control(f"/payment_intents/{intent.id}/authenticate", status=409)


@pytest.mark.parametrize(("taken", "received"), [(None, 2000), (1500, 1500)])
def test_an_authorized_amount_is_captured_whole_or_in_part(intents, shop, hooks, taken, received):
    params = {"payment_method": "pm_card_visa", "confirm": True, "capture_method": "manual"}
    intent = intents.create({"amount": 2000, "currency": "usd", **params})
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 2000, 0)
    assert shop.pending() == 0
    captured = intents.capture(intent.id, {"amount_to_capture": taken} if taken else {})
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", received, 0)
    assert hooks.event("charge.captured").data.object.amount_captured == received
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        intents.capture(intent.id)


def test_more_than_was_authorized_is_not_captured(intents):
    params = {"payment_method": "pm_card_visa", "confirm": True, "capture_method": "manual"}
    intent = intents.create({"amount": 2000, "currency": "usd", **params})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intents.capture(intent.id, {"amount_to_capture": 2001})
    assert refused.value.param == "amount_to_capture"


def test_an_open_intent_is_cancelled_and_a_paid_one_is_not(intents, hooks, shop):
    intent = intents.create({"amount": 2000, "currency": "usd"})
    assert intents.cancel(intent.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    assert hooks.event("payment_intent.canceled").data.object.cancellation_reason == "abandoned"
    paid = shop.paid_charge().payment_intent
    for step, options in ((intents.cancel, {}), (intents.confirm, {"payment_method": "pm_card_visa"})):
        with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
            step(paid, options)


@pytest.mark.parametrize(
    ("script", "status"), [("pending_then_succeeded", "succeeded"), ("pending_then_failed", "requires_payment_method")]
)
def test_a_script_makes_a_confirmation_wait_for_the_bank(intents, shop, script, status):
    shop.choose("payment_intents.create", script)
    params = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    intent = intents.create(params)
    assert intent.status == "processing"
    with pytest.raises(stripe.InvalidRequestError):
        intents.cancel(intent.id)
    shop.pass_time(6)
    eventually(lambda: intents.retrieve(intent.id).status == status)


def test_a_script_declines_a_confirmation(intents, shop):
    shop.choose("payment_intents.confirm", "declined")
    intent = intents.create({"amount": 2000, "currency": "usd"})
    with pytest.raises(stripe.CardError):
        intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


def test_a_charge_pays_its_fee_and_becomes_available_later(shop):
    charge = shop.paid_charge(10_000)
    movement = shop.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    # 2.9 % and 30: the settings stripe_fee_basis_points and stripe_fee_fixed
    assert (movement.amount, movement.fee, movement.net) == (10_000, 320, 9680)
    assert (movement.type, movement.status, movement.source) == ("charge", "pending", charge.id)
    assert movement.fee_details[0].type == "stripe_fee"
    assert (shop.available(), shop.pending()) == (0, 9680)
    shop.pass_time(172_801)
    assert (shop.available(), shop.pending()) == (9680, 0)
    assert shop.client.v1.balance_transactions.retrieve(charge.balance_transaction).status == "available"


def test_the_card_that_bypasses_pending_funds_is_available_at_once(shop):
    shop.paid_charge(10_000, card="pm_card_bypassPending")
    assert (shop.available(), shop.pending()) == (9680, 0)


def test_the_balance_is_the_sum_of_its_transactions_by_time_type_and_source(shop):
    first = shop.paid_charge(10_000)
    shop.pass_time(100)
    second = shop.paid_charge(5000)
    refund = shop.client.v1.refunds.create({"charge": first.id, "amount": 1000})
    every = shop.client.v1.balance_transactions.list
    assert sum(movement.net for movement in every().data) == shop.available() + shop.pending()
    assert [movement.source for movement in every({"type": "charge"}).data] == [second.id, first.id]
    since = every({"created": {"gte": second.created}})
    assert [(movement.type, movement.amount) for movement in since.data] == [("refund", -1000), ("charge", 5000)]
    assert [movement.id for movement in every({"source": refund.id}).data] == [refund.balance_transaction]


# Refunds


def test_a_charge_is_refunded_in_parts_and_not_beyond(shop, hooks):
    charge = shop.paid_charge(2000)
    refunds = shop.client.v1.refunds
    first = refunds.create({"payment_intent": charge.payment_intent, "amount": 500, "metadata": {"line": "1"}})
    assert (first.status, first.amount, first.charge, first.metadata.line) == ("succeeded", 500, charge.id, "1")
    told = hooks.event("charge.refunded").data.object
    assert (told.amount_refunded, told.refunded) == (500, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        refunds.create({"charge": charge.id, "amount": 1501})
    assert refused.value.param == "amount"
    rest = refunds.create({"charge": charge.id, "reason": "requested_by_customer"})
    assert rest.amount == 1500
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"
    listed = refunds.list({"payment_intent": charge.payment_intent})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]
    assert refunds.retrieve(first.id).amount == 500
    assert shop.client.v1.charges.retrieve(charge.id).refunded


def test_a_refund_needs_one_charge_that_was_paid(shop, intents):
    refunds, unpaid = shop.client.v1.refunds, intents.create({"amount": 2000, "currency": "usd"})
    charge = shop.paid_charge()
    both = {"charge": charge.id, "payment_intent": charge.payment_intent}
    for params in ({}, both, {"payment_intent": unpaid.id}, {"charge": "ch_no"}, {"charge": charge.id, "amount": 0}):
        with pytest.raises(stripe.InvalidRequestError):
            refunds.create(params)
    assert shop.objects("refund") == []


@pytest.mark.parametrize(
    ("script", "status"), [("pending_then_succeeded", "succeeded"), ("pending_then_failed", "failed")]
)
def test_a_pending_refund_is_decided_later(shop, hooks, script, status):
    charge = shop.paid_charge(2000)
    shop.choose("refunds.create", script)
    refund = shop.client.v1.refunds.create({"charge": charge.id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    shop.pass_time(6)
    assert hooks.event("refund.updated").data.object.status == status
    found = shop.client.v1.refunds.retrieve(refund.id)
    assert found.status == status
    returned = shop.client.v1.charges.retrieve(charge.id)
    assert (returned.amount_refunded, returned.refunded) == ((0, False) if status == "failed" else (2000, True))
    if status == "failed":
        assert hooks.event("refund.failed").data.object.failure_reason == "expired_or_canceled_card"
        assert shop.client.v1.balance_transactions.retrieve(found.failure_balance_transaction).amount == 2000


@pytest.mark.parametrize(
    ("card", "now", "later"),
    [("pm_card_pendingRefund", "pending", "succeeded"), ("pm_card_refundFail", "succeeded", "failed")],
)
def test_a_card_may_decide_how_its_refunds_end(shop, card, now, later):
    refund = shop.client.v1.refunds.create({"charge": shop.paid_charge(card=card).id})
    assert refund.status == now
    shop.pass_time(6)
    eventually(lambda: shop.client.v1.refunds.retrieve(refund.id).status == later)


def test_a_refund_that_succeeded_may_be_made_to_fail_once(shop, hooks):
    charge = shop.paid_charge()
    refund = shop.client.v1.refunds.create({"charge": charge.id})
    assert shop.control(f"/refunds/{refund.id}/fail")["status"] == "failed"
    shop.control(f"/refunds/{refund.id}/fail", status=409)
    assert hooks.event("refund.failed").data.object.id == refund.id
    assert shop.client.v1.refunds.create({"charge": charge.id}).amount == 2000


# Disputes


def test_a_dispute_takes_the_money_and_a_fee_at_once(shop, hooks):
    charge = shop.paid_charge(2000)
    before = shop.pending() + shop.available()
    dispute = shop.control("/disputes", {"charge": charge.id, "reason": "product_not_received"})
    assert (dispute["status"], dispute["amount"], dispute["reason"]) == ("needs_response", 2000, "product_not_received")
    assert dispute["id"].startswith("du_")
    assert shop.pending() + shop.available() == before - 2000 - 1500
    assert hooks.event("charge.dispute.created").data.object.payment_intent == charge.payment_intent
    assert hooks.event("charge.dispute.funds_withdrawn").data.object.id == dispute["id"]
    assert shop.client.v1.charges.retrieve(charge.id).disputed
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_disputed"


@pytest.mark.parametrize(
    ("evidence", "outcome", "returned"), [("winning_evidence", "won", 2000), ("losing_evidence", "lost", 0)]
)
def test_submitted_evidence_is_reviewed_and_decided(shop, hooks, evidence, outcome, returned):
    dispute = shop.control("/disputes", {"charge": shop.paid_charge(2000).id})
    before = shop.pending() + shop.available()
    update = shop.client.v1.disputes.update
    saved = update(dispute["id"], {"evidence": {"customer_name": "A"}, "submit": False})
    assert (saved.status, saved.evidence.customer_name) == ("needs_response", "A")
    submitted = update(dispute["id"], {"evidence": {"uncategorized_text": evidence}})
    assert (submitted.status, submitted.evidence_details.submission_count) == ("under_review", 1)
    shop.pass_time(6)
    assert hooks.event("charge.dispute.closed").data.object.status == outcome
    assert shop.pending() + shop.available() == before + returned
    if outcome == "won":
        hooks.event("charge.dispute.funds_reinstated")


def test_closing_a_dispute_accepts_its_loss(shop):
    dispute = shop.control("/disputes", {"payment_intent": shop.paid_charge().payment_intent})
    assert shop.client.v1.disputes.close(dispute["id"]).status == "lost"
    for step in (shop.client.v1.disputes.close, shop.client.v1.disputes.update):
        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            step(dispute["id"])
    assert shop.client.v1.disputes.retrieve(dispute["id"]).status == "lost"
    assert [one.id for one in shop.client.v1.disputes.list().data] == [dispute["id"]]


def test_a_dispute_is_decided_by_control_and_a_second_one_is_not_opened(shop):
    charge = shop.paid_charge()
    dispute = shop.control("/disputes", {"charge": charge.id, "amount": 700})
    shop.control("/disputes", {"charge": charge.id}, status=400)
    assert shop.control(f"/disputes/{dispute['id']}/won")["status"] == "won"
    shop.control(f"/disputes/{dispute['id']}/lost", status=409)
    shop.control("/disputes", {"charge": "ch_no"}, status=404)


def test_the_disputed_card_is_disputed_by_itself(shop, hooks):
    charge = shop.paid_charge(card="pm_card_createDispute")
    assert hooks.event("charge.dispute.created").data.object.charge == charge.id
