"""The inbox of providers' calls: stored raw and unique, claimed by lease, applied once, kept for replay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.db.session import at_once, perform
from marketcore.interfaces import Outcome, WebhookEvent, WebhookRequest
from marketcore.jobs.enqueueing import enqueueing
from marketcore.payments.callbacks import addressee
from marketcore.payments.operations import Operation, operations, provider_called
from marketcore.payments.rules import webhook_backoff
from marketcore.redaction import redact_call
from marketcore.testing.crash import crash_point

log = structlog.get_logger(__name__)
URGENT = 10  # somebody has paid and looks at the screen: letters and pictures can wait
KEPT_HEADERS = frozenset(
    {"content-type", "user-agent", "stripe-signature", "x-razorpay-signature", "x-razorpay-event-id"}
)

_INTO_INBOX = """INSERT INTO webhook_inbox (provider, dedupe_key, token, answering, body, body_sha256, headers,
                                             remote_addr)
       VALUES (:provider, :dedupe_key, :token, :answering, :body, :body_sha256, CAST(:headers AS jsonb), :remote_addr)
       ON CONFLICT (provider, dedupe_key) DO NOTHING RETURNING id"""
_STORE = text(_INTO_INBOX)
_STORE_AND_QUEUE = text(
    f"WITH stored AS ({_INTO_INBOX}) {enqueueing('stored', 'jsonb_build_object($$inbox_id$$, id)')}"
)
_CLAIM = text(
    """UPDATE webhook_inbox SET lease_until = market_clock() + interval '60 seconds', attempts = attempts + 1
       WHERE id = :id AND status IN ('received','failed') AND (lease_until IS NULL OR lease_until < market_clock())
       RETURNING id, provider, dedupe_key, token, answering, body, headers, remote_addr, attempts"""
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
# A fault takes its claim, and the attempt, back with it, unless it came while the provider was asked.
_FAILED = text(
    """UPDATE webhook_inbox SET attempts = attempts + CASE WHEN lease_until > market_clock() THEN 0 ELSE 1 END
       WHERE id = :id AND status IN ('received','failed') RETURNING provider, attempts"""
)
_DEFER = text(
    """UPDATE webhook_inbox SET status = CASE WHEN CAST(:seconds AS int) IS NULL THEN 'dead' ELSE 'failed' END,
              lease_until = NULL, last_error = :error,
              next_at = market_clock() + make_interval(secs => coalesce(CAST(:seconds AS int), 0))
       WHERE id = :id AND status IN ('received','failed')"""
)
_FORGET_BODIES = text(
    "UPDATE webhook_inbox SET body = NULL, headers = '{}' WHERE received_at < market_clock() - interval '90 days' "
    "AND body IS NOT NULL AND status IN ('done','ignored')"
)
# What is done with trusted events that are about no operation of ours: ``reader(request, provider, event)``.
_ALSO_NAMED = {"destination": "payout_destinations"}
READERS: dict[str, Callable[[Any, str, WebhookEvent], None]] = {}


class InboxService:
    """Stores calls and finds what they are about."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def store(self, provider: str, call: WebhookRequest, events: Sequence[WebhookEvent]) -> list[int]:
        """Store the events of a verified call and return the ids of those not seen before."""
        found = (self._session.execute(_STORE, row).scalar() for row in _rows(provider, call, events))
        return [inbox_id for inbox_id in found if inbox_id is not None]

    def whose(self, registry: Any, provider: str, token: str, event: WebhookEvent) -> tuple[str, UUID] | None:
        """Return subject and id of the operation an event is about: by our id, its address or the reference."""
        if event.attempt_id:
            return self._one(registry, event.subject, "id", provider, event.attempt_id)
        if token:
            address = addressee(self._session, provider, token)
            return (address.subject, address.subject_id) if address else None
        if event.reference:
            return self._one(registry, event.subject, "provider_reference", provider, event.reference)
        return None

    def _one(self, registry: Any, subject: str, column: str, provider: str, value: Any) -> tuple[str, UUID] | None:
        operation = operations(registry).get(subject)
        table = operation.table if operation else _ALSO_NAMED.get(subject)
        if table is None:
            return None
        statement = text(f"SELECT id FROM {table} WHERE provider = :provider AND {column} = :value")
        found = self._session.execute(statement, {"provider": provider, "value": value}).scalar()
        return (subject, found) if found else None


def receive(registry: Any, provider: str, call: WebhookRequest, events: Sequence[WebhookEvent]) -> None:
    """Store the events of a verified call and have those not seen before applied; committed in one round trip."""
    job = {"job": "payments.process_webhook", "priority": URGENT}
    rows = _rows(provider, call, events)
    at_once(registry["engine"], *((_STORE_AND_QUEUE, {**row, **job}) for row in rows))
    registry["job caller"].call()


