"""Complaints: told, answered, decided, and the money they are about frozen until then."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin
from marketcore_complaints.deciding import Decisions
from marketcore_complaints.files import ComplaintFiles
from marketcore_complaints.services import ComplaintService
from marketcore_complaints.settings import ComplaintSettings
from marketcore_complaints.telling import ComplaintTeller

plugin = Plugin("complaints", "Complaints that can freeze an order's money until they are decided")
_TYPES = (
    ("complaints.opened", "Somebody has complained about an order or product of yours"),
    ("complaints.message", "Something new was said about a complaint of yours"),
    ("complaints.ended", "A complaint of yours has ended"),
)


def includeme(config: Any) -> None:
    """Say what this plugin adds."""
    config.add_settings_schema("complaints", ComplaintSettings())
    config.add_migrations("complaints", "marketcore_complaints:migrations")
    config.declare_permission("complaints.own", "member")
    config.declare_permission("complaints.decide", "admin")
    config.register_service_factory(".telling.complaint_teller", ComplaintTeller)
    config.register_service_factory(".services.complaint_service", ComplaintService)
    config.register_service_factory(".deciding.decisions", Decisions)
    config.register_service_factory(".files.complaint_files", ComplaintFiles)
    for name, title in _TYPES:
        config.add_notification_type(name, title=title, templates="marketcore_complaints:templates")
    for step in ("opened", "resolved", "rejected", "withdrawn", "frozen", "unfrozen"):
        config.add_live_event("user:{user_id}", f"complaint.{step}", ".schemas.ComplaintNews")
    config.add_live_event("user:{user_id}", "complaint.message", ".schemas.MessageNews")
    config.include(".routes")
    config.scan(".views")
    config.scan(".file_views")
    config.scan(".decision_views")
