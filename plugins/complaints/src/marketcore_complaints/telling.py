"""Who hears of a step of a complaint: those who take part in it, in lists, by letter and live."""

from __future__ import annotations

from typing import Any

from marketcore.notifications.services import NotificationService
from marketcore_complaints.rules import is_heard


class ComplaintTeller:
    """Tells the parties of a complaint."""

    def __init__(self, publish: Any, notifications: NotificationService) -> None:
        self._publish = publish
        self._notifications = notifications

    def step(self, complaint: Any, step: str) -> None:
        """Tell both parties live that the complaint has taken ``step``."""
        data = {"complaint_id": complaint.id, "order_id": complaint.order_id, "state": complaint.state}
        for user_id in self._parties(complaint):
            self._publish(f"user:{user_id}", f"complaint.{step}", data)

    def opened(self, complaint: Any) -> None:
        """Tell of a new complaint: the respondent by a notification."""
        self.step(complaint, "opened")
        self._notify(complaint, "complaints.opened", but=complaint.complainant_id, category=complaint.category)

    def ended(self, complaint: Any, *, by: int) -> None:
        """Tell of the end of a complaint, whoever was not the one to end it by a notification."""
        self.step(complaint, complaint.state)
        self._notify(complaint, "complaints.ended", but=by, state=complaint.state, outcome=complaint.outcome)

    def said(self, complaint: Any, message_id: int, author_id: int, part: str) -> None:
        """Tell of a message, its author apart; as long as it is unread, the next one takes its place."""
        data = {"complaint_id": complaint.id, "message_id": message_id, "part": part}
        for user_id in self._parties(complaint):
            self._publish(f"user:{user_id}", "complaint.message", data)
        self._notify(complaint, "complaints.message", but=author_id, part=part)

    def _parties(self, complaint: Any) -> list[int]:
        return [complaint.complainant_id, *([complaint.respondent_id] if is_heard(complaint) else [])]

    def _notify(self, complaint: Any, type: str, *, but: int, **more: Any) -> None:
        others = [user_id for user_id in self._parties(complaint) if user_id != but]
        data = {"complaint_id": complaint.id, "subject": complaint.subject, **more}
        if others:
            self._notifications.notify_all(others, type, data, key=f"complaint {complaint.id}")


def complaint_teller(_context: Any, request: Any) -> ComplaintTeller:
    """Return the request's ``ComplaintTeller``."""
    return ComplaintTeller(request.publish, request.find_service(NotificationService))
