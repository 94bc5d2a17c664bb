"""What follows from a change of an account."""

from __future__ import annotations

from typing import Any

from marketcore.events import EmailVerified, PasswordChanged, SessionsRevoked, UserBlocked


def forget_identities(registry: Any, event: SessionsRevoked | UserBlocked | EmailVerified) -> None:
    """Make this process look everybody up again: what was revoked here ends here at once."""
    registry["identities"].forget()


def tell_of_password(request: Any, event: PasswordChanged) -> None:
    """Tell somebody that their password was changed: they may not know."""
    # Notifications know this noun; it is for letters alone that this one knows them.
    from marketcore.notifications.services import NotificationService

    request.find_service(NotificationService).notify(event.user_id, "account.password_changed", {})
