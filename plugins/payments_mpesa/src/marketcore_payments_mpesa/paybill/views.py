"""Where Daraja reports paybill payments, and asks whether it may take them."""

from __future__ import annotations

import hmac
from typing import Any

import structlog
from pyramid.view import view_config

from marketcore.exceptions import Malformed, NotFound
from marketcore.interfaces import WebhookRequest
from marketcore.settings import section
from marketcore.web.derivers import bounded_body
from marketcore_payments_mpesa.paybill.services import PaybillService

log = structlog.get_logger(__name__)
MAX_BODY = 65_536


@view_config(
    route_name="payments_mpesa.confirmation", request_method="POST", permission="unidentified", renderer="json"
)
def confirm(request: Any) -> dict[str, Any]:
    """Keep the confirmation of a payment."""
    call = WebhookRequest(_body(request), dict(request.headers), request.remote_addr or "", token="")
    try:
        request.find_service(PaybillService).confirm(call)
    except ValueError as error:
        raise Malformed(f"this confirmation cannot be read: {error}") from None
    return {"ResultCode": 0, "ResultDesc": "Accepted"}


@view_config(route_name="payments_mpesa.validation", request_method="POST", permission="unidentified", renderer="json")
def validate(request: Any) -> dict[str, Any]:
    """Say whether a payment may be made."""
    try:
        code = request.find_service(PaybillService).objection(_body(request))
    except ValueError as error:
        raise Malformed(f"this question cannot be read: {error}") from None
    return {"ResultCode": code or "0", "ResultDesc": "Rejected" if code else "Accepted"}


def _body(request: Any) -> bytes:
    """Return the body of a call to the true address; what the address was is told to nobody."""
    expected = section(request.registry, "payments_mpesa")["c2b_secret"]
    if not hmac.compare_digest(request.matchdict["token"].encode(), expected.encode()):
        raise NotFound
    body: bytes = bounded_body(request, MAX_BODY)
    return body
