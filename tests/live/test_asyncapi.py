"""The AsyncAPI document says what the live process does, read here by somebody who did not write it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from jsonschema import Draft7Validator

from marketcore.directives import table
from marketcore.disputes.services import DisputeService
from marketcore.events import PaymentFailed
from marketcore.interfaces import DisputeReport
from marketcore.live.asyncapi import build_document
from marketcore.live.gateway.codes import MEANINGS, Close
from marketcore.live.gateway.frames import decode
from marketcore.money import Money
from marketcore.testing.live import LiveClient, LiveServer
from marketcore.testing.shop import Shop, money_arrives, register

GOOD = Path(__file__).parents[1] / "plugins/good"
# The fixed fields of AsyncAPI 3.0.0 that are used here, and which of them have to be there.
FIELDS = {
    "document": ({"asyncapi", "info"}, {"defaultContentType", "servers", "channels", "operations", "components"}),
    "info": ({"title", "version"}, {"description"}),
    "server": ({"host", "protocol"}, {"description"}),
    "channel": (set(), {"address", "title", "description", "parameters", "messages", "bindings"}),
    "operation": ({"action", "channel"}, {"summary", "description", "messages", "reply"}),
    "message": (set(), {"name", "title", "summary", "payload", "correlationId"}),
    "components": (set(), {"schemas", "messages", "securitySchemes"}),
}


@pytest.fixture
def market(make_market, monkeypatch):
    monkeypatch.syspath_prepend(GOOD)
    return make_market("good", live__port="0")


@pytest.fixture
def document(market) -> dict[str, Any]:
    with market.client() as http:
        return http.get("/api/asyncapi.json").json()


def resolved(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(value: Any):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def has_the_fields_of(kind: str, value: dict[str, Any]) -> bool:
    required, optional = FIELDS[kind]
    given = {name for name in value if not name.startswith("x-")}
    return required <= given <= required | optional


def faults(document: dict[str, Any]) -> list[str]:
    """What a reader of AsyncAPI 3.0 stumbles over."""
    found = [r for r in references(document) if not _resolves(document, r)]
    parts = [("document", document), ("info", document["info"]), ("components", document["components"])]
    parts += [("server", server) for server in document["servers"].values()]
    parts += [("channel", channel) for channel in document["channels"].values()]
    parts += [("operation", operation) for operation in document["operations"].values()]
    parts += [("message", message) for message in document["components"]["messages"].values()]
    found += [f"{kind}: {sorted(value)}" for kind, value in parts if not has_the_fields_of(kind, value)]
    for name, channel in document["channels"].items():
        if set(re.findall(r"\{(\w+)\}", channel["address"])) != set(channel.get("parameters", {})):
            found.append(f"{name}: parameters")
    for name, operation in document["operations"].items():
        reply = operation.get("reply", {"channel": operation["channel"], "messages": []})
        for part in (operation, reply):
            if not all(one["$ref"].startswith(part["channel"]["$ref"] + "/messages/") for one in part["messages"]):
                found.append(f"{name}: a message of another channel")
        if operation["action"] not in ("send", "receive"):
            found.append(f"{name}: {operation['action']}")
    keys = [key for part in document["components"].values() for key in part]
    return found + [key for key in keys if not re.fullmatch(r"[A-Za-z0-9_.-]+", key)]


def _resolves(document: dict[str, Any], reference: str) -> bool:
    try:
        resolved(document, reference)
    except KeyError:
        return False
    return reference.startswith("#/")


def test_the_document_is_sound(document) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert faults(document) == []
    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


def test_a_fault_of_the_document_would_be_found(document) -> None:
    broken = {
        **document,
        "tags": [],
        "operations": {"x": {**document["operations"]["ping"], "channel": {"$ref": "#/channels/nowhere"}}},
    }
    assert len(faults(broken)) == 3


def test_it_has_every_channel_event_and_command_of_the_core_and_the_plugin(market, document) -> None:
    registry = market.registry
    channels = {c["x-channel"]: c for c in document["channels"].values() if "x-channel" in c}
    assert set(channels) == set(table(registry, "live channels")) >= {"good_thing:{thing_id}", "user:{user_id}"}
    for pattern, events in registry["live event types"].items():
        told = {resolved(document, m["$ref"])["title"] for m in channels[pattern]["messages"].values()}
        assert told - {"subscribed", "error"} == set(events)
    told = {name for name in document["operations"] if name.startswith("command.")}
    assert told == {f"command.{name}" for name in table(registry, "live commands")} == {"command.good.polish"}
    assert "Permission: `good.thing.keep`." in document["operations"]["command.good.polish"]["description"]
    assert document["x-close-codes"] == {str(code.value): MEANINGS[code] for code in Close}


def test_a_disabled_plugin_has_no_place_in_it(make_market) -> None:
    assert "good" not in str(build_document(make_market().registry))


class Validator:
    """Checks frames against the document's messages."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def check(self, message: str, frame: dict[str, Any]) -> None:
        schema = {**resolved(self._document, f"#/components/messages/{message}")["payload"], **self._components}
        Draft7Validator(schema).validate(frame)

    @property
    def _components(self) -> dict[str, Any]:
        return {"components": self._document["components"]}