def _rows(provider: str, call: WebhookRequest, events: Sequence[WebhookEvent]) -> list[dict[str, Any]]:
    base = {
        "provider": provider,
        "token": call.token,
        "answering": call.answering,
        "body": call.body,
        "body_sha256": hashlib.sha256(call.body).digest(),
        "headers": json.dumps(_kept(call.headers)),
        "remote_addr": call.remote_addr,
    }
    return [{**base, "dedupe_key": event.dedupe_key[:200]} for event in events]


@dataclass(frozen=True, slots=True)
class _Question:
    """An operation whose provider is to be asked because of an event; of a ``hint`` nothing has been believed yet."""

    inbox_id: int
    operation: Operation
    operation_id: UUID
    hint: WebhookEvent | None = None


def process(registry: Any, inbox_id: int) -> None:
    """Apply one stored event; a fault puts it off with back-off, and after the last try it is dead and loud."""
    try:
        question = perform(registry, _apply, inbox_id)
        if question is not None:
            _ask(registry, question)
    except Exception as error:
        log.exception("webhook_failed", inbox_id=inbox_id)
        perform(registry, _defer, inbox_id, redact_call(f"{type(error).__name__}: {error}")[:500])


def _apply(request: Any, inbox_id: int) -> _Question | None:
    """Claim an event and do, in the same transaction, all that can be done without asking anybody."""
    row = _claim(request, inbox_id)
    if row is None:
        return None
    event = _event_of(request, row)
    if event.subject == "other":
        _finish(request, row.id, "ignored")
        return None
    if event.subject in READERS:
        READERS[event.subject](request, row.provider, event)
        _finish(request, row.id)
        return None
    found = InboxService(request.db).whose(request.registry, row.provider, row.token, event)
    if found is None:
        raise LookupError(f"no {event.subject} of {row.provider} fits event {row.dedupe_key}")
    return _carry_out(request, row, event, *found)


def _event_of(request: Any, row: Any) -> WebhookEvent:
    provider = provider_called(request.registry, row.provider)
    address = addressee(request.db, row.provider, row.token) if row.token else None
    subject = address.subject if address else ""
    call = WebhookRequest(bytes(row.body), row.headers, row.remote_addr, row.token, row.answering, subject)
    return next(event for event in provider.translate(call) if event.dedupe_key[:200] == row.dedupe_key)


def _carry_out(request: Any, row: Any, event: WebhookEvent, subject: str, operation_id: UUID) -> _Question | None:
    operation = operations(request.registry)[subject]
    if not event.trusted or event.result is None:
        return _Question(row.id, operation, operation_id, event)
    operation.apply(request, operation_id, event.result, "webhook")
    _finish(request, row.id)
    return _Question(row.id, operation, operation_id) if event.result.outcome is Outcome.AUTHORIZED else None


def _ask(registry: Any, question: _Question) -> None:
    question.operation.ask(registry, question.operation_id, "webhook", hint=question.hint)
    crash_point("payments.webhook_before_done")
    if question.hint is not None:
        perform(registry, _finish_hint, question.inbox_id, question.operation, question.operation_id)


def due(request: Any, limit: int = 50) -> list[int]:
    """Return the ids of events that wait to be processed."""
    return list(request.db.execute(_DUE, {"limit": limit}).scalars())


def forget_bodies(request: Any) -> None:
    """Delete the bodies of calls after 90 days: they name people; their hashes stay."""
    request.db.execute(_FORGET_BODIES)


def _claim(request: Any, inbox_id: int) -> Any:
    return request.db.execute(_CLAIM, {"id": inbox_id}).first()


def _finish_hint(request: Any, inbox_id: int, operation: Operation, operation_id: UUID) -> None:
    request.db.execute(
        text(
            f"""UPDATE {operation.table} SET next_check_at = least(next_check_at, market_clock() + interval '3 seconds')
                WHERE id = :id AND next_check_at IS NOT NULL"""
        ),
        {"id": operation_id},
    )
    _finish(request, inbox_id)


def _finish(request: Any, inbox_id: int, status: str = "done") -> None:
    request.db.execute(_FINISH, {"id": inbox_id, "status": status})


def _defer(request: Any, inbox_id: int, error: str) -> None:
    row = request.db.execute(_FAILED, {"id": inbox_id}).first()
    if row is None:
        return
    seconds = webhook_backoff(row.attempts)
    if seconds is None:
        log.error("webhook_dead", inbox_id=inbox_id, provider=row.provider, error=error)
    request.db.execute(_DEFER, {"id": inbox_id, "seconds": seconds, "error": error})


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:500] for name, value in headers.items() if name.lower() in KEPT_HEADERS}


def inbox_service(_context: Any, request: Any) -> InboxService:
    """Return the request's ``InboxService``."""
    return InboxService(request.db)
