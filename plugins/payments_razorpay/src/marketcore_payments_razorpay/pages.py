"""The addresses of the pages a payer meets on the way to the hosted checkout and back."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from uuid import UUID


class Pages:
    """Addresses of one payment's pages, none of which can be guessed.

    `public_url` returns the marketplace's own address; `key` signs. The token of a payment follows from its id, so
    that its page can be named again after the first answer got lost.
    """

    def __init__(self, public_url: Callable[[], str], key: bytes) -> None:
        self._public_url = public_url
        self._key = key

    def token(self, payment_id: UUID) -> str:
        """Return what proves that an address was given out by us: 64 hexadecimal digits."""
        return hmac.new(self._key, payment_id.bytes, hashlib.sha256).hexdigest()

    def is_genuine(self, payment_id: UUID, token: str) -> bool:
        """Tell whether `token` is the payment's."""
        return hmac.compare_digest(self.token(payment_id).encode(), token.encode("utf-8", "replace"))

    def pay(self, payment_id: UUID) -> str:
        """Return the page that takes the payer to the checkout."""
        return f"{self._public_url().rstrip('/')}/pay/razorpay/{payment_id}/{self.token(payment_id)}"

    def back(self, payment_id: UUID) -> str:
        """Return where the checkout posts its result to (`callback_url`)."""
        return f"{self.pay(payment_id)}/back"

    def cancelled(self, payment_id: UUID) -> str:
        """Return where the payer is sent who leaves the checkout (`cancel_url`)."""
        return f"{self.pay(payment_id)}/cancelled"

    def status(self, payment_id: UUID) -> str:
        """Return the page that says how the payment stands."""
        return f"{self.pay(payment_id)}/status"
