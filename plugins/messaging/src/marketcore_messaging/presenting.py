"""Rows of messaging as documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from marketcore.media.presenting import public_address
from marketcore.media.private import present_private
from marketcore.web.json import utc


def present_person(registry: Any, row: Any) -> dict[str, Any]:
    """Return who ``row`` is about: its ``person_id``, ``username`` and ``picture``, and nothing else of them."""
    return {"id": row.person_id, "username": row.username, "picture": public_address(registry, row.picture)}


def present_attachment(conversation_id: int, media: Any) -> dict[str, Any]:
    """Return the file ``media`` of a conversation, at the address that only its members can use."""
    return present_private(media, f"/api/v1/conversations/{conversation_id}/attachments/{media.id}")


def present_message(row: Any, files: Iterable[Any]) -> dict[str, Any]:
    """Return a message and its ``files``, rows with the columns of ``MediaObject``."""
    return {
        "id": row.id,
        "conversation_id": row.conversation_id,
        "seq": row.seq,
        "sender_id": row.sender_id,
        "client_id": str(row.client_id),
        "text": row.body,
        "deleted": row.deleted_at is not None,
        "attachments": [present_attachment(row.conversation_id, media) for media in files],
        "sent_at": utc(row.sent_at),
    }


def read_message(row: Any) -> dict[str, Any]:
    """Return the message of a row that carries its ``files`` as JSON."""
    return present_message(row, [SimpleNamespace(**media) for media in row.files or ()])


def present_conversation(registry: Any, row: Any) -> dict[str, Any]:
    """Return a conversation as one of its members sees it."""
    return {
        "id": row.conversation_id,
        "kind": row.kind,
        "order_id": row.order_id,
        "with": present_person(registry, row),
        "blocked": row.blocked,
        "last_message": read_message(row) if row.id is not None else None,
        "last_seq": row.last_seq,
        "unread": row.unread,
        "read_seq": row.read_seq,
        "their_read_seq": row.their_read_seq,
        "their_read_at": utc(row.their_read_at),
        "created_at": utc(row.created_at),
        "stream": {"epoch": row.epoch and str(row.epoch), "offset": row.stream_offset},
    }


def present_status(registry: Any, row: Any) -> dict[str, Any]:
    """Return a status with its author."""
    return {
        "id": row.id,
        "author": present_person(registry, row),
        "text": row.body,
        "image": present_private(_media(row), f"/api/v1/statuses/{row.id}/image") if row.media_id else None,
        "created_at": utc(row.created_at),
        "expires_at": utc(row.expires_at),
    }


def _media(row: Any) -> Any:
    fields: Mapping[str, Any] = {"id": row.media_id, "state": row.state, "content_type": row.content_type}
    return SimpleNamespace(**fields, size_bytes=row.size_bytes)
