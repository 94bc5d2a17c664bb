"""Conversations and messages as documents, for their members alone; each list is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, text

from marketcore.exceptions import NotFound
from marketcore_messaging.presenting import present_conversation, read_message

_FILES = """(SELECT json_agg(json_build_object('id', f.id, 'state', f.state, 'content_type', f.content_type,
                                               'size_bytes', f.size_bytes) ORDER BY f.id)
             FROM messaging_attachments a JOIN media_objects f ON f.id = a.media_id WHERE a.message_id = m.id) files"""
_MESSAGE = f"m.id, m.seq, m.sender_id, m.client_id, m.body, m.sent_at, m.deleted_at, {_FILES}"
UNREAD = """(SELECT count(*) FROM messaging_messages n
             WHERE n.conversation_id = mine.conversation_id AND n.seq > mine.read_seq AND n.sender_id <> mine.user_id
               AND n.deleted_at IS NULL)"""
_CONVERSATION = f"""
    SELECT c.id AS conversation_id, c.kind, c.order_id, c.last_seq, c.last_at, c.created_at, mine.read_seq,
           theirs.read_seq AS their_read_seq, theirs.read_at AS their_read_at, {UNREAD} AS unread,
           other.id AS person_id, other.username, p.variants ->> 'thumb' AS picture,
           b.blocked_id IS NOT NULL AS blocked, h.epoch, coalesce(h.last_offset, 0) AS stream_offset, {_MESSAGE}
    FROM found c
    JOIN messaging_members mine ON mine.conversation_id = c.id AND mine.user_id = :user
    JOIN messaging_members theirs ON theirs.conversation_id = c.id AND theirs.user_id <> :user
    JOIN users other ON other.id = theirs.user_id
    LEFT JOIN media_objects p ON p.id = other.picture_id AND p.state = 'ready'
    LEFT JOIN messaging_blocks b ON b.user_id = :user AND b.blocked_id = other.id
    LEFT JOIN live_channels h ON h.name = 'conversation:' || c.id
    LEFT JOIN messaging_messages m ON m.conversation_id = c.id AND m.seq = c.last_seq
