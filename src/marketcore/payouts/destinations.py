"""Where people are paid: written first, made known to the provider outside any transaction, usable once active."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import colander
import structlog
from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.directives import table
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import Destination, Enrollment, NextAction, WebhookEvent
from marketcore.payouts.rules import MAX_DESTINATIONS
from marketcore.settings import section
from marketcore.testing.crash import crash_point

log = structlog.get_logger(__name__)

_LOCK_USER = text("SELECT id FROM users WHERE id = :user FOR NO KEY UPDATE")
_COUNT = text("SELECT count(*) FROM payout_destinations WHERE user_id = :user AND state <> 'removed'")
_INSERT = text(
    """INSERT INTO payout_destinations (id, user_id, provider, label, details, state)
       VALUES (:id, :user, :provider, :label, CAST(:details AS jsonb), 'pending')"""
)
_OWN = """SELECT * FROM payout_destinations WHERE id = :id AND user_id = :user AND state <> 'removed'"""
_READ = text(_OWN)
_SHARE = text(f"{_OWN} FOR SHARE")
_LOCK_OWN = text(f"{_OWN} FOR NO KEY UPDATE")
_LIST = text("SELECT * FROM payout_destinations WHERE user_id = :user AND state <> 'removed' ORDER BY created_at, id")
_IN_USE = text(
    """SELECT id FROM payouts WHERE destination_id = :id AND user_id = :user
         AND state IN ('requested','approved','submitting','sent','unknown') LIMIT 1"""
)
_REMOVE = text("UPDATE payout_destinations SET state = 'removed', updated_at = market_clock() WHERE id = :id")
_TO_ENROLL = text(
    """SELECT d.*, u.email FROM payout_destinations d JOIN users u ON u.id = d.user_id
       WHERE d.id = :id AND d.state <> 'removed'"""
)
_LOCK = text("SELECT * FROM payout_destinations WHERE id = :id FOR NO KEY UPDATE")
_LOCK_NAMED = text(
    """SELECT * FROM payout_destinations WHERE provider = :provider
         AND (id = :id OR (CAST(:id AS uuid) IS NULL AND provider_reference = :reference))
       ORDER BY id FOR NO KEY UPDATE"""
)
_CHANGE = text(
    """UPDATE payout_destinations SET state = :state, reason = :reason, updated_at = market_clock(),
              provider_reference = coalesce(provider_reference, :reference) WHERE id = :id"""
)
_STATES = frozenset({"pending", "active", "rejected"})


class DestinationService:
    """A user's payout destinations."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._session = request.db

    def add(self, user_id: int, provider_name: str, label: str, details: Mapping[str, Any]) -> UUID:
        """Write a destination in state ``pending`` and return its id; the caller commits and then calls ``enroll``.

        ``Invalid`` names the fields of ``details`` that the provider's schema refuses; ``Conflict``: there are enough.
        """
        known = table(self._request.registry, "payout providers")
        if provider_name not in known:
            raise Invalid(errors={"provider": f"must be one of {', '.join(sorted(known)) or 'none: nobody pays out'}"})
        written = _checked_details(known[provider_name].destination_schema, details)
        self._session.execute(_LOCK_USER, {"user": user_id})
        if self._session.execute(_COUNT, {"user": user_id}).scalar_one() >= MAX_DESTINATIONS:
            raise Conflict(f"you have {MAX_DESTINATIONS} payout destinations, which is the most: remove one first")
        destination_id = uuid4()
        row = {"user": user_id, "provider": provider_name, "label": label, "details": written}
        self._session.execute(_INSERT, {"id": destination_id, **row})
        return destination_id

    def read(self, destination_id: UUID, user_id: int) -> Any:
        """Return a destination of the user's; ``NotFound`` for a removed one or somebody else's."""
        return self._own(_READ, destination_id, user_id)

    def usable(self, destination_id: UUID, user_id: int) -> Any:
        """Return an active destination of the user's and keep it so until the end of the transaction."""
        row = self._own(_SHARE, destination_id, user_id)
        if row.state != "active":
            raise Conflict(f"this destination is {row.state}: it can be paid to once it is active", state=row.state)
        return row

    def of_user(self, user_id: int) -> list[Any]:
        """Return the user's destinations, oldest first."""
        return list(self._session.execute(_LIST, {"user": user_id}))

    def remove(self, destination_id: UUID, user_id: int) -> None:
        """Remove a destination; ``Conflict`` while a payout is on its way there."""
        row = self._own(_LOCK_OWN, destination_id, user_id)
        underway = self._session.execute(_IN_USE, {"id": row.id, "user": user_id}).scalar()
        if underway is not None:
            raise Conflict(
                f"payout {underway} is on its way there: cancel it or wait for its end", payout=str(underway)
            )
        self._session.execute(_REMOVE, {"id": row.id})

    def answer(self, destination_id: UUID, enrollment: Enrollment, asked_at: datetime) -> None:
        """Apply what a provider has answered to ``enroll``.

        ``asked_at`` is the row's ``updated_at`` before the call: what was heard since then is newer than the answer.
        """
        row = self._session.execute(_LOCK, {"id": destination_id}).one()
        if row.updated_at == asked_at:
            self._change(row, enrollment)

    def hear(self, provider_name: str, event: WebhookEvent) -> bool:
        """Apply what a provider says of a destination by itself; ``False`` if it is nobody's."""
        values = {"provider": provider_name, "id": event.attempt_id, "reference": event.reference}
        rows = self._session.execute(_LOCK_NAMED, values).all()
        for row in rows:
            self._change(row, event.enrollment)
        return bool(rows)

    def named(self, provider_name: str, event: WebhookEvent) -> list[UUID]:
        """Return the destinations that an event is about."""
        values = {"provider": provider_name, "id": event.attempt_id, "reference": event.reference}
        return [row.id for row in self._session.execute(_LOCK_NAMED, values)]

    def _change(self, row: Any, enrollment: Enrollment | None) -> None:
        if row.state == "removed" or enrollment is None:
            return
        if enrollment.state not in _STATES:
            log.error("enrollment_not_understood", destination_id=str(row.id), state=enrollment.state)
            return
        values = {"id": row.id, "state": enrollment.state, "reference": enrollment.reference}
        self._session.execute(_CHANGE, {**values, "reason": (enrollment.reason or "")[:200]})

    def _own(self, statement: Any, destination_id: UUID, user_id: int) -> Any:
        row = self._session.execute(statement, {"id": destination_id, "user": user_id}).first()
        if row is None:
            raise NotFound(f"there is no payout destination {destination_id} of yours")
        return row


