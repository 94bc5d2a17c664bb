"""Messages in outgoing webhooks, where the plugin ``webhooks`` is enabled: that there is one, not what it says."""

from __future__ import annotations

from typing import Any

from marketcore_messaging.events import MessageSent


def tell_message(fact: MessageSent) -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """Tell whoever has received it."""
    data = {"conversation_id": fact.conversation_id, "message_id": fact.message_id, "order_id": fact.order_id}
    return "message.received", data, (fact.recipient_id,)


def includeme(config: Any) -> None:
    """Let webhooks tell of messages."""
    config.add_webhook_type(MessageSent, ["message.received"], tell_message)
