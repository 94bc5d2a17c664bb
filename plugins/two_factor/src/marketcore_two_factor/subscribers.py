"""What follows from a change of somebody's factors."""

from __future__ import annotations

from typing import Any

from marketcore.notifications.services import NotificationService
from marketcore_two_factor.events import SecondFactorChanged


def tell_of_factor(request: Any, event: SecondFactorChanged) -> None:
    """Tell the owner of the account: they may not know."""
    type = "two_factor.enabled" if event.enabled else "two_factor.disabled"
    request.find_service(NotificationService).notify(event.user_id, type, {"method": event.method})
