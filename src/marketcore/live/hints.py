"""What travels over Redis: an event, ready encoded, that has just been committed; news about rights; and signals.

The first two are hints. The gateway believes no more of them than the database confirms, and needs none of them. A
signal, such as that somebody is typing, is in no database: it reaches whoever listens at that moment, or nobody.
Several messages may travel as one, with a ``SEPARATOR`` between them that none of them contains.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from marketcore.live.hub import Event
from marketcore.web.json import dumps, utc

EVENTS = "marketcore:live:events"
CONTROL = "marketcore:control"
SIGNALS = "marketcore:live:signals"
SEPARATOR = b"\0"


class Revoked(msgspec.Struct, frozen=True):
    """Whose rights have changed."""

    user_id: int


class Control(msgspec.Struct, frozen=True):
    """News for the gateways; other kinds may travel on the same topic."""

    revoke: Revoked | None = None


_controls = msgspec.json.Decoder(Control)


def event_frame(channel: str, offset: int, type_: str, data: bytes | str, at: datetime) -> bytes:
    """Return the text of an ``event`` frame; ``data`` is JSON already."""
    return dumps(
        {"op": "event", "channel": channel, "offset": offset, "type": type_, "data": msgspec.Raw(data), "at": utc(at)}
    )


def encode_event(event: Event) -> bytes:
    """Return the message that tells the gateways of ``event``."""
    return f"{event.epoch} {event.offset} {event.channel}\n".encode() + event.frame


def decode_event(message: bytes) -> Event:
    """Read a message back; ``ValueError`` if it is none of ours."""
    head, _newline, frame = message.partition(b"\n")
    epoch, offset, channel = head.decode().split(" ")
    return Event(channel, epoch, int(offset), frame)


def encode_signal(channel: str, type_: str, data: bytes) -> bytes:
    """Return the message that has the gateways pass a signal on; ``data`` is JSON already."""
    frame = dumps({"op": "signal", "channel": channel, "type": type_, "data": msgspec.Raw(data)})
    return f"{channel}\n".encode() + frame


def decode_signal(message: bytes) -> tuple[str, bytes]:
    """Return a signal's channel and the text of its frame; ``ValueError`` if the message is none of ours."""
    channel, newline, frame = message.partition(b"\n")
    if not newline:
        raise ValueError("a signal begins with the name of its channel")
    return channel.decode(), frame


def encode_revocation(user_id: int) -> bytes:
    """Return the message that asks the gateways to look at a user's sessions and rights again."""
    return dumps(Control(Revoked(user_id)))


def decode_revocation(message: bytes) -> int | None:
    """Return whose rights have changed, if that is the news; ``ValueError`` if the message is none of ours."""
    control = _controls.decode(message)
    return control.revoke.user_id if control.revoke else None