"""
_ONE = text(
    f"""WITH found AS (SELECT * FROM messaging_conversations WHERE id = :id AND :user IN (low_id, high_id))
        {_CONVERSATION}"""
)
_SIDE = """(SELECT * FROM messaging_conversations
            WHERE {side} = :user AND (last_seq > 0 OR started_by = :user)
              AND (last_at, id) < (CAST(:moment AS timestamptz), :before)
            ORDER BY last_at DESC, id DESC LIMIT 101)"""
# Somebody is the lower of some pairs and the higher of others; either half is read in the order of an index.
_PAGE = text(
    f"""WITH found AS (
            SELECT * FROM ({_SIDE.format(side="low_id")} UNION ALL {_SIDE.format(side="high_id")}) both_sides
            ORDER BY last_at DESC, id DESC LIMIT :limit
        )
        {_CONVERSATION} ORDER BY c.last_at DESC, c.id DESC"""
)
_MEMBER = text("SELECT id FROM messaging_conversations WHERE id = :id AND :user IN (low_id, high_id)")
_FOUND = """SELECT m.conversation_id, {message} FROM messaging_messages m
            JOIN messaging_conversations c ON c.id = m.conversation_id AND :user IN (c.low_id, c.high_id)
            WHERE m.conversation_id = :conversation {condition}"""


def _history(comparison: str, direction: str) -> TextClause:
    condition = f"AND m.seq {comparison} :seq ORDER BY m.seq {direction} LIMIT :limit"
    return text(_FOUND.format(message=_MESSAGE, condition=condition))


_HISTORY = {"newest": _history("<", "DESC"), "oldest": _history(">", "ASC")}
_BY_ID = text(_FOUND.format(message=_MESSAGE, condition="AND m.id = :id"))
_TOTAL = text(
    f"""SELECT coalesce(sum(unread), 0) AS messages, count(*) FILTER (WHERE unread > 0) AS conversations
        FROM (SELECT {UNREAD} AS unread FROM messaging_members mine
              WHERE mine.user_id = :user AND mine.incoming_seq > mine.read_seq OFFSET 0) counted"""
)
_ATTACHMENT = text(
    """SELECT f.id, f.state, f.content_type, f.size_bytes, f.variants
       FROM messaging_attachments a JOIN media_objects f ON f.id = a.media_id
       JOIN messaging_conversations c ON c.id = a.conversation_id
       WHERE a.media_id = :id AND c.id = :conversation AND :user IN (c.low_id, c.high_id)
         AND (a.message_id IS NOT NULL OR a.owner_id = :user)"""
)
END_OF_TIME = "infinity"
LAST = 2**63 - 1


class ConversationReader:
    """Reads what ``user_id`` is a member of; everything else is ``NotFound``, also to admins."""

    def __init__(self, session: Any, registry: Any, user_id: int) -> None:
        self._session = session
        self._registry = registry
        self._user = user_id

    def conversation(self, conversation_id: int) -> dict[str, Any]:
        """Return one conversation, with its place in the stream: one statement reads both."""
        row = self._session.execute(_ONE, {"id": conversation_id, "user": self._user}).first()
        if row is None:
            raise _unknown(conversation_id)
        return self.present(row)

    def is_member(self, conversation_id: int) -> bool:
        """Whether the conversation is theirs."""
        return self._session.execute(_MEMBER, {"id": conversation_id, "user": self._user}).first() is not None

    def require_member(self, conversation_id: int) -> None:
        """Raise ``NotFound`` unless the conversation is theirs."""
        if not self.is_member(conversation_id):
            raise _unknown(conversation_id)

    def page(self, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Return rows of their conversations, newest first, after the (moment, id) of another."""
        moment, before = after or (END_OF_TIME, LAST)
        values = {"user": self._user, "moment": moment, "before": before, "limit": limit}
        return list(self._session.execute(_PAGE, values))

    def present(self, row: Any) -> dict[str, Any]:
        """Return the document of a row of ``page``."""
        return present_conversation(self._registry, row)

    def history(self, conversation_id: int, order: str, beyond: int | None, limit: int) -> list[Any]:
        """Return messages beyond the one with the seq ``beyond``, ``newest`` or ``oldest`` first."""
        start = (LAST if order == "newest" else 0) if beyond is None else beyond
        values = {"conversation": conversation_id, "user": self._user, "seq": start, "limit": limit}
        rows = list(self._session.execute(_HISTORY[order], values))
        if not rows:
            self.require_member(conversation_id)
        return rows

    def message(self, conversation_id: int, message_id: int) -> dict[str, Any]:
        """Return one message."""
        values = {"conversation": conversation_id, "user": self._user, "id": message_id}
        row = self._session.execute(_BY_ID, values).first()
        if row is None:
            raise NotFound(f"there is no message {message_id} for you in conversation {conversation_id}")
        return read_message(row)

    def unread(self) -> dict[str, int]:
        """Return how many messages, in how many conversations, they have not read."""
        row = self._session.execute(_TOTAL, {"user": self._user}).one()
        return {"messages": int(row.messages), "conversations": row.conversations}

    def attachment(self, conversation_id: int, media_id: int) -> Any:
        """Return the row of a file that they may see."""
        values = {"id": media_id, "conversation": conversation_id, "user": self._user}
        row = self._session.execute(_ATTACHMENT, values).first()
        if row is None:
            raise NotFound(f"there is no file {media_id} for you in this conversation")
        return row


def _unknown(conversation_id: int) -> NotFound:
    return NotFound(f"you have no conversation {conversation_id}")


def conversation_reader(_context: Any, request: Any) -> ConversationReader:
    """Return the request's ``ConversationReader``."""
    return ConversationReader(request.db, request.registry, request.identity.user_id)
