import pytest
import stripe

from marketcore_simulator.testing import CallbackReceiver, eventually


def deliveries(shop):
    return shop.http.get("/_sim/stripe/deliveries").json()["items"]


def test_an_event_is_a_signed_snapshot_with_the_version_pinned(shop, hooks):
    intent = shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd"}, {"idempotency_key": "order:1"})
    event = hooks.event("payment_intent.created")
    # gateways.md 2.5 [S]: members of an event
    assert (event.object, event.api_version, event.livemode) == ("event", "2026-10-28.endive", False)
    assert event.id.startswith("evt_")
    assert (event.pending_webhooks, event.request.idempotency_key) == (1, "order:1")
    assert event.request.id == intent.last_response.request_id
    assert "account" not in event
    assert event.data.object.id == intent.id
    assert intent.client_secret == event.data.object.client_secret


def test_a_changed_body_or_another_secret_fails_the_signature(shop, hooks):
    shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    hooks.events(1)
    call = hooks.receiver.calls[0]
    header = call.headers["stripe-signature"]
    for body, secret in ((call.body.replace(b"2000", b"2001"), hooks.secret), (call.body, "whsec_other")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, header, secret)


def test_while_a_secret_is_rotated_both_verify(shop, hooks):
    rotated = shop.control(f"/endpoints/{hooks.id}/rotate", {"secret": "whsec_new"})
    assert rotated["secrets"] == [hooks.secret, "whsec_new"]
    shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    hooks.events(1)
    call = hooks.receiver.calls[0]
    stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], "whsec_new")
    shop.control(f"/endpoints/{hooks.id}/rotate", {"secret": "whsec_newest", "keep_old": False})
    shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    latest = eventually(lambda: hooks.receiver.calls[1:])[0]
    with pytest.raises(stripe.SignatureVerificationError):
        hooks.read(latest)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"url": "ftp://x"},
        {"url": "http://x", "secret": ""},
        {"url": "http://x", "thin": 1},
        {"url": "http://x", "events": "*"},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(shop, document):
    shop.control("/endpoints", document, status=400)
    assert shop.http.get("/_sim/stripe/endpoints").json() == {"items": []}


def test_an_endpoint_hears_what_it_asked_for_until_it_is_removed(shop, receiver):
    hooks = shop.hooks(receiver, events=["payment_intent.succeeded"], secret="whsec_mine")
    assert hooks.secret == "whsec_mine"
    shop.paid_charge()
    assert hooks.kinds(1) == ["payment_intent.succeeded"]
    assert shop.http.delete(f"/_sim/stripe/endpoints/{hooks.id}").status_code == 200
    assert shop.http.delete(f"/_sim/stripe/endpoints/{hooks.id}").status_code == 404
    shop.paid_charge()
    shop.everything_due()
    assert len(receiver.calls) == 1


def test_platform_and_connect_endpoints_hear_of_different_things(shop, receiver, connect_receiver):
    platform, connect = shop.hooks(receiver), shop.hooks(connect_receiver, connect=True)
    seller = shop.seller()
    params = {"amount": 500, "currency": "usd"}
    shop.client.v1.payment_intents.create(params, {"stripe_account": seller.id})
    shop.client.v1.payment_intents.create(params)
    assert connect.event("payment_intent.created").account == seller.id
    assert "account" not in platform.event("payment_intent.created")
    with pytest.raises(stripe.SignatureVerificationError):
        platform.read(connect_receiver.calls[0])


def test_an_event_is_tried_again_until_it_is_taken(shop):
    with CallbackReceiver(status=500) as failing:
        hooks = shop.hooks(failing)
        shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
        hooks.events(1)
        for attempts, seconds in ((2, 11), (3, 61)):
            eventually(lambda done=attempts - 1: len(deliveries(shop)) == done)
            shop.everything_due()
            shop.pass_time(seconds)
            hooks.events(attempts)
        failing.status = 200
        eventually(lambda: len(deliveries(shop)) == 3)
        shop.everything_due()
        shop.pass_time(601)
        assert len({event.id for event in hooks.events(4)}) == 1
        eventually(lambda: len(deliveries(shop)) == 4)
        shop.pass_time(10_000)
        shop.everything_due()
        assert [one["detail"]["status"] for one in deliveries(shop)] == [500, 500, 500, 200]
        event = shop.client.v1.events.list().data[0]
        eventually(lambda: shop.client.v1.events.retrieve(event.id).pending_webhooks == 0)


def test_a_later_attempt_is_signed_with_its_own_time(shop):
    with CallbackReceiver(status=500) as failing:
        hooks = shop.hooks(failing)
        shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
        hooks.events(1)
        eventually(lambda: deliveries(shop))
        shop.everything_due()
        shop.pass_time(400)
        hooks.events(2)
        times = [call.headers["stripe-signature"].split(",")[0] for call in failing.calls]
        assert times[0] != times[1]


def test_events_go_to_loopback_addresses_only(shop):
    shop.control("/endpoints", {"url": "https://shop.example/webhooks"})
    shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    found = eventually(lambda: deliveries(shop))[0]
    assert found["detail"]["problem"] == "not sent: shop.example is not a loopback address"


def test_events_are_read_back_and_delivered_again(shop, hooks):
    shop.paid_charge()
    hooks.event("payment_intent.succeeded")
    listed = shop.client.v1.events.list({"type": "payment_intent.succeeded"}).data
    assert len(listed) == 1
    assert shop.client.v1.events.retrieve(listed[0].id).data.object.status == "succeeded"
    before = len(hooks.receiver.calls)
    again = shop.control(f"/events/{listed[0].id}/redeliver", {"endpoint": hooks.id})
    assert [one["detail"]["status"] for one in again["items"]] == [200]
    assert hooks.read(hooks.receiver.calls[before]).id == listed[0].id
    shop.control(f"/events/{listed[0].id}/redeliver")
    assert len(hooks.receiver.calls) == before + 2
    shop.control("/events/evt_no/redeliver", status=404)


def test_a_snapshot_shows_the_object_as_it_was_when_the_event_happened(shop, hooks):
    session = shop.session()
    shop.control(f"/sessions/{session.id}/decline")
    created = hooks.event("payment_intent.created")
    shop.pay(session)
    again = shop.client.v1.events.retrieve(created.id)
    assert again.data.object.status == "requires_payment_method"


def test_reset_forgets_objects_endpoints_and_keys(shop, hooks):
    first = shop.session(options={"idempotency_key": "k"})
    shop.http.post("/_sim/reset").raise_for_status()
    shop.simulator.world.settings.update({"callback_after": 0})
    second = shop.session(options={"idempotency_key": "k"})
    assert first.id != second.id
    assert [one["id"] for one in shop.objects("checkout.session")] == [second.id]
    assert shop.http.get("/_sim/stripe/endpoints").json() == {"items": []}
