"""What can be said of a call to Daraja that did not go through."""


class DarajaError(Exception):
    """Carry Daraja's `error_code` (or our own word for it) and a `message` for logs, free of secrets."""

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(f"{error_code}: {message}")
        self.error_code = error_code
        self.message = message


class NotAttempted(DarajaError):
    """Say that nothing was done: the request never left, or was refused before anything was done."""


class Rejected(DarajaError):
    """Say that Daraja took the request and declined it: an answer with a ResponseCode other than 0."""


class OutcomeUnknown(DarajaError):
    """Say that a prompt, payout or reversal may or may not exist; reconcile, never send again."""


class AlreadySubmitted(OutcomeUnknown):
    """Say that Daraja knows a payout with this OriginatorConversationID; ask what became of it."""
