"""Stripe's way of saying no: {"error": {"type", "code", "message", "param"}}."""

from typing import Any


class StripeError(Exception):
    """Refuse a request. `kept` answers came from work that had begun, so their idempotency key replays them."""

    def __init__(
        self,
        message: str,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        kept: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        members = {"code": code, "message": message, "param": param, "type": kind, **more}
        self._error = {name: value for name, value in members.items() if value is not None}

    def document(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"error": self._error}


def no_such(kind: str, object_id: str, param: str | None = "id", status: int = 404) -> StripeError:
    """Return the refusal of an identifier; `status` is 400 for one named in a parameter."""
    return StripeError(f"No such {kind}: '{object_id}'", "resource_missing", param, status)


def missing(param: str) -> StripeError:
    """Return the refusal of a request without a required parameter."""
    return StripeError(f"Missing required param: {param}.", "parameter_missing", param)


def too_poor(message: str) -> StripeError:
    """Return the refusal of a movement the balance does not cover."""
    return StripeError(message, "balance_insufficient", kept=True)


def wrong_state(message: str, **more: Any) -> StripeError:
    """Return the refusal of a step the PaymentIntent's status does not allow."""
    return StripeError(message, "payment_intent_unexpected_state", **more)
