"""Letters leave by jobs."""

from __future__ import annotations

from typing import Any

from marketcore.jobs.binding import outside_transaction
from marketcore.notifications import letters


@outside_transaction
def send_letter(registry: Any, letter_id: int) -> None:
    """Send one letter, again later where the mail server does not answer."""
    letters.deliver(registry, letter_id)


def forget_letters(request: Any) -> None:
    """Delete letters that ended long ago."""
    letters.forget_sent(request)
