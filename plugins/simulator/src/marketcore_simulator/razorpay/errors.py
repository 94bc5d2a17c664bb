"""Razorpay's way of saying no: {"error": {"code", "description", "field", "source", "step", "reason", "metadata"}}."""

from marketcore_simulator.wsgi import Response, json_response


class Refusal(Exception):
    """Refuse a request before it has any effect."""

    def __init__(
        self, description: str, field: str | None = None, *, status: int = 400, code: str = "BAD_REQUEST_ERROR"
    ) -> None:
        super().__init__(description)
        self.description = description
        self.field = field
        self.status = status
        self.code = code

    def response(self) -> Response:
        """Return the answer Razorpay gives."""
        error: dict[str, object] = {
            "code": self.code,
            "description": self.description,
            "source": "business",
            "step": "payment_initiation",
            "reason": "input_validation_failed" if self.status == 400 else "NA",
            "metadata": {},
        }
        if self.field is not None:
            error["field"] = self.field
        return json_response({"error": error}, self.status)


def no_such_id() -> Refusal:
    """Return the refusal of an id that names nothing."""
    return Refusal("The id provided does not exist", "id")
