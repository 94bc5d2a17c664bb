"""The one clock: the database server's, read when asked (never the transaction's start)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

_NOW = text("SELECT market_clock()")


def now(session: Any) -> datetime:
    """Return the database's time as of this statement; read it after taking the lock it decides about.

    ``market_clock()`` is ``clock_timestamp()`` plus the database setting ``marketcore.clock_shift`` (an interval),
    with which tests and rehearsals move a whole marketplace through time.
    """
    moment: datetime = session.execute(_NOW).scalar_one()
    return moment
