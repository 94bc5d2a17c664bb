"""The AsyncAPI 3.0 document of the live process, made from what the core and the enabled plugins declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from marketcore.directives import LiveChannel, LiveCommand, LiveEventType, table
from marketcore.live.gateway.codes import MEANINGS, REFUSALS, Close
from marketcore.live.gateway.frames import Auth, Command, Ping, Subscribe, Unsubscribe
from marketcore.settings import section
from marketcore.web.jsonschema import Direction, json_schema
from marketcore.web.openapi import ProblemDocument

DESCRIPTION = (
    "One WebSocket carries everything: frames are JSON texts that name themselves in `op`. A browser first asks "
    "`POST /api/v1/live/tickets` for a ticket and sends it as its first frame (`auth`); other clients send their "
    "access token as `Authorization: Bearer`. Then `subscribe` to channels and send commands. Every event has an "
    "`offset` that counts within its channel without gaps. A client that comes back says `since` with the `epoch` "
    "and `offset` it has seen and hears what it missed (`recovered`), or else begins with the snapshot, or loads "
    "the resource and subscribes from its `stream`. An event may come twice: drop the offsets you have. Plain "
    "addresses such as /track_order/7 subscribe by themselves."
)
_PARAMETER = re.compile(r"\{(\w+)\}")
_NO_KEY = re.compile(r"[^A-Za-z0-9]+")
CLIENT_FRAMES = (Auth, Subscribe, Unsubscribe, Command, Ping)
_ID = {"type": ["string", "integer"], "description": "what the client called its frame"}
_OFFSET = {"type": "integer", "minimum": 0, "description": "place in the channel's stream"}
_EPOCH = {"type": ["string", "null"], "description": "which stream; null before the channel's first event"}


class Document:
    """The document in the making."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self._schemas: dict[str, Any] = {}
        self._messages: dict[str, Any] = {}
        self._channels: dict[str, Any] = {}
        self._operations: dict[str, Any] = {}
        # What the generator of schemas asks of an OpenAPI specification.
        kept = SimpleNamespace(schemas=self._schemas, schema=self._schemas.__setitem__)
        self._spec = SimpleNamespace(components=kept)

    def build(self) -> dict[str, Any]:
        """Return the document."""
        self._frames()
        events = self._registry["live event types"]
        for pattern, channel in sorted(table(self._registry, "live channels").items()):
            self._live_channel(channel, events[pattern].values())
        for _name, command in sorted(table(self._registry, "live commands").items()):
            self._command(command)
        return {
            "asyncapi": "3.0.0",
            "info": {"title": "marketcore live", "version": self._registry["version"], "description": DESCRIPTION},
            "defaultContentType": "application/json",
            "servers": {"live": self._server()},
            "channels": self._channels,
            "operations": self._operations,
            "components": {
                "schemas": self._schemas,
                "messages": self._messages,
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
            "x-close-codes": {str(code.value): MEANINGS[code] for code in sorted(Close)},
            "x-handshake-refusals": {str(status): why for status, why in REFUSALS.items()},
        }

    def _server(self) -> dict[str, Any]:
        public = urlsplit(section(self._registry, "marketcore")["public_url"])
        return {
            "host": f"{public.hostname}:{section(self._registry, 'live')['port']}",
            "protocol": "wss" if public.scheme == "https" else "ws",
            "description": "the live process, or the proxy in front of it",
        }

    def _frames(self) -> None:
        _references, structs = msgspec.json.schema_components(
            CLIENT_FRAMES, ref_template="#/components/schemas/frame.{name}"
        )
        self._schemas |= {f"frame.{name}": schema for name, schema in structs.items()}
        json_schema(ProblemDocument(), self._spec, Direction.ANSWER)
        for frame in CLIENT_FRAMES:
            name = frame.__name__.lower()
            summary = (frame.__doc__ or "").replace("``", "`")
            self._message(name, summary, {"$ref": f"#/components/schemas/frame.{frame.__name__}"})
        for name, (summary, properties, optional) in SERVER_FRAMES.items():
            self._message(name, summary, self._server_frame(name, properties, optional))
        self._channel("socket", {"address": "/", "title": "The socket", "bindings": _HANDSHAKE}, sorted(self._messages))
        for name, answers in CLIENT_OPERATIONS.items():
            self._operation(name, "receive", "socket", [name], answers)
        self._operation("error", "send", "socket", ["error"])

    def _server_frame(self, op: str, properties: Mapping[str, Any], optional: frozenset[str]) -> dict[str, Any]:
        schema = _frame({"op": {"const": op}, **properties}, optional)
        self._schemas[f"frame.{op.capitalize()}"] = schema
        return {"$ref": f"#/components/schemas/frame.{op.capitalize()}"}

    def _live_channel(self, channel: LiveChannel, events: Iterable[LiveEventType]) -> None:
        key = _key(channel.pattern)
        names = [self._event(key, event) for event in events]
        described: dict[str, Any] = {
            "address": channel.path or "/",
            "title": channel.pattern,
            "description": f"Who may listen: {_first_line(channel.may_join)}",
            "x-channel": channel.pattern,
            "x-snapshot": channel.snapshot is not None,
        }
        if channel.path:
            described["parameters"] = {
                name: {"description": "a whole number"} for name in _PARAMETER.findall(channel.path)
            }
        self._channel(key, described, [*names, "subscribed", "error"])
        if names:
            self._operation(f"hear.{key}", "send", key, names)

    def _event(self, channel: str, event: LiveEventType) -> str:
        data = json_schema(event.schema, self._spec, Direction.ANSWER)
        op = "event" if event.stored else "signal"
        frame = {**SERVER_FRAMES[op][1], "op": {"const": op}, "type": {"const": event.type}, "data": data}
        frame["channel"] = {"type": "string", "pattern": _pattern(event.pattern)}
        name = f"{channel}.{event.type}"
        self._message(name, _first_line(type(event.schema)), _frame(frame), title=event.type)
        return name

    def _command(self, command: LiveCommand) -> None:
        body = json_schema(command.body, self._spec, Direction.REQUEST)
        asked = {"op": {"const": "command"}, "id": _ID, "name": {"const": command.name}, "data": body}
        answer = json_schema(command.answer, self._spec, Direction.ANSWER)
        replied = {"op": {"const": "reply"}, "id": _ID, "data": answer}
        sent, heard = f"command.{command.name}", f"reply.{command.name}"
        self._message(sent, _first_line(type(command.body)), _frame(asked), title=command.name, correlated=True)
        self._message(heard, _first_line(type(command.answer)), _frame(replied), title=command.name, correlated=True)
        for name in (sent, heard):
            self._channels["socket"]["messages"][name] = {"$ref": f"#/components/messages/{name}"}
        self._operation(sent, "receive", "socket", [sent], [heard, "error"])
        operation = self._operations[sent]
        operation["summary"] = _first_line(command.handler)
        operation["description"] = f"Permission: `{command.permission}`."

    def _message(self, name: str, summary: str, payload: Any, *, title: str = "", correlated: bool = False) -> None:
        message: dict[str, Any] = {"name": name, "title": title or name, "summary": summary, "payload": payload}
        if correlated:
            message["correlationId"] = {"location": "$message.payload#/id"}
        self._messages[name] = message

    def _channel(self, key: str, described: Mapping[str, Any], messages: Iterable[str]) -> None:
        references = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
        self._channels[key] = {**described, "messages": references}

    def _operation(
        self, name: str, action: str, channel: str, messages: Iterable[str], answers: Iterable[str] = ()
    ) -> None:
        operation: dict[str, Any] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": [_of_channel(channel, message) for message in messages],
        }
        if answers := list(answers):
            replies = [_of_channel("socket", message) for message in answers]
            operation["reply"] = {"channel": {"$ref": "#/channels/socket"}, "messages": replies}
        self._operations[name] = operation


