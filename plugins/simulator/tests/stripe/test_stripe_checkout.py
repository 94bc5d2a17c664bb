import pytest
import stripe

from marketcore_simulator.testing import eventually


def test_a_new_session_is_open_unpaid_and_has_no_payment_intent_yet(shop):
    session = shop.session(client_reference_id="attempt-1", customer_email="a@example.com")
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.id.startswith("cs_test_")
    assert session.payment_intent is None
    assert session.url == f"{shop.simulator.stripe_url}/pay/{session.id}"
    assert session.expires_at == session.created + 86_400
    assert (session.amount_total, session.currency, session.client_reference_id) == (2000, "usd", "attempt-1")


def test_payment_completes_the_session_and_tells_of_it_in_order(shop, hooks):
    session = shop.session(metadata={"order": "7"}, payment_intent_data={"metadata": {"order": "7"}})
    paid = shop.pay(session)
    assert paid["redirect_url"] == f"http://127.0.0.1:1/thanks?session={session.id}"
    assert hooks.kinds(4) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    told = hooks.event("checkout.session.completed").data.object
    assert (told.status, told.payment_status, told.amount_total) == ("complete", "paid", 2000)
    assert told.url is None
    assert told.metadata.order == "7"
    intent = shop.client.v1.payment_intents.retrieve(told.payment_intent)
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert intent.metadata.order == "7"
    found = shop.client.v1.checkout.sessions.list({"payment_intent": intent.id})
    assert [one.id for one in found.data] == [session.id]


def test_a_decline_is_one_try_and_the_same_intent_succeeds_afterwards(shop, hooks):
    session = shop.session()
    declined = shop.control(f"/sessions/{session.id}/decline")
    assert declined["error"]["decline_code"] == "generic_decline"
    assert shop.read_session(session).status == "open"
    shop.pay(session)
    assert set(hooks.kinds(6)) == {
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    assert len(shop.objects("payment_intent")) == 1
    failed = hooks.event("payment_intent.payment_failed").data.object
    assert failed.last_payment_error.code == "card_declined"
    assert shop.read_session(session).payment_status == "paid"


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("4000 0000 0000 0002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", None),
        ("4111111111111111", "card_declined", "test_mode_live_card"),
        ("4242424242424241", "incorrect_number", None),
        ("no card", "incorrect_number", None),
    ],
)
def test_cards_that_do_not_pay_say_why(shop, card, code, decline):
    error = shop.pay(shop.session(), card=card)["error"]
    assert (error["code"], error.get("decline_code")) == (code, decline)


@pytest.mark.parametrize(("passed", "status"), [(True, "complete"), (False, "open")])
def test_three_d_secure_waits_for_the_payer(shop, hooks, passed, status):
    session = shop.session()
    asked = shop.pay(session, card="4000002500003155")
    assert asked["payment_intent"]["status"] == "requires_action"
    assert asked["redirect_url"] == f"{shop.simulator.stripe_url}/challenge/{asked['payment_intent']['id']}"
    assert shop.read_session(session).status == "open"
    shop.control(f"/sessions/{session.id}/authenticate", {"passed": passed})
    assert shop.read_session(session).status == status
    assert hooks.event("payment_intent.requires_action").data.object.next_action.type == "redirect_to_url"
    if not passed:
        failed = hooks.event("payment_intent.payment_failed").data.object
        assert failed.last_payment_error.code == "payment_intent_authentication_failure"


@pytest.mark.parametrize(
    ("token", "ending", "paid"),
    [
        ("pm_usBankAccount_success", "succeeded", "paid"),
        ("pm_usBankAccount_debitNotAuthorized", "failed", "unpaid"),
    ],
)
def test_an_asynchronous_method_completes_unpaid_and_is_decided_later(shop, hooks, token, ending, paid):
    session = shop.session()
    shop.pay(session, payment_method=token)
    assert hooks.event("checkout.session.completed").data.object.payment_status == "unpaid"
    found = shop.read_session(session)
    assert (found.status, found.payment_status) == ("complete", "unpaid")
    assert shop.client.v1.payment_intents.retrieve(found.payment_intent).status == "processing"
    shop.pass_time(6)
    assert hooks.event(f"checkout.session.async_payment_{ending}").data.object.payment_status == paid
    assert shop.read_session(session).payment_status == paid


def test_a_processing_payment_may_be_decided_by_hand_once(shop):
    session = shop.session()
    shop.pay(session, payment_method="pm_usBankAccount_success")
    intent = shop.read_session(session).payment_intent
    assert shop.control(f"/payment_intents/{intent}/settle", {"cleared": False})["status"] == "requires_payment_method"
    shop.control(f"/payment_intents/{intent}/settle", status=409)
    shop.pass_time(6)
    shop.everything_due()
    assert shop.read_session(session).payment_status == "unpaid"


def test_a_session_expires_by_the_clock(shop, hooks):
    session = shop.session(expires_at=shop.session().created + 1800)
    shop.pass_time(1790)
    assert shop.read_session(session).status == "open"
    shop.pass_time(12)
    assert hooks.event("checkout.session.expired").data.object.id == session.id
    found = shop.read_session(session)
    assert (found.status, found.url) == ("expired", None)
    shop.control(f"/sessions/{session.id}/pay", status=409)


