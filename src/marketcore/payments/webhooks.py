"""Where providers call: verify, store, answer. What was stored is applied by a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.exceptions import Malformed, NotAuthenticated, NotFound
from marketcore.interfaces import WebhookEvent, WebhookRequest
from marketcore.payments import inbox
from marketcore.payments.callbacks import addressee
from marketcore.payments.operations import providers
from marketcore.payments.rules import token_hash
from marketcore.web.derivers import bounded_body

log = structlog.get_logger(__name__)
MAX_BODY = 262_144
_HEADERS = ("HTTP_", "CONTENT_TYPE", "CONTENT_LENGTH")


@view_config(route_name="payments.hook", request_method="POST", permission="unidentified")
@view_config(route_name="payments.hook.token", request_method="POST", permission="unidentified")
def receive(request: Any) -> Response:
    """Store a provider's call and acknowledge it."""
    provider = _provider(request)
    token = _token(request)
    address = addressee(request.db, provider.name, token) if token else None
    call = WebhookRequest(
        body=bounded_body(request, MAX_BODY),
        headers=_headers(request.environ),
        remote_addr=request.remote_addr or "",
        token=token,
        answering=bool(address and address.question),
        subject=address.subject if address else "",
    )
    if not provider.verify(call):
        log.warning("webhook_refused", provider=provider.name, remote=call.remote_addr)
        raise NotAuthenticated("the signature of this call is not valid")
    _store(request, provider, call)
    content_type, body = provider.acknowledge()
    return Response(body, content_type=content_type, charset=None)


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    given = ((name.removeprefix("HTTP_"), value) for name, value in environ.items() if name.startswith(_HEADERS))
    return {name.replace("_", "-").title(): value for name, value in given}


def _token(request: Any) -> str:
    # Nobody behind this line, be it a provider or a table, gets to know the address itself.
    token = request.matchdict.get("token", "")
    return token_hash(token).hex() if token else ""


def _provider(request: Any) -> Any:
    slug = request.matchdict["slug"]
    for provider in providers(request.registry):
        if provider.webhook_slug == slug:
            return provider
    raise NotFound


def _store(request: Any, provider: Any, call: WebhookRequest) -> None:
    try:
        events = provider.translate(call)
    except ValueError as error:
        raise Malformed(f"this call cannot be read: {error}") from None
    # An unsigned call about nothing we know costs its sender nothing: it is counted, not kept.
    known = [event for event in events if event.trusted or _is_known(request, provider.name, call.token, event)]
    if len(known) < len(events):
        log.warning("webhook_about_nothing_known", provider=provider.name, remote=call.remote_addr)
    if known:
        inbox.receive(request.registry, provider.name, call, known)


def _is_known(request: Any, provider: str, token: str, event: WebhookEvent) -> bool:
    return request.find_service(inbox.InboxService).whose(request.registry, provider, token, event) is not None
