"""Events as the gateway records them: snapshots for v1, thin references for v2."""

from dataclasses import dataclass
from datetime import UTC, datetime

from marketcore_simulator.scripts import Script
from marketcore_simulator.stripe.credentials import API_VERSION
from marketcore_simulator.stripe.store import Document, public


@dataclass(frozen=True)
class Cause:
    """The request that made something happen; both None when nothing was asked."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Notice:
    """One event on its way out, and the script that spoils its delivery."""

    event: Document
    script: Script | None

    @property
    def thin(self) -> bool:
        """Tell whether the event only refers to its object."""
        return bool(self.event["object"] == "v2.core.event")

    @property
    def account(self) -> str | None:
        """The connected account a snapshot concerns, None for the platform's own."""
        return self.event.get("account")


def snapshot(
    event_id: str,
    kind: str,
    document: Document,
    at: int,
    cause: Cause,
    account: str | None = None,
    previous: Document | None = None,
) -> Document:
    """Return a v1 event about `document` as it is now; `previous` holds the members that changed."""
    data: Document = {"object": public(document)}
    if previous is not None:
        data["previous_attributes"] = public(previous)
    event: Document = {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": at,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
        "type": kind,
    }
    return event if account is None else {**event, "account": account}


def thin(event_id: str, kind: str, object_id: str, at: datetime, data: Document, changes: Document | None) -> Document:
    """Return a v2 event about a v2 account; what is delivered leaves `data` and `changes` out."""
    return {
        "id": event_id,
        "object": "v2.core.event",
        "type": kind,
        "created": moment(at),
        "livemode": False,
        "context": None,
        "reason": None,
        "related_object": {
            "id": object_id,
            "type": "v2.core.account",
            "url": f"/v2/core/accounts/{object_id}",
        },
        "_data": data,
        "_changes": changes,
    }


def fetched(event: Document) -> Document:
    """Return a v2 event as its retrieval shows it."""
    return {**public(event), "data": public(event["_data"]), "changes": public(event["_changes"])}


def moment(at: datetime) -> str:
    """Write a time as v2 does: RFC 3339 UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