@pytest.mark.parametrize(("seconds", "text"), [(1700, "at least 30 minutes"), (86_500, "less than 24 hours")])
def test_a_session_lives_between_half_an_hour_and_a_day(shop, seconds, text):
    now = shop.session().created
    with pytest.raises(stripe.InvalidRequestError, match=text) as refused:
        shop.session(expires_at=now + seconds)
    assert refused.value.param == "expires_at"


def test_expiring_cancels_a_started_payment_and_works_once(shop, hooks):
    session = shop.session()
    shop.control(f"/sessions/{session.id}/decline")
    assert shop.client.v1.checkout.sessions.expire(session.id).status == "expired"
    assert hooks.event("payment_intent.canceled").data.object.cancellation_reason == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        shop.client.v1.checkout.sessions.expire(session.id)


def test_a_paid_session_cannot_be_expired_or_paid_again(shop):
    session = shop.session()
    shop.pay(session)
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        shop.client.v1.checkout.sessions.expire(session.id)
    shop.control(f"/sessions/{session.id}/pay", status=409)
    assert len(shop.objects("charge")) == 1


def test_the_payment_of_a_session_is_not_driven_directly(shop):
    session = shop.session()
    shop.control(f"/sessions/{session.id}/decline")
    intent = shop.read_session(session).payment_intent
    for step in (shop.client.v1.payment_intents.cancel, shop.client.v1.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            step(intent)
        assert refused.value.code == "payment_intent_unexpected_state"


def test_a_session_with_manual_capture_is_paid_when_captured(shop):
    session = shop.session(payment_intent_data={"capture_method": "manual"})
    shop.pay(session)
    found = shop.read_session(session)
    assert (found.status, found.payment_status) == ("complete", "unpaid")
    shop.client.v1.payment_intents.capture(found.payment_intent)
    assert shop.read_session(session).payment_status == "paid"


def test_the_line_items_are_read_separately(shop):
    items = shop.client.v1.checkout.sessions.line_items.list(shop.session().id)
    assert [(item.description, item.amount_total) for item in items.data] == [("Blue mug", 2000)]


# Sessions that follow a script


@pytest.mark.parametrize(
    ("script", "status", "paid"),
    [("ok", "complete", "paid"), ("cancel", "expired", "unpaid"), ("pending_then_failed", "complete", "unpaid")],
)
def test_a_script_decides_the_session_without_a_person(shop, script, status, paid):
    shop.choose("sessions.create", script)
    session = shop.session()
    eventually(lambda: shop.read_session(session).status == status)
    shop.pass_time(6)
    shop.everything_due()
    assert shop.read_session(session).payment_status == paid


def test_pending_then_succeeded_is_paid_in_the_end(shop, hooks):
    shop.choose("sessions.create", "pending_then_succeeded")
    session = shop.session()
    eventually(lambda: shop.read_session(session).status == "complete")
    shop.pass_time(6)
    assert hooks.event("checkout.session.async_payment_succeeded").data.object.id == session.id


@pytest.mark.parametrize(
    ("script", "decline"), [("declined", "generic_decline"), ("insufficient", "insufficient_funds")]
)
def test_a_declining_script_leaves_the_session_open(shop, hooks, script, decline):
    shop.choose("sessions.create", script)
    session = shop.session()
    failed = hooks.event("payment_intent.payment_failed").data.object
    assert failed.last_payment_error.decline_code == decline
    assert shop.read_session(session).status == "open"


def test_callback_first_reports_the_payment_before_the_create_is_answered(shop, hooks):
    shop.choose("sessions.create", "callback_first")
    session = shop.session()
    assert session.status == "open"
    assert [hooks.read(call).type for call in hooks.receiver.calls][-1] == "checkout.session.completed"
    assert shop.read_session(session).payment_status == "paid"


def test_late_success_pays_a_session_after_its_expiry_was_reported(shop, hooks):
    half_an_hour = shop.session().created + 1800
    shop.choose("sessions.create", "late_success")
    session = shop.session(expires_at=half_an_hour)
    shop.pass_time(1801)
    hooks.event("checkout.session.expired")
    assert shop.read_session(session).status == "expired"
    shop.pass_time(91)
    assert hooks.event("checkout.session.completed").data.object.payment_status == "paid"
    assert shop.read_session(session).payment_status == "paid"


def test_late_success_pays_a_session_the_shop_itself_expired(shop, hooks):
    shop.choose("sessions.create", "late_success")
    session = shop.session()
    assert shop.client.v1.checkout.sessions.expire(session.id).status == "expired"
    shop.pass_time(91)
    assert hooks.event("checkout.session.completed").data.object.id == session.id


def test_late_success_on_expire_lets_the_payer_win_the_race(shop):
    session = shop.session()
    shop.choose("sessions.expire", "late_success")
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        shop.client.v1.checkout.sessions.expire(session.id)
    assert shop.read_session(session).payment_status == "paid"


def test_a_script_may_be_bound_to_the_ending_of_the_reference(shop):
    binding = {"face": "stripe", "ending": "-666", "script": "ok"}
    shop.http.post("/_sim/magic", json=binding).raise_for_status()
    bound, other = shop.session(client_reference_id="order-666"), shop.session(client_reference_id="order-667")
    eventually(lambda: shop.read_session(bound).status == "complete")
    assert shop.read_session(other).status == "open"
