"""Facts that end or change the rights of open sockets."""

from __future__ import annotations

from typing import Any

from marketcore.events import EmailVerified, SessionsRevoked, UserBlocked
from marketcore.live.hints import CONTROL, encode_revocation


def rights_changed(registry: Any, event: SessionsRevoked | UserBlocked | EmailVerified) -> None:
    """Have the gateways look at the user's sessions and rights at once, not only when they next poll."""
    registry["live sender"].send([(CONTROL, encode_revocation(event.user_id))])
