"""What follows from a new way to log in, or one less."""

from __future__ import annotations

from typing import Any

from marketcore.notifications.services import NotificationService
from marketcore_social_login.events import SocialLoginChanged


def tell_of_link(request: Any, event: SocialLoginChanged) -> None:
    """Tell the owner of the account: they may not know."""
    speaker = request.registry["social_login_speakers"].get(event.provider)
    type = "social_login.linked" if event.linked else "social_login.unlinked"
    data = {"provider": speaker.title if speaker else event.provider}
    request.find_service(NotificationService).notify(event.user_id, type, data)
