import pytest
import stripe

from marketcore_simulator.testing import eventually

#: The operations that move money, each with what must have been prepared and the call itself.
MONEY = (
    "sessions.create",
    "payment_intents.create",
    "refunds.create",
    "transfers.create",
    "reversals.create",
    "payouts.create",
)


@pytest.fixture
def call(shop):
    """Return a function that makes the call of an operation, ready to succeed."""
    seller, charge = shop.seller(), shop.paid_charge(10_000)
    shop.control("/balance", {"amount": 10_000, "currency": "usd"})
    v1 = shop.client.v1
    moved = v1.transfers.create({"amount": 1000, "currency": "usd", "destination": seller.id})
    confirmed = {"payment_method": "pm_card_visa", "confirm": True}
    calls = {
        "sessions.create": lambda options: shop.session(options=options),
        "payment_intents.create": lambda options: v1.payment_intents.create(
            {"amount": 2000, "currency": "usd", **confirmed}, options
        ),
        "refunds.create": lambda options: v1.refunds.create({"charge": charge.id, "amount": 100}, options),
        "transfers.create": lambda options: v1.transfers.create(
            {"amount": 500, "currency": "usd", "destination": seller.id}, options
        ),
        "reversals.create": lambda options: v1.transfers.reversals.create(moved.id, {"amount": 100}, options),
        "payouts.create": lambda options: v1.payouts.create({"amount": 500, "currency": "usd"}, options),
    }
    return lambda operation, key="key": calls[operation]({"idempotency_key": key})


KINDS = {
    "sessions.create": "checkout.session",
    "payment_intents.create": "payment_intent",
    "refunds.create": "refund",
    "transfers.create": "transfer",
    "reversals.create": "transfer_reversal",
    "payouts.create": "payout",
}


@pytest.mark.parametrize("operation", MONEY)
@pytest.mark.parametrize(
    ("script", "error", "recorded"),
    [
        ("http_500", stripe.APIError, 0),
        ("http_429", stripe.RateLimitError, 0),
        ("html_error", stripe.APIError, 0),
        ("drop_before", stripe.APIConnectionError, 0),
        ("drop_after", stripe.APIConnectionError, 1),
    ],
)
def test_a_spoilt_exchange_is_an_exception_and_the_same_key_gets_the_one_result(
    shop, call, operation, script, error, recorded
):
    before = len(shop.objects(KINDS[operation]))
    shop.choose(operation, script)
    with pytest.raises(error):
        call(operation)
    assert len(shop.objects(KINDS[operation])) == before + recorded
    made = call(operation)
    assert len(shop.objects(KINDS[operation])) == before + 1
    assert ("idempotent-replayed" in made.last_response.headers) == bool(recorded)


def test_a_hanging_answer_is_recorded_and_times_out(shop, make_client):
    shop.choose("payment_intents.create", "hang(500)")
    with pytest.raises(stripe.APIConnectionError):
        make_client(timeout=0.3).v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    assert len(shop.objects("payment_intent")) == 1


def test_the_sdk_retries_with_the_same_key_and_makes_one_object(shop, make_client):
    shop.choose("payment_intents.create", "drop_after")
    patient = make_client(max_network_retries=2)
    intent = patient.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    assert [one["id"] for one in shop.objects("payment_intent")] == [intent.id]


@pytest.mark.parametrize("operation", ["sessions.retrieve", "refunds.list", "balance.retrieve", "events.list"])
def test_reading_may_be_spoilt_too(shop, operation):
    v1, session = shop.client.v1, shop.session()
    reads = {
        "sessions.retrieve": lambda: v1.checkout.sessions.retrieve(session.id),
        "refunds.list": lambda: v1.refunds.list(),
        "balance.retrieve": lambda: v1.balance.retrieve(),
        "events.list": lambda: v1.events.list(),
    }
    shop.choose(operation, "http_500")
    with pytest.raises(stripe.APIError):
        reads[operation]()
    reads[operation]()


def test_a_spoilt_request_does_not_use_up_another_operation_s_script(shop):
    shop.choose("refunds.create", "http_500")
    assert shop.session().status == "open"


# What is told


def completed(hooks):
    return [event for event in map(hooks.read, hooks.receiver.calls[:]) if event.type == "checkout.session.completed"]


def pay_under(shop, script, **changes):
    shop.choose("sessions.create", script)
    session = shop.session(**changes)
    shop.pay(session)
    return session


def test_no_callback_tells_nothing_while_the_session_is_paid(shop, hooks):
    session = pay_under(shop, "no_callback")
    shop.everything_due()
    assert hooks.receiver.calls == []
    assert shop.read_session(session).payment_status == "paid"
    assert [event.type for event in shop.client.v1.events.list({"type": "checkout.session.completed"}).data]


def test_dup_callback_tells_everything_again_with_the_same_event_id(shop, hooks):
    pay_under(shop, "dup_callback(2)")
    assert (
        len({event.id for event in eventually(lambda: completed(hooks) if len(completed(hooks)) == 3 else None)}) == 1
    )
    assert len(hooks.receiver.calls) == 4 * 3


def test_slow_callback_waits(shop, hooks):
    session = pay_under(shop, "slow_callback(60)")
    shop.everything_due()
    assert hooks.receiver.calls == []
    assert shop.read_session(session).payment_status == "paid"
    shop.pass_time(61)
    hooks.event("checkout.session.completed")


def test_reorder_tells_the_last_first(shop, hooks):
    pay_under(shop, "reorder")
    assert hooks.kinds(4) == [
        "checkout.session.completed",
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]


def test_a_tampered_signature_is_rejected_by_the_sdk(shop, hooks):
    pay_under(shop, "tampered_signature")
    calls = eventually(lambda: hooks.receiver.calls[:] if len(hooks.receiver.calls) == 4 else None)
    for call in calls:
        with pytest.raises(stripe.SignatureVerificationError):
            hooks.read(call)


def test_a_wrong_amount_is_told_under_a_good_signature_and_the_object_stays_true(shop, hooks):
    session = pay_under(shop, "wrong_amount")
    told = hooks.event("checkout.session.completed")
    assert told.data.object.amount_total == 1999
    assert shop.read_session(session).amount_total == 2000
    assert shop.client.v1.events.retrieve(told.id).data.object.amount_total == 2000


def test_an_unknown_reference_is_told_under_a_good_signature(shop, hooks):
    session = pay_under(shop, "unknown_reference", client_reference_id="attempt-1", metadata={"order": "7"})
    told = hooks.event("checkout.session.completed").data.object
    assert told.client_reference_id == "attempt-1UNKNOWN"
    assert told.id != session.id
    assert told.metadata.to_dict() == {}


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("refunds.create", "refund.created"),
        ("transfers.create", "transfer.created"),
        ("payouts.create", "payout.created"),
        ("payment_intents.create", "payment_intent.succeeded"),
    ],
)
def test_every_money_operation_may_be_told_twice_or_before_its_answer(shop, call, receiver, operation, kind):
    hooks = shop.hooks(receiver, events=[kind])
    shop.choose(operation, "callback_first")
    first = call(operation, "first")
    assert [hooks.read(one).data.object.id for one in receiver.calls] == [first.id]
    shop.choose(operation, "dup_callback(1)")
    second = call(operation, "second")
    assert [event.data.object.id for event in hooks.events(3)] == [first.id, second.id, second.id]