def enroll(registry: Any, destination_id: UUID) -> NextAction | None:
    """Make a committed destination known to its provider, outside any transaction; return what its owner has to do."""
    row = perform(registry, _to_enroll, destination_id)
    provider = table(registry, "payout providers").get(row.provider) if row else None
    if provider is None:
        return None
    crash_point("destinations.before_enroll")
    try:
        enrollment = provider.enroll(_as_seen(registry, row))
    except Exception:
        # Nothing is lost: it stays as it is, and its owner may ask for a link again.
        log.exception("enrollment_failed", destination_id=str(row.id), provider=row.provider)
        return None
    crash_point("destinations.after_enroll")
    perform(registry, _answer, row.id, enrollment, row.updated_at)
    action: NextAction | None = enrollment.next_action
    return action


def hear_of_destination(request: Any, provider_name: str, event: WebhookEvent) -> None:
    """Apply a trusted event about a destination, and ask about it after a hint.

    ``LookupError`` puts off an event that is ahead of our own answer.
    """
    if not event.trusted or event.enrollment is None:
        for destination_id in request.find_service(DestinationService).named(provider_name, event):
            request.enqueue("payouts.ask_destination", destination_id=str(destination_id))
        return
    if not request.find_service(DestinationService).hear(provider_name, event):
        raise LookupError(f"no payout destination of {provider_name} fits event {event.dedupe_key}")


def _as_seen(registry: Any, row: Any) -> Destination:
    settings = section(registry, "payouts")
    own = f"{section(registry, 'marketcore')['public_url'].rstrip('/')}/api/v1/payout-destinations/{row.id}"
    return Destination(
        id=row.id,
        user_id=row.user_id,
        email=row.email,
        details=row.details,
        reference=row.provider_reference,
        return_url=settings["return_url"] or own,
        refresh_url=settings["refresh_url"] or own,
    )


def _to_enroll(request: Any, destination_id: UUID) -> Any:
    return request.db.execute(_TO_ENROLL, {"id": destination_id}).first()


def _answer(request: Any, destination_id: UUID, enrollment: Enrollment, asked_at: datetime) -> None:
    request.find_service(DestinationService).answer(destination_id, enrollment, asked_at)


def _checked_details(schema: Any, details: Mapping[str, Any]) -> str:
    """Return ``details`` as the provider's schema reads them, as JSON; ``Invalid`` names what it refuses."""
    try:
        read = json.dumps(dict(schema.deserialize(dict(details))))
    except colander.Invalid as invalid:
        faults = {f"details.{field.lstrip('.')}".rstrip("."): str(why) for field, why in invalid.asdict().items()}
        raise Invalid(errors=faults) from None
    if "\\u0000" in read.replace("\\\\", ""):
        raise Invalid(errors={"details": "contain a character that text may not have (NUL)"})
    return read


def destination_service(_context: Any, request: Any) -> DestinationService:
    """Return the request's ``DestinationService``."""
    return DestinationService(request)
