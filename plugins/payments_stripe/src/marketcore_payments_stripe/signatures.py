"""Stripe-Signature: ``t=<unix time>,v1=<hex>[,v1=<hex>…]``, an HMAC-SHA256 of time and body. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

TOLERANCE = timedelta(seconds=300)
_LONGEST_HEADER = 4096


def is_signed(body: bytes, header: str, secrets: Sequence[str], now: datetime) -> bool:
    """Whether one of ``secrets`` signed ``body`` at most five minutes before or after ``now``."""
    at, given = _parts(header)
    if at is None or abs(int(now.timestamp()) - int(at)) > TOLERANCE.total_seconds():
        return False
    expected = [_signature(body, at, secret) for secret in secrets]
    # Every pair is compared, so that the time taken tells nothing about which secret came close.
    return sum(hmac.compare_digest(own, other) for own in expected for other in given) > 0


def _parts(header: str) -> tuple[str | None, list[bytes]]:
    pairs = [part.strip().partition("=") for part in header[:_LONGEST_HEADER].split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    usable = len(times) == 1 and times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12
    signatures = [value.encode() for name, _, value in pairs if name == "v1"]
    return (times[0] if usable else None), signatures


def _signature(body: bytes, at: str, secret: str) -> bytes:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