def test_what_is_said_on_a_socket_is_what_the_document_says(market, document) -> None:
    token = register(market, "buyer")["access"]
    says = Validator(document).check
    with LiveServer(market.registry) as live, LiveClient(live.url, token) as client:
        says("subscribed", client.subscribe("good_thing:1"))
        asked = {"op": "command", "id": 1, "name": "good.polish", "data": {"thing_id": 1}}
        says("command.good.polish", asked)
        client.send(**asked)
        reply = client.answer("reply")
        says("reply", reply)
        says("reply.good.polish", reply)
        assert client.answer("subscribed")["offset"] == 0
        event = client.next_event()
        says("event", event)
        says("good_thing_thing_id.good.polished", event)
        for frame in ({"op": "subscribe", "channel": "order:7", "id": 2}, {**asked, "data": {"thing_id": 0}}):
            says(frame["op"], frame)
            client.send(**frame)
            says("error", client.receive())
        client.send(op="ping", id="p")
        says("pong", client.receive())
        says("subscribed", _again(client, event))


def _again(client: LiveClient, event: dict[str, Any]) -> dict[str, Any]:
    client.send(op="unsubscribe", channel="good_thing:1")
    return client.subscribe("good_thing:1", {"epoch": None, "offset": 0})


@pytest.mark.parametrize("op", ["auth", "subscribe", "unsubscribe", "command", "ping"])
def test_a_frame_made_from_the_document_is_one_that_the_gateway_reads(document, op) -> None:
    schema = resolved(document, resolved(document, f"#/components/messages/{op}")["payload"]["$ref"])
    values = {"op": op, "id": 1, "ticket": "t", "channel": "user:1", "name": "good.polish"}
    frame = decode(json.dumps({name: values[name] for name in schema["required"]}))
    assert type(frame).__name__.lower() == op


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids.update([given["id"]] if given.get("id") else [])
        self.links += [given[name] for name in ("href", "src") if given.get(name)]


def test_the_page_is_made_of_the_document_and_needs_nothing_from_elsewhere(market, document) -> None:
    with market.client() as http:
        answer = http.get("/api/docs/live")
        other = http.get("/api/docs").text
        page = Page()
        page.feed(answer.text)
        assert answer.status_code == 200
        assert "script" not in page.tags
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'"
        for link in page.links:
            assert link[1:] in page.ids if link.startswith("#") else http.get(link).status_code == 200, link
    for said in ("good_thing:{thing_id}", "good.polished", "good.polish", "order.payment_failed", "4008", "recovered"):
        assert said in answer.text
    assert 'href="/api/docs"' in answer.text
    assert 'href="/api/docs/live"' in other


def test_what_the_core_publishes_is_as_the_document_says(market, document) -> None:
    """An order is placed, paid for in vain and again, given back in part and contested."""
    shop = Shop(market)
    failed = PaymentFailed(uuid4(), "checkout", str(shop.checkout["id"]), "insufficient_funds")
    market.perform(lambda request: request.emit(failed))
    assert money_arrives(market, shop.checkout["id"])
    refund = shop.refund(amount={"amount": "1.00", "currency": "KES"})
    report = DisputeReport(uuid4().hex, "open", Money(800, "KES"), UUID(refund["payment_id"]))
    market.perform(lambda request: request.find_service(DisputeService).apply("cash", report))
    rows = market.query('SELECT channel, "offset", type, data FROM live_events')
    spoken = {"order.pending_payment", "order.payment_failed", "order.paid", "order.refund", "order.dispute"}
    assert {row.type for row in rows} >= spoken | {"notification"}
    for channel, offset, type_, data in rows:
        frame = {"op": "event", "channel": channel, "offset": offset, "type": type_, "data": data, "at": "now"}
        noun = channel.partition(":")[0]
        Validator(document).check(f"{noun}_{noun}_id.{type_}", frame)
