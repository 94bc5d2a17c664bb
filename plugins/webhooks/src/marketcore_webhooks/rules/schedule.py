"""Pure: what an answer means, when the next try is, and when an endpoint is given up.

Source: Standard Webhooks 1.0, sections "Deliverability and reliability" and "Response status codes".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Seconds between a try and the one before; the first comes at once.
DELAYS = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
JITTER = 0.2
GONE = 410
THROTTLED = frozenset({429, 502, 504})
PAUSE = 30
LONGEST_PAUSE = 24 * 3600
# An endpoint that has failed for so long, without one success, is disabled.
PATIENCE = 5 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Answer:
    """What a try has brought: a status, or the ``error`` that prevented one; ``retry_after`` as it was sent."""

    status: int | None
    error: str = ""
    retry_after: str = ""

    @property
    def ok(self) -> bool:
        """Whether the receiver has accepted the message."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a try: ``delay`` and ``pause`` in seconds; ``disable`` is the reason to give up."""

    state: str
    delay: float = 0
    pause: float = 0
    disable: str = ""


def judge(answer: Answer, *, tries: int, failing_seconds: float, jitter: float, now: datetime) -> Verdict:
    """Return what follows from the ``tries``-th try of a delivery.

    ``failing_seconds`` is how long the endpoint has brought failures only; ``jitter`` is between -1 and 1.
    """
    if answer.ok:
        return Verdict("delivered")
    if answer.status == GONE:
        return Verdict("failed", disable="gone")
    disable = "failing" if failing_seconds >= PATIENCE else ""
    pause = pause_after(answer, now) if answer.status in THROTTLED else 0
    if tries >= len(DELAYS):
        return Verdict("failed", pause=pause, disable=disable)
    delay = DELAYS[tries] * (1 + JITTER * jitter)
    return Verdict("waiting", delay=max(delay, pause), pause=pause, disable=disable)


def pause_after(answer: Answer, now: datetime) -> float:
    """Return for how many seconds nothing is sent to a receiver that is overloaded."""
    asked = _seconds(answer.retry_after, now)
    return float(PAUSE if asked is None else min(max(asked, 1), LONGEST_PAUSE))


def _seconds(retry_after: str, now: datetime) -> float | None:
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
