"""Conversations over sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marketcore_messaging.limits import limit
from marketcore_messaging.reading import ConversationReader
from marketcore_messaging.services import Draft, MessageService


def may_hear(request: Any, conversation_id: int) -> bool:
    """Its two members, and nobody else."""
    return request.identity is not None and request.find_service(ConversationReader).is_member(conversation_id)


def snapshot(request: Any, conversation_id: int) -> Mapping[str, Any]:
    """Return the conversation as it is read over HTTP."""
    document: Mapping[str, Any] = request.find_service(ConversationReader).conversation(conversation_id)
    return document


def draft(conversation_id: int, data: Mapping[str, Any]) -> Draft:
    """Return the message that the fields of ``MessageFields`` make."""
    return Draft(conversation_id, UUID(data["client_id"]), data["text"], tuple(data["attachments"]))


def send(request: Any, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send a message; to send it again is harmless."""
    limit(request, "send")
    message: Mapping[str, Any] = request.find_service(MessageService).send(draft(data["conversation_id"], data))
    return message


def typing(request: Any, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the other know that you are writing; say it again every few seconds while it is so."""
    limit(request, "signal")
    request.find_service(MessageService).typing(data["conversation_id"])
    return data


def read(request: Any, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say how far you have read; the mark never goes back."""
    limit(request, "signal")
    mark: Mapping[str, Any] = request.find_service(MessageService).read(data["conversation_id"], data["seq"])
    return mark
