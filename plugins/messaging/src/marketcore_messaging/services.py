"""Writing: conversations begun, messages sent and deleted, read marks moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.exceptions import Invalid, NotFound
from marketcore.media.services import MediaService
from marketcore.web.json import utc
from marketcore_messaging.events import MessageSent
from marketcore_messaging.presenting import present_message
from marketcore_messaging.reading import UNREAD, ConversationReader
from marketcore_messaging.refusals import NotReachable, OtherMessage

BLOCKED = """EXISTS (SELECT 1 FROM messaging_blocks
                     WHERE (user_id, blocked_id) IN ((:user, :other), (:other, :user)))"""
# The lock comes first and alone: what is decided under it has to be read by later statements.
_LOCK = text(
    """SELECT id, kind, order_id, CASE WHEN low_id = :user THEN high_id ELSE low_id END AS other_id
       FROM messaging_conversations WHERE id = :id AND :user IN (low_id, high_id) FOR NO KEY UPDATE"""
)
_LOOK = text(
    """SELECT id, kind, order_id, CASE WHEN low_id = :user THEN high_id ELSE low_id END AS other_id
       FROM messaging_conversations WHERE id = :id AND :user IN (low_id, high_id)"""
)
_BLOCKED = text(f"SELECT {BLOCKED}")
_STANDING = text(
    f"""SELECT {BLOCKED} AS blocked, u.username,
               (SELECT id FROM messaging_messages
                WHERE conversation_id = :id AND sender_id = :user AND client_id = :client) AS sent_id
        FROM users u WHERE u.id = :user"""
)
_WRITE = text(
    """WITH head AS (
           UPDATE messaging_conversations SET last_seq = last_seq + 1, last_at = market_clock() WHERE id = :id
           RETURNING id, last_seq, last_at
       ), written AS (
           INSERT INTO messaging_messages (conversation_id, seq, sender_id, client_id, body, sent_at)
           SELECT id, last_seq, :user, :client, :body, last_at FROM head
           RETURNING id, conversation_id, seq, sender_id, client_id, body, sent_at, deleted_at
       ), waiting AS (
           UPDATE messaging_members m SET incoming_seq = w.seq,
                  remind_at = coalesce(m.remind_at, w.sent_at + make_interval(secs => :remind))
           FROM written w WHERE m.conversation_id = :id AND m.user_id = :other
       ), known AS (
           INSERT INTO messaging_contacts (user_id, contact_id) SELECT :user, :other FROM written WHERE :direct
           ON CONFLICT DO NOTHING
       )
       SELECT * FROM written"""
)
# Held until the commit, so that whoever re-encodes the file meanwhile finds the message it belongs to.
_HOLD_FILES = text("SELECT id FROM media_objects WHERE id = ANY(:files) ORDER BY id FOR SHARE")
_USE_FILES = text(
    """UPDATE messaging_attachments a SET message_id = :message FROM media_objects f
       WHERE f.id = a.media_id AND a.media_id = ANY(:files) AND a.conversation_id = :id AND a.owner_id = :user
         AND a.message_id IS NULL
       RETURNING f.id, f.state, f.content_type, f.size_bytes"""
)
_DELETE = text(
    """UPDATE messaging_messages SET body = '', deleted_at = market_clock()
       WHERE id = :id AND conversation_id = :conversation AND sender_id = :user AND deleted_at IS NULL
       RETURNING seq, deleted_at"""
)
_OWN = text("SELECT 1 FROM messaging_messages WHERE id = :id AND conversation_id = :conversation AND sender_id = :user")
_FILES_OF = text("SELECT media_id FROM messaging_attachments WHERE message_id = :id")
_READ = text(
    """UPDATE messaging_members m SET read_seq = :seq, read_at = market_clock(),
              remind_at = CASE WHEN :seq >= m.incoming_seq THEN NULL ELSE m.remind_at END
       FROM messaging_conversations c
       WHERE c.id = m.conversation_id AND c.id = :id AND m.user_id = :user AND m.read_seq < :seq AND c.last_seq >= :seq
       RETURNING m.read_at"""
)
_MARK = text(
    f"""SELECT mine.read_seq, c.last_seq, {UNREAD} AS unread
        FROM messaging_members mine JOIN messaging_conversations c ON c.id = mine.conversation_id
        WHERE mine.conversation_id = :id AND mine.user_id = :user"""
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that its sender calls ``client_id``; ``files`` are the ids of files they have uploaded for it."""

    conversation_id: int
    client_id: UUID
    text: str
    files: tuple[int, ...] = ()


