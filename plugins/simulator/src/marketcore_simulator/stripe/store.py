"""Everything that exists at the gateway, as the documents it answers with."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from marketcore_simulator.stripe.errors import StripeError, no_such
from marketcore_simulator.stripe.params import Params

#: One object as the API shows it. Members beginning with an underscore are the simulator's own.
Document = dict[str, Any]

_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


class Store:
    """Keep objects by identifier. `account` is the connected account an object belongs to, None for the platform."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[str | None, Document]] = {}

    def add(self, document: Document, account: str | None = None) -> Document:
        """Keep a document that has `id` and `object`."""
        self._objects[document["id"]] = (account, document)
        return document

    def find(self, object_id: str) -> Document | None:
        """Return the object of this identifier, whoever it belongs to."""
        return self._objects.get(object_id, (None, None))[1]

    def known(self, object_id: str) -> Document:
        """Return an object the gateway itself refers to."""
        return self._objects[object_id][1]

    def owner(self, document: Document) -> str | None:
        """Return the connected account an object belongs to."""
        return self._objects[document["id"]][0]

    def get(
        self, kind: str, object_id: str, account: str | None = None, param: str | None = "id", status: int = 404
    ) -> Document:
        """Return the object of this kind and account; raise StripeError when there is none."""
        owner, document = self._objects.get(object_id, (None, None))
        if document is None or document["object"] != kind or owner != account:
            raise no_such(kind, object_id, param, status)
        return document

    def select(self, kind: str, account: str | None = None, **members: Any) -> list[Document]:
        """Return the objects of a kind whose members have these values, newest first."""
        return [
            document
            for owner, document in reversed(self._objects.values())
            if document["object"] == kind
            and owner == account
            and all(document.get(name) == value for name, value in members.items())
        ]

    def every(self, kind: str) -> list[Document]:
        """Return the objects of a kind of all accounts, oldest first."""
        return [document for _, document in self._objects.values() if document["object"] == kind]

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()


def page(found: list[Document], params: Params, url: str) -> Document:
    """Return one page of a list: `created` range, `limit`, `starting_after`, `ending_before`."""
    found = [document for document in found if _created_within(document, params)]
    after, before = params.text("starting_after"), params.text("ending_before")
    if after is not None:
        found = found[_place(found, after, "starting_after") + 1 :]
    if before is not None:
        found = found[: _place(found, before, "ending_before")]
    limit = _limit(params)
    shown = found[-limit:] if before is not None else found[:limit]
    return {"object": "list", "url": url, "has_more": len(found) > limit, "data": shown}


def public(document: Any) -> Any:
    """Return a copy without the simulator's own members; metadata is the merchant's, whatever its keys."""
    if isinstance(document, dict):
        shown = {name: value for name, value in document.items() if not name.startswith("_")}
        return {name: dict(value) if name == "metadata" else public(value) for name, value in shown.items()}
    if isinstance(document, list):
        return [public(item) for item in document]
    return copy.copy(document)


def expanded(document: Document, paths: list[str], store: Store) -> Document:
    """Return a copy in which the named references are the objects themselves."""
    document = copy.deepcopy(document)
    for path in paths:
        _expand(document, path.split("."), path, store)
    return document


def _expand(node: Any, names: list[str], path: str, store: Store) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(item, names, path, store)
    elif isinstance(node, dict) and names:
        name = names[0]
        if f"_{name}" in node:
            node[name] = node[f"_{name}"]
        if name not in node:
            raise StripeError(f"This property cannot be expanded ({path}).", None, "expand[]")
        if isinstance(node[name], str):
            node[name] = copy.deepcopy(store.find(node[name])) or node[name]
        _expand(node[name], names[1:], path, store)


def _created_within(document: Document, params: Params) -> bool:
    if "created" not in params:
        return True
    if isinstance(params.raw("created"), str):
        return bool(document["created"] == params.integer("created"))
    bounds = params.group("created")
    bounds.only(_COMPARISONS)
    return all(
        _COMPARISONS[name](document["created"], bound)
        for name in _COMPARISONS
        if (bound := bounds.integer(name)) is not None
    )


def _place(found: list[Document], object_id: str, param: str) -> int:
    for place, document in enumerate(found):
        if document["id"] == object_id:
            return place
    raise no_such("object", object_id, param, 400)


def _limit(params: Params) -> int:
    limit = params.integer("limit")
    if limit is not None and not 1 <= limit <= 100:
        raise StripeError("Invalid limit: must be between 1 and 100", "parameter_invalid_integer", "limit")
    return limit or 10
