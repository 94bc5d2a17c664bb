"""What messaging reads and answers."""

from __future__ import annotations

import re
from typing import Any

import colander

from marketcore.media.schemas import PrivateFileDocument
from marketcore.web.schema import (
    PageQuery,
    Schema,
    Text,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
    whole,
)
from marketcore_messaging.rules import (
    LONGEST_STATUS,
    LONGEST_TEXT,
    MOST_ATTACHMENTS,
    SHORTEST_PREFIX,
    is_writable,
    one_way_of_ending_lines,
)

LARGEST = 2**63 - 1
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def _lines_end_one_way(value: Any) -> Any:
    return one_way_of_ending_lines(value) if isinstance(value, str) else value


def _writable(node: colander.SchemaNode, value: str) -> None:
    if not is_writable(value):
        raise colander.Invalid(node, "contains a control character that messages may not have")


def _said(longest: int, **options: Any) -> colander.SchemaNode:
    checks = colander.All(colander.Length(max=longest), _writable)
    return colander.SchemaNode(Text(), preparer=_lines_end_one_way, validator=checks, **options)


class WholeMatch(colander.Regex):
    """A pattern that the whole text has to fit."""

    def __call__(self, node: colander.SchemaNode, value: str) -> None:
        """Refuse text that does not fit."""
        if not re.fullmatch(self.match_object, value):
            raise colander.Invalid(node, self.msg)


def _username(**options: Any) -> colander.SchemaNode:
    return text(60, min_length=1, **options)


class PeopleQuery(Schema):
    """How usernames begin."""

    q = text(
        60,
        min_length=SHORTEST_PREFIX,
        validator=WholeMatch(r"^[A-Za-z0-9_.-]+$", "must be letters, digits, '_', '.' and '-', as usernames are"),
        description="how the username begins",
    )
    limit = whole(1, 20, missing=10)


class PersonDocument(Schema):
    """Somebody, as those see them who have nothing to do with them."""

    id = key()
    username = text(60)
    picture = nullable(text(500))


class PeopleDocument(Schema):
    """Who was found, by name."""

    items = listing(PersonDocument(name="item"))


class Named(Schema):
    """Who is meant."""

    username = _username()


class ContactDocument(PersonDocument):
    """Somebody in a list of people, and since when."""

    since = moment()


ContactPage = page_of(ContactDocument, "ContactPage")


class MessageFields(Schema):
    """A message. `client_id` is a UUID of yours: sent again under it, the message is not written twice."""

    client_id = text(36, validator=WholeMatch(f"^{_UUID}$", "must be a UUID"))
    text = _said(LONGEST_TEXT, missing="")
    attachments = listing(key(name="item"), validator=colander.Length(max=MOST_ATTACHMENTS), missing=())

    def validator(self, node: colander.SchemaNode, given: dict[str, Any]) -> None:
        """Ask for a text or a file."""
        if not given["text"].strip() and not given["attachments"]:
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["text"], "must not be blank where there is no file"))
            raise refusal


class LiveMessage(MessageFields):
    """A message to a conversation."""

    conversation_id = key()


class MessageDocument(Schema):
    """A message. A deleted one keeps its place, without text and files."""

    id = key()
    conversation_id = key()
    seq = whole(1, LARGEST, description="place in the conversation, without gaps")
    sender_id = key()
    client_id = text(36)
    text = text(LONGEST_TEXT)
    deleted = flag()
    attachments = listing(PrivateFileDocument(name="item"))
    sent_at = moment()


MessagePage = page_of(MessageDocument, "MessagePage")


class HistoryQuery(PageQuery):
    """Which messages: the newest or oldest first, from the end or from beyond one that you have."""

    order = choice("newest", "oldest", missing="newest")
    beyond = whole(0, LARGEST, missing=None, description="only those beyond this seq, in the order asked for")


class StreamPosition(Schema):
    """Where the events go on."""

    epoch = nullable(text(36))
    offset = whole(0, LARGEST)


class ConversationDocument(Schema):
    """A conversation as you see it."""

    id = key()
    kind = choice("direct", "order")
    order_id = nullable(key())
    with_ = PersonDocument(name="with")
    blocked = flag(description="whether you have blocked the other")
    last_message = nullable(MessageDocument())
    last_seq = whole(0, LARGEST)
    unread = whole(0, LARGEST, description="messages of the other beyond read_seq")
    read_seq = whole(0, LARGEST, description="how far you have read")
    their_read_seq = whole(0, LARGEST, description="how far the other has read")
    their_read_at = nullable(moment())
    created_at = moment()
    stream = StreamPosition()


ConversationPage = page_of(ConversationDocument, "ConversationPage")


class UnreadDocument(Schema):
    """What you have not read."""

    messages = whole(0, LARGEST)
    conversations = whole(0, LARGEST)


class ReadMark(Schema):
    """How far you have read."""

    seq = whole(1, LARGEST)


class LiveReadMark(ReadMark):
    """How far you have read in a conversation."""

    conversation_id = key()


class ReadDocument(Schema):
    """Where your mark is now, and what is left."""

    conversation_id = key()
    seq = whole(0, LARGEST)
    unread = whole(0, LARGEST)


class FileQuery(Schema):
    """Which form of an image; means nothing for a PDF."""

    variant = choice("large", "thumb", missing="large")


class StatusFields(Schema):
    """What your contacts may know."""

    text = _said(LONGEST_STATUS)

    def validator(self, node: colander.SchemaNode, given: dict[str, Any]) -> None:
        """Ask for words."""
        if not given["text"].strip():
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["text"], "must not be blank"))
            raise refusal


class StatusQuery(PageQuery):
    """Whose statuses."""

    of = choice("contacts", "mine", missing="contacts")


class StatusDocument(Schema):
    """A status, until it expires."""

    id = key()
    author = PersonDocument()
    text = text(LONGEST_STATUS)
    image = nullable(PrivateFileDocument())
    created_at = moment()
    expires_at = moment()


StatusPage = page_of(StatusDocument, "StatusPage")


class SomeConversation(Schema):
    """Which conversation."""

    conversation_id = key()


class ReadNews(Schema):
    """Somebody has read up to `seq`."""

    conversation_id = key()
    user_id = key()
    seq = whole(1, LARGEST)
    at = moment()


class DeletedNews(Schema):
    """A message was taken back."""

    conversation_id = key()
    message_id = key()
    seq = whole(1, LARGEST)
    at = moment()


class AttachmentNews(Schema):
    """A file of a message has been checked: it can be seen now, or never."""

    conversation_id = key()
    message_id = key()
    seq = whole(1, LARGEST)
    attachment = PrivateFileDocument()


class Typing(Schema):
    """Somebody is writing at this moment."""

    conversation_id = key()
    user_id = key()


class Sender(Schema):
    """Who has written."""

    id = key()
    username = text(60)


class ReceivedNews(Schema):
    """There is a message for you; it is in its conversation."""

    conversation_id = key()
    kind = choice("direct", "order")
    order_id = nullable(key())
    message_id = key()
    seq = whole(1, LARGEST)
    sender = Sender()