_HANDSHAKE = {
    "ws": {
        "method": "GET",
        "headers": {
            "type": "object",
            "properties": {"Authorization": {"type": "string", "description": "Bearer and an access token"}},
        },
    }
}
SERVER_FRAMES: Mapping[str, tuple[str, Mapping[str, Any], frozenset[str]]] = {
    "subscribed": (
        "You listen from here on; `events` are those you missed, or those after the snapshot",
        {
            "channel": {"type": "string"},
            "epoch": _EPOCH,
            "offset": _OFFSET,
            "recovered": {"type": "boolean", "description": "whether your `since` was continued"},
            "snapshot": {"type": "object", "description": "the document of what the channel is about"},
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/frame.Event"}},
        },
        frozenset({"snapshot", "events"}),
    ),
    "event": (
        "Something has happened",
        {
            "channel": {"type": "string"},
            "offset": _OFFSET,
            "type": {"type": "string"},
            "data": {"type": "object"},
            "at": {"type": "string", "format": "date-time"},
        },
        frozenset(),
    ),
    "signal": (
        "Something is so at this moment; it has no place in the stream and is not told again",
        {"channel": {"type": "string"}, "type": {"type": "string"}, "data": {"type": "object"}},
        frozenset(),
    ),
    "reply": ("A command has been carried out", {"id": _ID, "data": {"type": "object"}}, frozenset()),
    "error": (
        "A frame was refused, or a channel is not yours any more",
        {"id": _ID, "problem": {"$ref": "#/components/schemas/ProblemDocument"}},
        frozenset({"id"}),
    ),
    "pong": ("The answer to a ping", {"id": _ID}, frozenset({"id"})),
}
# What each frame of a client may be answered with.
CLIENT_OPERATIONS = {
    "auth": ["error"],
    "subscribe": ["subscribed", "error"],
    "unsubscribe": ["error"],
    "command": ["reply", "error"],
    "ping": ["pong", "error"],
}


def _frame(properties: Mapping[str, Any], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}


def _of_channel(channel: str, message: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{message}"}


def _key(pattern: str) -> str:
    return _NO_KEY.sub("_", _PARAMETER.sub(lambda found: found[1], pattern))


def _pattern(pattern: str) -> str:
    words = [re.escape(word) for word in _PARAMETER.split(pattern)[0::2]]
    return f"^{'[1-9][0-9]{0,18}'.join(words)}$"


def _first_line(documented: Any) -> str:
    return (getattr(documented, "__doc__", None) or "").strip().split("\n")[0]


def build_document(registry: Any) -> dict[str, Any]:
    """Return the document of every channel, event and command, for exactly the enabled plugins."""
    return Document(registry).build()
