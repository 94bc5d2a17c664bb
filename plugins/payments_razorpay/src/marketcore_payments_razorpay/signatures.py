"""Signatures of the checkout's return and of webhooks: HMAC-SHA256 in hexadecimal. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def sign(secret: str, message: bytes) -> str:
    """Return the signature of `message`."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def checkout_is_genuine(key_secret: str, order_id: str, payment_id: str, signature: str) -> bool:
    """Tell whether Razorpay signed that `payment_id` pays `order_id`, which must be the one we keep ourselves."""
    return _same(sign(key_secret, f"{order_id}|{payment_id}".encode()), signature)


def webhook_is_genuine(secrets: Iterable[str], body: bytes, signature: str) -> bool:
    """Tell whether one of the secrets, the present one or one still in rotation, signed the raw body."""
    return any(_same(sign(secret, body), signature) for secret in secrets)


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
