"""Why something asked of a stream is refused."""

from __future__ import annotations

from marketcore.exceptions import Conflict, Forbidden, TooManyRequests


class Banned(Forbidden):
    """The seller or a moderator has banned this person from the stream."""

    code, title = "banned-from-stream", "You are banned from this stream"


class NotLive(Conflict):
    """The stream has not begun, or has ended; ``state`` says which."""

    code, title = "stream-not-live", "This stream is not live"


class SlowMode(TooManyRequests):
    """Too soon after one's last message; ``retry_after`` is in seconds."""

    code, title = "slow-mode", "Slow mode: wait before you say something more"
