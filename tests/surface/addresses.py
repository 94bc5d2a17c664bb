"""Every address of a configuration, read from its introspector, with what its path takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PARAMETER = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}|\*(\w+)$")
NUMBER = "999999999999999999"
UUID = "00000000-0000-4000-8000-000000000000"
# What is nowhere, for parameters whose pattern does not tell.
NOWHERE = {
    "slug": "nobody",
    "provider": "nobody",
    "token": "0" * 64,
    "key": "0" * 32,
    "variant": "thumb",
    "subpath": "no-such-file",
}


@dataclass(frozen=True)
class Address:
    """One method of one route; ``parameters`` maps the names in its path to their patterns."""

    method: str
    route: str
    pattern: str
    permission: str
    openapi: Mapping[str, Any] | None
    parameters: Mapping[str, str]

    def path(self, values: Mapping[str, Any]) -> str:
        """Return the path with ``values`` filled in; a missing one is a ``KeyError``."""
        path = _PARAMETER.sub(lambda found: str(values[found[1] or found[3]]), self.pattern)
        return path if path.startswith("/") else f"/{path}"

    def nowhere(self) -> str:
        """Return a path of this form that leads to nothing."""
        return self.path({name: nothing(name, form) for name, form in self.parameters.items()})

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def nothing(name: str, form: str) -> str:
    """Return a value of parameter ``name`` that no row has."""
    if form.startswith("[0-9]{"):
        return NUMBER
    if form.startswith("[0-9a-f]{8}-"):
        return UUID
    assert name in NOWHERE, f"the path parameter {name!r} is new: say in NOWHERE ({__file__}) what leads nowhere"
    return NOWHERE[name]


def addresses(registry: Any) -> list[Address]:
    """Return every method of every route that a view answers, without HEAD, in order of their names."""
    found = [
        _address(registry, item, method)
        for item in registry.introspector.get_category("views") or ()
        for method in _methods(item["introspectable"])
        if item["introspectable"]["route_name"]
    ]
    return sorted(found, key=lambda address: (address.route, address.method))


def _methods(view: Mapping[str, Any]) -> list[str]:
    methods = view["request_methods"] or ("GET",)
    return [m for m in ([methods] if isinstance(methods, str) else methods) if m != "HEAD"]


def _address(registry: Any, item: Mapping[str, Any], method: str) -> Address:
    view = item["introspectable"]
    pattern = registry.introspector.get("routes", view["route_name"])["pattern"]
    parameters = {name or rest: form or "" for name, form, rest in _PARAMETER.findall(pattern)}
    permission = next((r["value"] for r in item["related"] if r.category_name == "permissions"), "public")
    return Address(method, view["route_name"], pattern, permission, view.get("openapi"), parameters)
