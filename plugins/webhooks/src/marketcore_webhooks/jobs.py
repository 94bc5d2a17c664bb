"""What the worker does by the clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.jobs.binding import outside_transaction
from marketcore.settings import section

MOST_AT_ONCE = 10_000
_FORGET = text(
    """DELETE FROM webhooks_messages WHERE id IN (
           SELECT id FROM webhooks_messages WHERE created_at < market_clock() - make_interval(days => :days)
           ORDER BY created_at LIMIT :most)"""
)


@outside_transaction
def send_due(registry: Any) -> None:
    """Hand what is due to this process's courier, whose threads send it."""
    registry["webhooks_courier"].sweep()


def forget_old_messages(request: Any) -> None:
    """Delete messages older than ``webhooks.retention_days``, with their deliveries."""
    days = section(request.registry, "webhooks")["retention_days"]
    request.db.execute(_FORGET, {"days": days, "most": MOST_AT_ONCE})
