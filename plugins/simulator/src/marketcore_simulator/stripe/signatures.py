"""Stripe-Signature: t=<unix>,v1=<hex>[,v1=<hex>…]. Pure."""

import hashlib
import hmac
from collections.abc import Iterable


def signature_header(body: bytes, secrets: Iterable[str], at: int) -> str:
    """Sign a body with every active secret of an endpoint."""
    signed = f"{at}.".encode() + body
    values = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={value}" for value in values)])
