"""Daraja's way of saying no: {"requestId", "errorCode", "errorMessage"}."""

from marketcore_simulator.wsgi import Response, json_response


class Refusal(Exception):
    """Refuse a request before it has any effect."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message

    def response(self, request_id: str) -> Response:
        """Return the answer Daraja gives."""
        document = {"requestId": request_id, "errorCode": self.code, "errorMessage": self.message}
        return json_response(document, self.status)


def bad_field(name: str) -> Refusal:
    """Return the refusal of one field."""
    return Refusal(400, "400.002.02", f"Bad Request - Invalid {name}")


def bad_payload() -> Refusal:
    """Return the refusal of a body that is not a JSON object."""
    return Refusal(400, "400.002.05", "Invalid Request Payload")


def no_answer(message: str, status: int = 500) -> Refusal:
    """Return the code that means something else every time; only its message tells."""
    return Refusal(status, "500.001.1001", message)
