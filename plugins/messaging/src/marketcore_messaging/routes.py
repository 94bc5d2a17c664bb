"""Addresses of messaging."""

from __future__ import annotations

from typing import Any

_CONVERSATION = "/api/v1/conversations/{conversation_id:[0-9]{1,18}}"
_STATUS = "/api/v1/statuses/{status_id:[0-9]{1,18}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("messaging.people", "/api/v1/people")
    config.add_route("messaging.contacts", "/api/v1/contacts")
    config.add_route("messaging.contact", "/api/v1/contacts/{user_id:[0-9]{1,18}}")
    config.add_route("messaging.blocks", "/api/v1/blocks")
    config.add_route("messaging.block", "/api/v1/blocks/{user_id:[0-9]{1,18}}")
    config.add_route("messaging.conversations", "/api/v1/conversations")
    config.add_route("messaging.unread", "/api/v1/conversations/unread")
    config.add_route("messaging.conversation", _CONVERSATION)
    config.add_route("messaging.messages", f"{_CONVERSATION}/messages")
    config.add_route("messaging.message", f"{_CONVERSATION}/messages/{{message_id:[0-9]{{1,18}}}}")
    config.add_route("messaging.read", f"{_CONVERSATION}/read")
    config.add_route("messaging.attachments", f"{_CONVERSATION}/attachments")
    config.add_route("messaging.attachment", f"{_CONVERSATION}/attachments/{{attachment_id:[0-9]{{1,18}}}}")
    config.add_route("messaging.order", "/api/v1/orders/{order_id:[0-9]{1,18}}/conversation")
    config.add_route("messaging.statuses", "/api/v1/statuses")
    config.add_route("messaging.status", _STATUS)
    config.add_route("messaging.status.image", f"{_STATUS}/image")
