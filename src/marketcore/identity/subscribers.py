"""What follows from a change of an account, after it has been committed."""

from __future__ import annotations

from typing import Any

import structlog
from redis import RedisError

from marketcore.events import SessionsRevoked, UserBlocked

log = structlog.get_logger(__name__)


def forget_identities(registry: Any, event: SessionsRevoked | UserBlocked) -> None:
    """Make this process look everybody up again: what was revoked here ends here at once."""
    registry["identities"].forget()


def close_sockets(registry: Any, event: SessionsRevoked) -> None:
    """Tell the live processes which sessions have ended, so that they close their sockets now."""
    hint = {"user_id": event.user_id, "sessions": [str(session_id) for session_id in event.session_ids]}
    try:
        registry["control_channel"].publish({"revoke": hint})
    except RedisError as error:
        log.warning("control_hint_not_sent", reason=type(error).__name__, user_id=event.user_id)
