"""What can be said of a call to Stripe that did not go through."""

from __future__ import annotations


class StripeTrouble(Exception):
    """Carry Stripe's ``code`` (or our own word for it) and a ``message`` for logs, free of secrets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class NotSent(StripeTrouble):
    """Say that nothing was done: no try of the call reached Stripe, or each was turned away at the door."""


class Refused(StripeTrouble):
    """Say that it cannot be done: Stripe read the request and did not do it, or would not understand it.

    ``param`` names the parameter Stripe objects to.
    """

    def __init__(self, code: str, message: str, param: str = "") -> None:
        super().__init__(code, message)
        self.param = param


class Unclear(StripeTrouble):
    """Say that what was asked for may or may not have happened."""
