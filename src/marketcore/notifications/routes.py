"""Addresses of notifications."""

from __future__ import annotations

from typing import Any

_BASE = "/api/v1/users/me"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("notifications.list", f"{_BASE}/notifications")
    config.add_route("notifications.unread", f"{_BASE}/notifications/unread")
    config.add_route("notifications.read_all", f"{_BASE}/notifications/read")
    config.add_route("notifications.read", f"{_BASE}/notifications/{{notification_id:[0-9]{{1,18}}}}/read")
    config.add_route("notifications.choices", f"{_BASE}/notification-choices")
