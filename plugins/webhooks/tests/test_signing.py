"""Signatures that any library of Standard Webhooks verifies, and secrets that nobody reads from a database."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from marketcore_webhooks.signing import SecretBox, Unreadable, headers, new_message_id, new_secret, shown_secret

# The example that Standard Webhooks libraries test themselves with.
SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_example_is_signed_as_published():
    made = headers(MESSAGE, TIMESTAMP, BODY, [base64.b64decode(SECRET)])
    assert made == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }


def test_the_standards_own_library_verifies_with_the_secret_as_it_is_shown():
    secret = new_secret()
    made = headers(new_message_id(), int(time.time()), b'{"a":"\xc3\xa4"}', [secret])
    assert Webhook(shown_secret(secret)).verify(b'{"a":"\xc3\xa4"}', made) == {"a": "ä"}
    for body, changed in ((b'{"a":"b"}', {}), (b'{"a":"\xc3\xa4"}', {"webhook-id": "msg_2"})):
        with pytest.raises(WebhookVerificationError):
            Webhook(shown_secret(secret)).verify(body, {**made, **changed})


def test_secrets_and_ids_are_long_and_never_the_same():
    assert len({new_secret() for _ in range(100)}) == len({new_message_id() for _ in range(100)}) == 100
    assert len(new_secret()) == 32
    assert all("." not in new_message_id() for _ in range(10))


def test_a_sealed_secret_is_opened_by_the_same_key_for_the_same_user_only():
    box, secret = SecretBox(b"k" * 32), new_secret()
    sealed = box.seal(secret, 7)
    assert secret not in sealed
    assert box.seal(secret, 7) != sealed
    assert box.open(sealed, 7) == secret
    for other, user_id, changed in (
        (SecretBox(b"l" * 32), 7, sealed),
        (box, 8, sealed),
        (box, 7, sealed[:-1] + bytes([sealed[-1] ^ 1])),
    ):
        with pytest.raises(Unreadable, match="rotate it"):
            other.open(changed, user_id)
    assert "k" * 8 not in repr(box)


def test_what_is_sent_is_verified_by_the_standards_own_library(owner, receiver):
    endpoint = owner.add(receiver.url)
    delivery = owner.test(endpoint)
    owner.courier.drain(20)
    [(_path, got, body)] = receiver.received
    told = Webhook(endpoint["secret"]).verify(body, got)
    assert told["type"] == "webhook.test"
    assert told["data"] == {"endpoint_id": endpoint["id"]}
    assert got["webhook-id"] == delivery["message_id"]
    assert abs(int(got["webhook-timestamp"]) - time.time()) < 300


def test_for_a_day_after_a_rotation_messages_are_signed_with_both_secrets(owner, receiver):
    endpoint = owner.add(receiver.url)
    rotated = owner.ask("POST", f"webhook-endpoints/{endpoint['id']}/secret", status=200)
    assert rotated["secret"] != endpoint["secret"]
    assert rotated["old_secret_until"]
    for hours, old_works in ((0, True), (23, True), (25, False)):
        owner.travel(f"{hours} hours")
        owner.test(endpoint)
        owner.courier.drain(20)
        _path, got, body = receiver.received[-1]
        assert Webhook(rotated["secret"]).verify(body, got)
        assert len(got["webhook-signature"].split()) == (2 if old_works else 1)
        if old_works:
            assert Webhook(endpoint["secret"]).verify(body, got)
    assert len(receiver.received) == 3


def test_no_secret_stands_in_the_database_or_in_any_later_answer(owner, receiver):
    endpoint = owner.add(receiver.url)
    secret = base64.b64decode(endpoint["secret"].removeprefix("whsec_"))
    assert len(secret) == 32
    [(stored,)] = owner.market.query("SELECT secret FROM webhooks_endpoints WHERE id = :id", id=endpoint["id"])
    assert secret not in bytes(stored)
    assert endpoint["secret"].encode() not in bytes(stored)
    assert "secret" not in owner.endpoint(endpoint)
    [listed] = owner.ask("GET", "webhook-endpoints")["items"]
    assert listed == owner.endpoint(endpoint)
