"""What happens to messages and statuses by the clock."""

from __future__ import annotations

from typing import Any

from marketcore.db.session import perform
from marketcore.jobs.binding import outside_transaction
from marketcore.settings import section
from marketcore_messaging.files import forget_unused
from marketcore_messaging.reminding import BATCH, remind
from marketcore_messaging.statuses import forget_expired


@outside_transaction
def remind_of_unread(registry: Any) -> None:
    """Tell everybody who has not read a message for ``messaging.remind_seconds``, some per transaction."""
    while perform(registry, remind) == BATCH:
        pass


def sweep(request: Any) -> None:
    """Delete statuses whose time is up, and files that no message has used."""
    forget_expired(request)
    forget_unused(request, section(request.registry, "messaging")["keep_unused_hours"])
