"""Why something asked of messaging is refused."""

from __future__ import annotations

from marketcore.exceptions import Forbidden, IdempotencyMismatch


class NotReachable(Forbidden):
    """One of the two has blocked the other; it is not told which."""

    code, title = "not-reachable", "You cannot write to this person"


class OtherMessage(IdempotencyMismatch):
    """The client has sent something else under this ``client_id``."""

    title = "This client_id was used for a different message"
