"""Facts become messages, in the transaction in which they happen."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.db import clock
from marketcore_webhooks.rules.messages import TEST, Told, body_of
from marketcore_webhooks.signing import new_message_id

# An admin's platform-wide endpoint lasts as long as the role does.
_LISTENING = text(
    """
    SELECT e.id FROM webhooks_endpoints e
    WHERE e.enabled AND NOT e.platform
      AND e.user_id IN (SELECT unnest(CAST(:parties AS bigint[]))
                        UNION SELECT p.user_id FROM payments p WHERE p.id = CAST(:payment_id AS uuid)
                        UNION SELECT unnest(ARRAY[o.buyer_id, o.seller_id]) FROM orders o
                              WHERE o.id = CAST(:order_id AS bigint))
      AND (e.event_types = '{}' OR :type = ANY(e.event_types))
    UNION ALL
    SELECT e.id FROM webhooks_endpoints e JOIN users u ON u.id = e.user_id
    WHERE e.enabled AND e.platform AND 'admin' = ANY(u.roles) AND u.blocked_at IS NULL
      AND (e.event_types = '{}' OR :type = ANY(e.event_types))
    """
)
# An endpoint that is being deleted at this moment must neither fail nor delay the trade it would be told of.
_WRITE = text(
    """
    WITH message AS (
        INSERT INTO webhooks_messages (public_id, type, body) VALUES (:public_id, :type, :body) RETURNING id
    ), reached AS (
        SELECT id FROM webhooks_endpoints WHERE id = ANY(CAST(:endpoints AS bigint[])) FOR KEY SHARE SKIP LOCKED
    )
    INSERT INTO webhooks_deliveries (message_id, endpoint_id)
    SELECT message.id, reached.id FROM message CROSS JOIN reached ORDER BY reached.id
    RETURNING id
    """
)


def write_fact(session: Session, told: Told) -> None:
    """Write the message of a fact and its delivery to every endpoint that listens; nothing where none does."""
    concerned = {"parties": list(told.parties), "payment_id": told.payment_id, "order_id": told.order_id}
    if endpoints := session.execute(_LISTENING, {**concerned, "type": told.type}).scalars().all():
        _write(session, told.type, told.data, list(endpoints))


def write_test(session: Session, endpoint_id: int) -> int:
    """Write a test message to one endpoint and return the id of its delivery."""
    (delivery_id,) = _write(session, TEST, {"endpoint_id": endpoint_id}, [endpoint_id])
    return delivery_id


def _write(session: Session, message_type: str, data: Any, endpoints: list[int]) -> list[int]:
    body = body_of(message_type, data, clock.now(session))
    row = {"public_id": new_message_id(), "type": message_type, "body": body, "endpoints": endpoints}
    return list(session.execute(_WRITE, row).scalars())
