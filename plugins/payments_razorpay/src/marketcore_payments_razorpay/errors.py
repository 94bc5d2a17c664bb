"""What can be said of a call to Razorpay that did not go through."""


class RazorpayError(Exception):
    """Carry a short `code` (Razorpay's own or ours) and a `message` for logs, free of secrets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class NotAttempted(RazorpayError):
    """Say that nothing was done: the request never left, or was turned away before anything was looked at."""


class Rejected(RazorpayError):
    """Say that Razorpay read the request and declined it."""


class OutcomeUnknown(RazorpayError):
    """Say that it may or may not have been done; ask, or repeat only what carries an idempotency key."""
