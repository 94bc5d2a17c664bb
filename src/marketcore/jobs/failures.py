"""What a failed run means: what is written down, whether it is repeated at once, and when it is tried again."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy.exc import DBAPIError

from marketcore.redaction import redact_text

FIRST_DELAY = 10.0
LONGEST_DELAY = 6 * 3600.0
# Runs that may end with their worker's death, beyond the attempts a job has for failing.
DEATHS = 2
_LONGEST_TEXT = 500


def describe(error: BaseException) -> str:
    """Return the type and the first line of ``error``, without secrets and a database error's statement."""
    cause: Any = error
    message = str(error)
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
        message = getattr(getattr(cause, "diag", None), "message_primary", None) or "no message"
    line = message.strip().partition("\n")[0]
    return redact_text(f"{type(cause).__name__}: {line}").replace("\x00", "")[:_LONGEST_TEXT]


def delay_after(attempt: int) -> float:
    """Return the seconds to wait after the ``attempt``-th failure: 10, 20, 40 … to 6 hours, less up to a quarter."""
    longest = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempt - 1, 20))
    return float(longest * random.uniform(0.75, 1))  # noqa: S311 - jitter, not a secret
