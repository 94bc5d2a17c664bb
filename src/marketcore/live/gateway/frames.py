"""The frames of the protocol: JSON objects that name themselves in ``op``.

A client sends ``auth``, ``subscribe``, ``unsubscribe``, ``command`` and ``ping``; it hears ``subscribed``, ``event``,
``signal``, ``reply``, ``error`` and ``pong``. A frame may carry an ``id`` of the client's, which the answer repeats; a
command has to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from marketcore.exceptions import MarketError
from marketcore.live.hub import Event, Position
from marketcore.web.errors import problem_document
from marketcore.web.json import dumps

GivenId = Annotated[str, msgspec.Meta(max_length=64)] | Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Id = GivenId | None
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


class Command(_Frame, frozen=True, tag="command"):
    """Ask for something to be done; ``data`` is checked by the schema of the command."""

    id: GivenId
    name: Name
    data: Any = msgspec.field(default_factory=dict)


class Ping(_Frame, frozen=True, tag="ping"):
    """Ask for a ``pong``."""


ClientFrame = Auth | Subscribe | Unsubscribe | Command | Ping
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


def subscribed(
    channel: str, position: Position, recovered: bool, events: Iterable[Event] = (), snapshot: bytes | None = None
) -> bytes:
    """Return the text of a ``subscribed`` frame; its ``events`` are ``event`` frames.

    With a ``snapshot`` (JSON already) they are those after it, and nothing of the client's was recovered.
    """
    frame: dict[str, Any] = {"op": "subscribed", "channel": channel, "epoch": position.epoch, "offset": position.offset}
    frame["recovered"] = recovered and snapshot is None
    if snapshot is not None:
        frame["snapshot"] = msgspec.Raw(snapshot)
    if recovered:
        frame["events"] = [msgspec.Raw(event.frame) for event in events]
    return dumps(frame)


def reply(id: Id, data: Mapping[str, Any]) -> bytes:
    """Return the text of a ``reply`` frame with what a command has answered."""
    return dumps({"op": "reply", "id": id, "data": data})


def error(refusal: MarketError, id: Id = None, request_id: str = "") -> bytes:
    """Return the text of an ``error`` frame with the same problem document that HTTP would answer."""
    return dumps({**_answer("error", id), "problem": problem_document(refusal, request_id)})


def pong(id: Id = None) -> bytes:
    """Return the text of a ``pong`` frame."""
    return dumps(_answer("pong", id))


def _answer(op: str, id: Id) -> dict[str, Any]:
    return {"op": op} if id is None else {"op": op, "id": id}
