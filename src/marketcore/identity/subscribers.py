"""What follows from a change of an account, after it has been committed."""

from __future__ import annotations

from typing import Any

from marketcore.events import SessionsRevoked, UserBlocked


def forget_identities(registry: Any, event: SessionsRevoked | UserBlocked) -> None:
    """Make this process look everybody up again: what was revoked here ends here at once."""
    registry["identities"].forget()
