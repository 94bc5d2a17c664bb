"""What conversations say and hear over sockets."""

from __future__ import annotations

from typing import Any

from marketcore_messaging import schemas


def includeme(config: Any) -> None:
    """Add the channel of a conversation, its events and signals, the hint on a person's own, and the commands."""
    conversation = "conversation:{conversation_id}"
    config.add_live_channel(
        conversation, ".live.may_hear", path="/ws/chat/{conversation_id}", snapshot=".live.snapshot"
    )
    config.add_live_event(conversation, "message.sent", schemas.MessageDocument)
    config.add_live_event(conversation, "message.deleted", schemas.DeletedNews)
    config.add_live_event(conversation, "message.read", schemas.ReadNews)
    config.add_live_event(conversation, "message.attachment", schemas.AttachmentNews)
    config.add_live_event(conversation, "typing", schemas.Typing, stored=False)
    config.add_live_event("user:{user_id}", "message.received", schemas.ReceivedNews)
    for name, permission, body, answer in (
        ("send", "messaging.message.send", schemas.LiveMessage, schemas.MessageDocument),
        ("typing", "messaging.message.send", schemas.SomeConversation, schemas.SomeConversation),
        ("read", "messaging.own", schemas.LiveReadMark, schemas.ReadDocument),
    ):
        config.add_live_command(f"messaging.{name}", f".live.{name}", permission=permission, body=body, answer=answer)
