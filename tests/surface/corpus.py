"""What hostile and broken clients send in the place of a value, as JSON texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

NOBODY = "00000000-0000-4000-8000-000000000000"
TEXTS = {
    "NUL": json.dumps("a\x00b"),
    "lone surrogate": r'"a\ud800b"',
    "low surrogate first": r'"\udc00\ud800"',
    "right-to-left override": json.dumps("a\u202eb"),
    "byte order mark": json.dumps("\ufeffab"),
    "1 MiB of text": json.dumps("x" * 2**20),
    "a newline": json.dumps("ab\n"),
}
NUMBERS = {
    "1": "1",
    "1.5": "1.5",
    "-1": "-1",
    "0": "0",
    "minus zero": "-0",
    "minus zero point": "-0.0",
    "2^53+1": str(2**53 + 1),
    "2^63": str(2**63),
    "10^400": "1" + "0" * 400,
    "10^5000": "1" + "0" * 5000,
    "1e309": "1e309",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
}
OTHERS = {
    "null": "null",
    "true": "true",
    "text of a number": '"1"',
    "empty text": '""',
    "empty list": "[]",
    "empty object": "{}",
    "list of null": "[null]",
    "unknown value": '"no-such-value"',
    "amount 1e3": '"1e3"',
}
VALUES = {**TEXTS, **NUMBERS, **OTHERS}
# Names that no client may set on anything (mass assignment).
FORBIDDEN_FIELDS = (
    "role",
    "is_admin",
    "balance",
    "price_paid",
    "seller_id",
    "status",
    "id",
    "__proto__",
    "constructor",
)
BODIES = {
    "nothing": b"",
    "white space": b"  \n",
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "invalid UTF-8": b'{"\xff\xfe": 1}',
    "UTF-16": '{"a": "b"}'.encode("utf-16"),
    "UTF-8 with a mark": b"\xef\xbb\xbf{}x",
    "truncated": b'{"a": "b',
    "two documents": b"{}{}",
    "single quotes": b"{'a': 1}",
    "2 MiB": b'{"a": "' + b"x" * 2**21 + b'"}',
}
PATHS = (
    "0",
    "-1",
    str(2**63),
    "1" + "0" * 30,
    "abc",
    "%D9%A1%D9%A2",
    "%EF%BC%91",
    "1%00",
    "%ff",
    "1e3",
    "+1",
    "%2e%2e",
)


def minimal(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """Return a small value that ``schema`` accepts."""
    schema = resolve(schema, components)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: minimal(schema["properties"][name], components) for name in schema.get("required", ())}
    if kind == "array":
        return []
    if kind == "integer":
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    return _text(schema)


def _text(schema: dict[str, Any]) -> str:
    for text in ("valid text", "KES", "500.00", "KE", "someone@example.test", "0712345678", NOBODY):
        if _fits(text, schema):
            return text
    raise AssertionError(f"corpus.minimal knows no text for {schema}: add one")


def _fits(text: str, schema: dict[str, Any]) -> bool:
    import re

    return re.search(schema.get("pattern", ""), text) is not None and len(text) <= schema.get("maxLength", 10**9)


def resolve(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and take the first of alternatives: the one that is not null."""
    while "$ref" in schema or "anyOf" in schema:
        schema = schema["anyOf"][0] if "anyOf" in schema else components[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def fields(schema: dict[str, Any], components: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field, nested ones too."""
    for name, child in resolve(schema, components).get("properties", {}).items():
        yield (*path, name)
        yield from fields(child, components, (*path, name))


def objects(schema: dict[str, Any], components: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the path of every object that lists its fields, the body itself first."""
    inner = {path[:-1] for path in fields(schema, components)}
    return sorted(inner, key=len)


def complete(schema: dict[str, Any], components: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return a minimal body in which the objects on the way to ``path`` exist."""
    body = here = minimal(schema, components)
    for name in path[:-1]:
        schema = resolve(schema, components)["properties"][name]
        here = here.setdefault(name, minimal(schema, components))
    return body


def replaced(body: dict[str, Any], path: tuple[str, ...], value: str) -> bytes:
    """Return ``body`` as JSON with the JSON text ``value`` at ``path``."""
    marker = "@@value@@"
    here = body = json.loads(json.dumps(body))
    for name in path[:-1]:
        here = here[name]
    here[path[-1]] = marker
    return json.dumps(body).replace(json.dumps(marker), value).encode()
