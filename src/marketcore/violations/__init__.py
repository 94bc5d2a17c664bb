"""Buyers who did not pay: what they are charged with, when it blocks them, and the pardon."""

from __future__ import annotations

from typing import Any

from marketcore.events import CartAwardEnded, OrderStateChanged
from marketcore.violations.services import ViolationService
from marketcore.violations.settings import ViolationSettings


def includeme(config: Any) -> None:
    """Add violations to the marketplace."""
    config.add_settings_schema("violations", ViolationSettings())
    config.declare_permission("violations.violation.decide", "admin")
    config.register_service_factory(".services.violation_service", ViolationService)
    config.add_event_subscriber(".subscribers.judge_step", OrderStateChanged)
    config.add_event_subscriber(".subscribers.judge_award", CartAwardEnded)
    config.include(".routes")
    config.scan(".views")
