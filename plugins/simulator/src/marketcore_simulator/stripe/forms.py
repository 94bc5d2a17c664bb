"""The bracketed form encoding of the v1 API: line_items[0][price_data][currency]=usd. Pure, and bounded."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

MOST_FIELDS = 1000
DEEPEST = 8

_NAME = re.compile(r"([^\[\]]{1,500})((?:\[[^\[\]]{0,500}\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def parse_form(text: str) -> dict[str, Any]:
    """Read a form body into nested dicts and lists of text; raise ValueError for one that cannot be."""
    return nest(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))


def nest(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nest flat (name, value) pairs; hashes numbered 0, 1, 2… become lists."""
    root: dict[str, Any] = {}
    for name, value in fields:
        _place(root, _path(name), value)
    return {name: _listed(value) for name, value in root.items()}


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name[:80]!r} is not the name of a parameter")
    path = [match[1], *_PART.findall(match[2])]
    if len(path) > DEEPEST:
        raise ValueError(f"{name[:80]!r} is nested more than {DEEPEST} deep")
    return path


def _place(root: dict[str, Any], path: list[str], value: str) -> None:
    node = root
    for part in path[:-1]:
        node = node.setdefault(part or str(len(node)), {})
        if not isinstance(node, dict):
            raise ValueError(f"{path[0]!r} is given both as a value and as a hash")
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise ValueError(f"{path[0]!r} is given both as a hash and as a value")
    node[last] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    inner = {name: _listed(item) for name, item in value.items()}
    if set(inner) == {str(place) for place in range(len(inner))}:
        return [inner[str(place)] for place in range(len(inner))]
    return inner
