"""What can go wrong, in the trade's terms. ``web/errors.py`` alone turns these into HTTP answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MarketError(Exception):
    """A refusal that a caller can understand.

    ``code`` is the stable, documented name of the refusal (the last part of the problem's ``type``).
    ``extra`` is added to the problem document; ``errors`` maps a field's path to what is wrong with it.
    Over HTTP, what was written before a refusal that ``keeps`` stays written: a wrong guess has to be counted.
    """

    status = 400
    code = "bad-request"
    title = "The request cannot be carried out"
    keeps = False

    def __init__(self, detail: str = "", *, errors: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = dict(errors or {})
        self.extra = extra


class Malformed(MarketError):
    """The body or query could not be read at all."""

    status, code, title = 400, "malformed", "The request could not be read"


class Invalid(MarketError):
    """Readable, but a field has a wrong type or value."""

    status, code, title = 422, "invalid", "Some fields are not valid"


class NotAuthenticated(MarketError):
    """No valid proof of who is asking."""

    status, code, title = 401, "not-authenticated", "A valid access token is needed"


class Forbidden(MarketError):
    """Known, but not allowed."""

    status, code, title = 403, "forbidden", "You may not do this"


class Blocked(Forbidden):
    """The account is blocked: it may read, but not trade."""

    code, title = "account-blocked", "This account is blocked"


class EmailUnverified(Forbidden):
    """The account's e-mail address has to be confirmed before it may trade."""

    code, title = "email-unverified", "The e-mail address of this account is not confirmed"


class StepUpNeeded(Forbidden):
    """Being logged in is not enough for this: a fresh proof of the second factor is needed first.

    ``methods`` are the ways to prove it, ``minutes`` is how long a proof counts.
    """

    code, title = "step-up-needed", "Prove your second factor first"


class NotFound(MarketError):
    """It does not exist, or not for this caller."""

    status, code, title = 404, "not-found", "There is nothing here for you"


class UnknownCommand(NotFound):
    """No live command has this name; ``command`` says which."""

    code, title = "unknown-command", "There is no such command"


class MethodNotAllowed(MarketError):
    """The address exists, but not for this method; ``allow`` lists those it has."""

    status, code, title = 405, "method-not-allowed", "This address does not take this method"


class Conflict(MarketError):
    """The thing is not in a state that allows this."""

    status, code, title = 409, "conflict", "The current state does not allow this"


class IllegalTransition(Conflict):
    """A state machine has no such step."""

    code, title = "illegal-transition", "This step is not possible now"


class OutOfStock(Conflict):
    """Less is left than was asked for."""

    code, title = "out-of-stock", "Not enough is left"


class PriceChanged(Conflict):
    """What it cost when it was last shown is not what it costs now."""

    code, title = "price-changed", "The price has changed"


class InsufficientFunds(Conflict):
    """A guarded ledger account would fall below zero."""

    code, title = "insufficient-funds", "The balance does not cover this"


class InProgress(Conflict):
    """The same operation is being carried out right now."""

    code, title = "in-progress", "The same operation is still in progress"


class IdempotencyMismatch(MarketError):
    """The key was used before, for another request."""

    status, code = 422, "idempotency-mismatch"
    title = "This Idempotency-Key was used for a different request"


class TooLarge(MarketError):
    """A body over its limit."""

    status, code, title = 413, "too-large", "The body is too large"


class UnsupportedMedia(MarketError):
    """A body of a kind the route does not take."""

    status, code, title = 415, "unsupported-media-type", "This kind of body is not accepted here"


class TooManyRequests(MarketError):
    """A rate limit is used up; ``retry_after`` is in seconds."""

    status, code, title = 429, "too-many-requests", "Too many requests"


class Internal(MarketError):
    """A fault of ours; the log has what happened."""

    status, code, title = 500, "internal", "Internal error"


class Unavailable(MarketError):
    """Something behind this process does not answer."""

    status, code, title = 503, "unavailable", "A service behind this one does not answer"


class ConfigurationError(Exception):
    """The configuration cannot be used: the message names the key, the value and the remedy."""
