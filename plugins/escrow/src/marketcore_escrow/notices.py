"""What owners and applicants are told, by the channels they chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from marketcore.notifications.services import NotificationService
from marketcore_escrow.events import AdvertisementChanged, ApplicationChanged

_TITLE = text("SELECT title FROM escrow_advertisements WHERE id = :id")
_TEMPLATES = "marketcore_escrow:templates"
# Of which step of an application who is told; nobody is told of what they did themselves.
_TOLD: Mapping[str, frozenset[str]] = {
    "applied": frozenset({"owner"}),
    "withdrawn": frozenset({"owner"}),
    "accepted": frozenset({"applicant"}),
    "declined": frozenset({"applicant"}),
    "submitted": frozenset({"owner"}),
    "rejected": frozenset({"applicant"}),
    "disputed": frozenset({"owner", "applicant"}),
    "released": frozenset({"owner", "applicant"}),
    "returned": frozenset({"owner", "applicant"}),
    "split": frozenset({"owner", "applicant"}),
}
_TITLES = {
    "applied": "Somebody applies for your advertisement",
    "withdrawn": "Somebody takes back their application",
    "accepted": "Your application was accepted",
    "declined": "Your application was declined",
    "submitted": "A proof waits for your answer",
    "rejected": "Your proof was rejected",
    "disputed": "A share of an advertisement is disputed",
    "released": "A share of an advertisement is released",
    "returned": "A share of an advertisement is not paid",
    "split": "A share of an advertisement is divided",
}
_ENDS = {"open": "advertisement.funded", "finished": "advertisement.ended", "cancelled": "advertisement.ended"}


def tell_application(request: Any, event: ApplicationChanged) -> None:
    """Tell the people concerned of a step of an application, but for whoever took it."""
    people = {"owner": event.owner_id, "applicant": event.applicant_id}
    data = {
        "advertisement_id": event.advertisement_id,
        "application_id": event.application_id,
        "title": _title(request, event.advertisement_id),
        "share": str(event.share or ""),
        "released": str(event.released or ""),
        "note": event.note[:300],
    }
    users = sorted({people[role] for role in _TOLD[event.state]} - {event.actor_id})
    notify_all = request.find_service(NotificationService).notify_all
    notify_all(users, f"advertisement.{event.state}", data, key=f"application {event.application_id} {event.state}")


def tell_owner(request: Any, event: AdvertisementChanged) -> None:
    """Tell an owner that an advertisement has begun or ended."""
    type = _ENDS.get(event.state)
    if type:
        data = {
            "advertisement_id": event.advertisement_id,
            "title": _title(request, event.advertisement_id),
            "budget": str(event.budget),
            "returned": str(event.returned) if event.returned.minor else "",
        }
        request.find_service(NotificationService).notify(event.owner_id, type, data)


def _title(request: Any, advertisement_id: int) -> str:
    title: str = request.db.execute(_TITLE, {"id": advertisement_id}).scalar_one()
    return title


def includeme(config: Any) -> None:
    """Add the types and what tells them."""
    for state, title in _TITLES.items():
        config.add_notification_type(
            f"advertisement.{state}", title=title, templates=_TEMPLATES, digest=state == "applied"
        )
    config.add_notification_type("advertisement.funded", title="Your advertisement runs", templates=_TEMPLATES)
    config.add_notification_type("advertisement.ended", title="Your advertisement has ended", templates=_TEMPLATES)
    config.add_event_subscriber(tell_application, ApplicationChanged)
    config.add_event_subscriber(tell_owner, AdvertisementChanged)
