"""Telling people of what they have not read for a while."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.notifications.services import NotificationService
from marketcore_messaging.reading import UNREAD

BATCH = 100
_DUE = text(
    f"""SELECT mine.conversation_id, mine.user_id, c.order_id, other.username AS sender, {UNREAD} AS unread
        FROM messaging_members mine CROSS JOIN (SELECT market_clock() AS now OFFSET 0) clock
        JOIN messaging_conversations c ON c.id = mine.conversation_id
        JOIN users other ON other.id = CASE WHEN c.low_id = mine.user_id THEN c.high_id ELSE c.low_id END
        WHERE mine.remind_at <= clock.now
        ORDER BY mine.user_id, mine.conversation_id LIMIT {BATCH} FOR UPDATE OF mine SKIP LOCKED"""
)
_TOLD = text(
    """UPDATE messaging_members SET remind_at = NULL
       WHERE (conversation_id, user_id) IN (
           SELECT * FROM unnest(CAST(:conversations AS bigint[]), CAST(:users AS bigint[])))"""
)


def remind(request: Any) -> int:
    """Notify some of those who have had unread messages for too long; return how many were looked at."""
    due = request.db.execute(_DUE).all()
    notify = request.find_service(NotificationService).notify
    for row in due:
        if row.unread:
            data = {
                "conversation_id": row.conversation_id,
                "order_id": row.order_id,
                "sender": row.sender,
                "unread": row.unread,
            }
            notify(row.user_id, "message.unread", data, key=f"conversation {row.conversation_id}")
    if due:
        pairs = {"conversations": [row.conversation_id for row in due], "users": [row.user_id for row in due]}
        request.db.execute(_TOLD, pairs)
    return len(due)
