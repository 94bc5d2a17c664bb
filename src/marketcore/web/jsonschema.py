"""From colander nodes to JSON Schema, for the OpenAPI document."""

from __future__ import annotations

from enum import Enum
from typing import Any

import colander

from marketcore.web.schema import Anything, Flag, Moment, MoneyNode, Text, TextByName, Whole

_FORMATS: dict[type, dict[str, Any]] = {
    Whole: {"type": "integer"},
    Flag: {"type": "boolean"},
    Moment: {"type": "string", "format": "date-time"},
    Text: {"type": "string"},
    Anything: {"type": "object"},
    TextByName: {"type": "object", "additionalProperties": {"type": "string"}},
}


class Direction(Enum):
    """Who writes the document: a node that may be left out of a request may be ``null`` in an answer."""

    REQUEST = "request"
    ANSWER = "answer"


def json_schema(node: colander.SchemaNode, spec: Any, direction: Direction) -> dict[str, Any]:
    """Return the JSON Schema of ``node``; named schemas become components of ``spec``."""
    if isinstance(node.typ, colander.Mapping):
        return _optional(_component(node, spec, direction), node, direction)
    if isinstance(node.typ, colander.Sequence):
        out = {"type": "array", "items": json_schema(node.children[0], spec, direction)}
    else:
        out = dict(_FORMATS[type(node.typ)])
    out |= _limits(node, is_list=isinstance(node.typ, colander.Sequence))
    if node.description:
        out["description"] = node.description
    return _optional(out, node, direction)


def _optional(out: dict[str, Any], node: colander.SchemaNode, direction: Direction) -> dict[str, Any]:
    if direction is Direction.ANSWER:
        return {"anyOf": [out, {"type": "null"}]} if node.missing is None else out
    if isinstance(node.missing, str | int | bool) and node.missing != "":
        return {**out, "default": node.missing}
    return out


def _component(node: colander.SchemaNode, spec: Any, direction: Direction) -> dict[str, Any]:
    known = spec.components.schemas
    name = _component_name(node)
    out = _object(node, spec, direction)
    if known.get(name, out) != out:
        # What may be left out of the one is always there, or null, in the other.
        name += direction.name.capitalize()
    if name not in known:
        spec.components.schema(name, out)
    return {"$ref": f"#/components/schemas/{name}"}


def _object(node: colander.SchemaNode, spec: Any, direction: Direction) -> dict[str, Any]:
    always = direction is Direction.ANSWER
    out: dict[str, Any] = {
        "type": "object",
        "properties": {child.name: json_schema(child, spec, direction) for child in node.children},
        "required": [child.name for child in node.children if child.required or (always and child.missing is None)],
    }
    if node.typ.unknown == "raise":
        # Problem documents say more where there is more to say, which RFC 9457 allows.
        out["additionalProperties"] = getattr(node, "extensible", False)
    out |= getattr(node, "bounds", {})
    if description := (type(node).__doc__ or "").strip().split("\n")[0]:
        out["description"] = description
    return out


def _component_name(node: colander.SchemaNode) -> str:
    if isinstance(node, MoneyNode):
        return "Money"
    top, name = type(node).__module__.split(".")[0], type(node).__name__
    return name if top == "marketcore" else f"{top.removeprefix('marketcore_')}.{name}"


def _limits(node: colander.SchemaNode, *, is_list: bool) -> dict[str, Any]:
    validators = getattr(node.validator, "validators", (node.validator,)) if node.validator else ()
    out: dict[str, Any] = {}
    for validator in validators:
        if isinstance(validator, colander.Length):
            low, high = ("minItems", "maxItems") if is_list else ("minLength", "maxLength")
            out |= {k: v for k, v in ((low, validator.min), (high, validator.max)) if v is not None}
        elif isinstance(validator, colander.Range):
            out |= {k: v for k, v in (("minimum", validator.min), ("maximum", validator.max)) if v is not None}
        elif isinstance(validator, colander.OneOf):
            out["enum"] = list(validator.choices)
        elif isinstance(validator, colander.Regex):
            out["pattern"] = validator.match_object.pattern
    return out