class MessageService:
    """Writes for ``user_id``; ``publish``, ``signal`` and ``emit`` are the request's."""

    def __init__(
        self,
        session: Any,
        user_id: int,
        reader: ConversationReader,
        media: MediaService,
        *,
        publish: Callable[..., None],
        signal: Callable[..., None],
        emit: Callable[[Any], None],
        remind_seconds: int,
    ) -> None:
        self._session = session
        self._user = user_id
        self._reader = reader
        self._media = media
        self._publish = publish
        self._signal = signal
        self._emit = emit
        self._remind_seconds = remind_seconds

    def send(self, draft: Draft) -> dict[str, Any]:
        """Write a message and tell of it; sent again under its ``client_id`` it is answered as it stands.

        ``NotFound`` where they are no member, ``NotReachable`` where one has blocked the other and it is not about an
        order, ``OtherMessage`` if the ``client_id`` was used, ``Invalid`` for files that they cannot send.
        """
        conversation = self._found(_LOCK, draft.conversation_id)
        values = {
            "id": conversation.id,
            "user": self._user,
            "other": conversation.other_id,
            "client": draft.client_id,
        }
        standing = self._session.execute(_STANDING, values).one()
        if standing.sent_id is not None:
            return self._sent_before(draft, standing.sent_id)
        if standing.blocked:
            _require_reachable(conversation)
        direct = conversation.kind == "direct"
        written = {**values, "body": draft.text, "direct": direct, "remind": self._remind_seconds}
        row = self._session.execute(_WRITE, written).one()
        message = present_message(row, self._use_files(draft, row.id))
        self._tell(conversation, message, standing.username)
        return message

    def _found(self, statement: Any, conversation_id: int) -> Any:
        row = self._session.execute(statement, {"id": conversation_id, "user": self._user}).first()
        if row is None:
            raise NotFound(f"you have no conversation {conversation_id}")
        return row

    def _sent_before(self, draft: Draft, message_id: int) -> dict[str, Any]:
        message = self._reader.message(draft.conversation_id, message_id)
        same = message["text"] == draft.text and _ids(message) == set(draft.files)
        if not same and not message["deleted"]:
            raise OtherMessage("this client_id belongs to another message of yours: use a new one for each")
        return message

    def _use_files(self, draft: Draft, message_id: int) -> Sequence[Any]:
        if not draft.files:
            return ()
        files = sorted(set(draft.files))
        self._session.execute(_HOLD_FILES, {"files": files})
        values = {"message": message_id, "files": files, "id": draft.conversation_id, "user": self._user}
        used = sorted(self._session.execute(_USE_FILES, values).all(), key=lambda row: row.id)
        if missing := set(files) - {row.id for row in used}:
            raise Invalid(
                errors={"attachments": f"{sorted(missing)} are no files of yours that wait for a message here"}
            )
        return used

    def _tell(self, conversation: Any, message: dict[str, Any], username: str) -> None:
        self._publish(f"conversation:{conversation.id}", "message.sent", message)
        hint = {
            "conversation_id": conversation.id,
            "kind": conversation.kind,
            "order_id": conversation.order_id,
            "message_id": message["id"],
            "seq": message["seq"],
            "sender": {"id": self._user, "username": username},
        }
        self._publish(f"user:{conversation.other_id}", "message.received", hint)
        self._emit(
            MessageSent(conversation.id, message["id"], self._user, conversation.other_id, conversation.order_id)
        )

    def delete(self, conversation_id: int, message_id: int) -> None:
        """Take a message of their own back: its text and files are gone, its place stays."""
        values = {"id": message_id, "conversation": conversation_id, "user": self._user}
        row = self._session.execute(_DELETE, values).first()
        if row is None:
            if self._session.execute(_OWN, values).first() is None:
                raise NotFound(f"you have sent no message {message_id} in this conversation")
            return
        self._media.discard(self._session.execute(_FILES_OF, {"id": message_id}).scalars().all())
        gone = {"conversation_id": conversation_id, "message_id": message_id, "seq": row.seq, "at": utc(row.deleted_at)}
        self._publish(f"conversation:{conversation_id}", "message.deleted", gone)

    def read(self, conversation_id: int, seq: int) -> dict[str, Any]:
        """Note that they have read up to ``seq`` and return where their mark is now; it never goes back."""
        values = {"id": conversation_id, "user": self._user, "seq": seq}
        moved = self._session.execute(_READ, values).first()
        mark = self._session.execute(_MARK, values).first()
        if mark is None:
            raise NotFound(f"you have no conversation {conversation_id}")
        if seq > mark.last_seq:
            raise Invalid(errors={"seq": f"there is no message {seq} yet: the last is {mark.last_seq}"})
        if moved is not None:
            news = {"conversation_id": conversation_id, "user_id": self._user, "seq": seq, "at": utc(moved.read_at)}
            self._publish(f"conversation:{conversation_id}", "message.read", news)
        return {"conversation_id": conversation_id, "seq": mark.read_seq, "unread": mark.unread}

    def typing(self, conversation_id: int) -> None:
        """Let whoever listens to the conversation know that they are writing; nothing of it is kept."""
        self.require_reachable(conversation_id)
        news = {"conversation_id": conversation_id, "user_id": self._user}
        self._signal(f"conversation:{conversation_id}", "typing", news)

    def require_reachable(self, conversation_id: int) -> None:
        """Raise ``NotFound`` or ``NotReachable`` where they could not send a message now."""
        conversation = self._found(_LOOK, conversation_id)
        if self._session.execute(_BLOCKED, {"user": self._user, "other": conversation.other_id}).scalar_one():
            _require_reachable(conversation)


def _ids(message: Mapping[str, Any]) -> set[int]:
    return {file["id"] for file in message["attachments"]}


def _require_reachable(conversation: Any) -> None:
    """The parties of an order have to be able to settle it, whatever they think of each other."""
    if conversation.kind != "order":
        raise NotReachable("you cannot write to this person")


def message_service(_context: Any, request: Any) -> MessageService:
    """Return the request's ``MessageService``."""
    from marketcore.settings import section

    return MessageService(
        request.db,
        request.identity.user_id,
        request.find_service(ConversationReader),
        request.find_service(MediaService),
        publish=request.publish,
        signal=request.signal,
        emit=request.emit,
        remind_seconds=section(request.registry, "messaging")["remind_seconds"],
    )
