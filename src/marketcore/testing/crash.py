"""Crash points: named places where a test lets a process die as if its power had been cut.

``MARKETCORE_CRASH_AT=jobs.before_ack`` makes the first process that reaches that point kill itself with SIGKILL.
The variable is read once, at import; without it a crash point is an empty function call.
"""

from __future__ import annotations

import os
import signal

_ARMED = os.environ.get("MARKETCORE_CRASH_AT")


def _die_at(name: str) -> None:
    if name == _ARMED:
        os.kill(os.getpid(), signal.SIGKILL)


def _pass_by(name: str) -> None:
    pass


crash_point = _die_at if _ARMED else _pass_by

__all__ = ["crash_point"]
