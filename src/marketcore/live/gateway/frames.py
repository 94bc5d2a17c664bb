"""The frames of the protocol: JSON objects that name themselves in ``op``.

A client sends ``auth``, ``subscribe``, ``unsubscribe`` and ``ping``; it hears ``subscribed``, ``event``, ``error``
and ``pong``. A frame may carry an ``id`` of the client's, which the answer repeats.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from marketcore.exceptions import MarketError
from marketcore.live.hub import Event, Position
from marketcore.web.errors import TYPE_PREFIX
from marketcore.web.json import dumps

Id = Annotated[str, msgspec.Meta(max_length=64)] | Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None
Name = Annotated[str, msgspec.Meta(max_length=120)]


class _Frame(msgspec.Struct, frozen=True, tag_field="op", forbid_unknown_fields=True, kw_only=True):
    id: Id = None


class Since(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a client has heard a channel."""

    epoch: Annotated[str, msgspec.Meta(max_length=36)] | None
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Auth(_Frame, frozen=True, tag="auth"):
    """The first frame of a socket that has a ticket."""

    ticket: Annotated[str, msgspec.Meta(max_length=100)]


class Subscribe(_Frame, frozen=True, tag="subscribe"):
    """Listen to a channel, from ``since`` on if the history reaches back that far."""

    channel: Name
    since: Since | None = None


class Unsubscribe(_Frame, frozen=True, tag="unsubscribe"):
    """Stop listening to a channel."""

    channel: Name


class Ping(_Frame, frozen=True, tag="ping"):
    """Ask for a ``pong``."""


ClientFrame = Auth | Subscribe | Unsubscribe | Ping
_decoder = msgspec.json.Decoder(ClientFrame)


class Unreadable(Exception):
    """What came is no JSON text."""


class Misused(Exception):
    """It is JSON, but no frame that a client may send; the message says why."""


def decode(message: str | bytes) -> ClientFrame:
    """Read what a client sent; ``Unreadable`` or ``Misused``."""
    if isinstance(message, bytes):
        raise Unreadable("frames are text, not binary")
    try:
        frame: ClientFrame = _decoder.decode(message)
    except msgspec.ValidationError as error:
        raise Misused(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable(f"this is not valid JSON: {error}") from None
    return frame


def subscribed(channel: str, position: Position, recovered: bool, events: Iterable[Event] = (), id: Id = None) -> bytes:
    """Return the text of a ``subscribed`` frame; its ``events`` are ``event`` frames."""
    frame: dict[str, Any] = _answer("subscribed", id)
    frame.update(channel=channel, epoch=position.epoch, offset=position.offset, recovered=recovered)
    if recovered:
        frame["events"] = [msgspec.Raw(event.frame) for event in events]
    return dumps(frame)


def error(refusal: MarketError, id: Id = None) -> bytes:
    """Return the text of an ``error`` frame with the same problem document that HTTP would answer."""
    problem = {
        "type": TYPE_PREFIX + refusal.code,
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        **refusal.extra,
    }
    return dumps({**_answer("error", id), "problem": problem})


def pong(id: Id = None) -> bytes:
    """Return the text of a ``pong`` frame."""
    return dumps(_answer("pong", id))


def _answer(op: str, id: Id) -> dict[str, Any]:
    return {"op": op} if id is None else {"op": op, "id": id}
