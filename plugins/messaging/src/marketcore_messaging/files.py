"""Files of conversations: taken in for a message to come, told of once they are ready, forgotten if none comes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import MediaProcessed
from marketcore.media.services import MediaService
from marketcore_messaging.presenting import present_attachment
from marketcore_messaging.services import MessageService

_ADD = text(
    "INSERT INTO messaging_attachments (media_id, conversation_id, owner_id) VALUES (:media, :conversation, :user)"
)
_SENT = text(
    """SELECT a.conversation_id, m.id AS message_id, m.seq, f.id, f.state, f.content_type, f.size_bytes
       FROM messaging_attachments a JOIN messaging_messages m ON m.id = a.message_id
       JOIN media_objects f ON f.id = a.media_id WHERE a.media_id = :media"""
)
_UNUSED = text(
    """DELETE FROM messaging_attachments WHERE media_id IN (
           SELECT media_id FROM messaging_attachments
           WHERE message_id IS NULL AND created_at < market_clock() - make_interval(hours => :hours)
           ORDER BY created_at LIMIT 500 FOR UPDATE SKIP LOCKED)
       RETURNING media_id"""
)


class AttachmentService:
    """Takes files in for ``user_id``."""

    def __init__(self, session: Any, user_id: int, messages: MessageService, media: MediaService) -> None:
        self._session = session
        self._user = user_id
        self._messages = messages
        self._media = media

    def add(self, conversation_id: int, data: bytes) -> dict[str, Any]:
        """Keep an image or PDF for a message to come; ``Invalid`` for anything else, or who may not send it."""
        self._messages.require_reachable(conversation_id)
        upload = self._media.keep(data, documents=True)
        media = self._media.record(self._user, upload, private=True)
        values = {"media": media.id, "conversation": conversation_id, "user": self._user}
        self._session.execute(_ADD, values)
        return present_attachment(conversation_id, media)


def tell_file(request: Any, event: MediaProcessed) -> None:
    """Tell a conversation that a file of one of its messages can be seen now, or never."""
    row = request.db.execute(_SENT, {"media": event.media_id}).first()
    if row is None:
        return
    news = {
        "conversation_id": row.conversation_id,
        "message_id": row.message_id,
        "seq": row.seq,
        "attachment": present_attachment(row.conversation_id, row),
    }
    request.publish(f"conversation:{row.conversation_id}", "message.attachment", news)


def forget_unused(request: Any, hours: int) -> None:
    """Delete files that were uploaded for a message that never came."""
    unused = request.db.execute(_UNUSED, {"hours": hours}).scalars().all()
    request.find_service(MediaService).discard(unused)


def attachment_service(_context: Any, request: Any) -> AttachmentService:
    """Return the request's ``AttachmentService``."""
    return AttachmentService(
        request.db,
        request.identity.user_id,
        request.find_service(MessageService),
        request.find_service(MediaService),
    )
