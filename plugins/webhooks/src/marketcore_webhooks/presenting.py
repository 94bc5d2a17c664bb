"""Rows as documents."""

from __future__ import annotations

from typing import Any

from marketcore.web.json import utc
from marketcore_webhooks.signing import shown_secret


def present_endpoint(endpoint: Any) -> dict[str, Any]:
    """Return an endpoint's document, without its secret."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": endpoint.event_types,
        "platform": endpoint.platform,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": utc(endpoint.failing_since),
        "paused_until": utc(endpoint.paused_until),
        "old_secret_until": utc(endpoint.old_secret_until),
        "created_at": utc(endpoint.created_at),
    }


def present_with_secret(endpoint: Any, secret: bytes) -> dict[str, Any]:
    """Return the document that shows a new secret."""
    return {**present_endpoint(endpoint), "secret": shown_secret(secret)}


def present_delivery(row: Any) -> dict[str, Any]:
    """Return a delivery's document."""
    return {
        "id": row.id,
        "endpoint_id": row.endpoint_id,
        "message_id": row.public_id,
        "type": row.type,
        "state": row.state,
        "tries": row.tries,
        "last_status": row.last_status,
        "last_error": row.last_error,
        "last_at": utc(row.last_at),
        "next_at": utc(row.next_at) if row.state == "waiting" else None,
        "delivered_at": utc(row.delivered_at),
        "created_at": utc(row.created_at),
    }


def present_with_body(row: Any) -> dict[str, Any]:
    """Return a delivery's document with what is sent."""
    return {**present_delivery(row), "body": bytes(row.body).decode()}
