"""The inbox of providers' calls: stored raw and unique, claimed by lease, applied once, kept for replay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from zope.sqlalchemy import mark_changed

from marketcore.db.session import perform
from marketcore.interfaces import WebhookEvent, WebhookRequest
from marketcore.payments.asking import ask
from marketcore.payments.rules import webhook_backoff
from marketcore.payments.services import PaymentService
from marketcore.testing.crash import crash_point

log = structlog.get_logger(__name__)
KEPT_HEADERS = frozenset(
    {"content-type", "user-agent", "stripe-signature", "x-razorpay-signature", "x-razorpay-event-id"}
)

_STORE = text(
    """INSERT INTO webhook_inbox (provider, dedupe_key, token, body, body_sha256, headers, remote_addr)
       VALUES (:provider, :dedupe_key, :token, :body, :body_sha256, CAST(:headers AS jsonb), :remote_addr)
       ON CONFLICT (provider, dedupe_key) DO NOTHING RETURNING id"""
)
_CLAIM = text(
    """UPDATE webhook_inbox SET lease_until = market_clock() + interval '60 seconds', attempts = attempts + 1
       WHERE id = :id AND status IN ('received','failed') AND (lease_until IS NULL OR lease_until < market_clock())
       RETURNING id, provider, dedupe_key, token, body, headers, remote_addr, attempts"""
)
_DUE = text(
    """SELECT id FROM webhook_inbox WHERE status IN ('received','failed') AND next_at <= market_clock()
         AND (lease_until IS NULL OR lease_until < market_clock())
       ORDER BY next_at LIMIT :limit"""
)
_FINISH = text(
    """UPDATE webhook_inbox SET status = :status, done_at = market_clock(), lease_until = NULL, last_error = ''
       WHERE id = :id"""
)
_DEFER = text(
    """UPDATE webhook_inbox SET status = CASE WHEN CAST(:seconds AS int) IS NULL THEN 'dead' ELSE 'failed' END,
              lease_until = NULL, last_error = :error,
              next_at = market_clock() + make_interval(secs => coalesce(CAST(:seconds AS int), 0))
       WHERE id = :id AND status IN ('received','failed')"""
)
_BY_TOKEN = text("SELECT id FROM payments WHERE provider = :provider AND token_hash = :hash")
_BY_REFERENCE = text("SELECT id FROM payments WHERE provider = :provider AND provider_reference = :reference")
_BY_ID = text("SELECT id FROM payments WHERE provider = :provider AND id = :id")
_FORGET_BODIES = text(
    "UPDATE webhook_inbox SET body = NULL, headers = '{}' WHERE received_at < market_clock() - interval '90 days' "
    "AND body IS NOT NULL AND status IN ('done','ignored')"
)


class InboxService:
    """Stores calls and finds whose payment they are about."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def store(self, provider: str, call: WebhookRequest, events: Sequence[WebhookEvent]) -> list[int]:
        """Store the events of a verified call and return the ids of those not seen before."""
        base = {
            "provider": provider,
            "token": call.token,
            "body": call.body,
            "body_sha256": hashlib.sha256(call.body).digest(),
            "headers": json.dumps(_kept(call.headers)),
            "remote_addr": call.remote_addr,
        }
        found = (
            self._session.execute(_STORE, {**base, "dedupe_key": event.dedupe_key[:200]}).scalar() for event in events
        )
        new = [inbox_id for inbox_id in found if inbox_id is not None]
        mark_changed(self._session)
        return new

    def payment_of(self, provider: str, token: str, event: WebhookEvent) -> UUID | None:
        """Return the payment an event is about: by our id, else by its callback token, else by the reference."""
        if event.attempt_id:
            return self._one(_BY_ID, provider=provider, id=event.attempt_id)
        if token:
            return self._one(_BY_TOKEN, provider=provider, hash=bytes.fromhex(token))
        return self._one(_BY_REFERENCE, provider=provider, reference=event.reference) if event.reference else None

    def _one(self, statement: Any, **parameters: Any) -> UUID | None:
        found: UUID | None = self._session.execute(statement, parameters).scalar()
        return found


def process(registry: Any, inbox_id: int) -> None:
    """Apply one stored event; a fault puts it off with back-off, and after the last try it is dead and loud."""
    row = perform(registry, _claim, inbox_id)
    if row is None:
        return
    try:
        _apply(registry, row)
    except Exception as error:
        log.exception("webhook_failed", inbox_id=inbox_id, attempts=row.attempts)
        perform(registry, _defer, row, f"{type(error).__name__}: {error}"[:500])


def _apply(registry: Any, row: Any) -> None:
    provider = registry["payment_routing"].by_name(row.provider)
    call = WebhookRequest(bytes(row.body), row.headers, row.remote_addr, row.token)
    event = next(event for event in provider.translate(call) if event.dedupe_key[:200] == row.dedupe_key)
    payment_id = perform(registry, _payment_of, row, event)
    if payment_id is None:
        raise LookupError(f"no payment of {row.provider} fits event {row.dedupe_key}")
    if event.trusted and event.result is not None:
        perform(registry, _apply_and_finish, payment_id, event, row.id)
        return
    ask(registry, payment_id, "webhook", hint=event)
    crash_point("payments.webhook_before_done")
    perform(registry, _finish_hint, row.id, payment_id)


def due(request: Any, limit: int = 50) -> list[int]:
    """Return the ids of events that wait to be processed."""
    return list(request.db.execute(_DUE, {"limit": limit}).scalars())


def forget_bodies(request: Any) -> None:
    """Delete the bodies of calls after 90 days: they name people; their hashes stay."""
    request.db.execute(_FORGET_BODIES)
    mark_changed(request.db)


_ASK_SOON = text(
    """UPDATE payments SET next_check_at = least(next_check_at, market_clock() + interval '3 seconds')
       WHERE id = :id AND state IN ('created','submitting','pending','unknown','authorized')"""
)


def _claim(request: Any, inbox_id: int) -> Any:
    row = request.db.execute(_CLAIM, {"id": inbox_id}).first()
    mark_changed(request.db)
    return row


def _payment_of(request: Any, row: Any, event: WebhookEvent) -> UUID | None:
    return InboxService(request.db).payment_of(row.provider, row.token, event)


def _apply_and_finish(request: Any, payment_id: UUID, event: WebhookEvent, inbox_id: int) -> None:
    request.find_service(PaymentService).apply_provider_state(payment_id, event.result, "webhook")
    _finish(request, inbox_id)


def _finish_hint(request: Any, inbox_id: int, payment_id: UUID) -> None:
    request.db.execute(_ASK_SOON, {"id": payment_id})
    _finish(request, inbox_id)


def _finish(request: Any, inbox_id: int) -> None:
    request.db.execute(_FINISH, {"id": inbox_id, "status": "done"})
    mark_changed(request.db)


def _defer(request: Any, row: Any, error: str) -> None:
    seconds = webhook_backoff(row.attempts)
    if seconds is None:
        log.error("webhook_dead", inbox_id=row.id, provider=row.provider, error=error)
    request.db.execute(_DEFER, {"id": row.id, "seconds": seconds, "error": error})
    mark_changed(request.db)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:500] for name, value in headers.items() if name.lower() in KEPT_HEADERS}


def inbox_service(_context: Any, request: Any) -> InboxService:
    """Return the request's ``InboxService``."""
    return InboxService(request.db)
