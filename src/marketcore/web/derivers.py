"""What a view declares is what is enforced: permission, input, limits.

``openapi={"body": Schema, "query": Schema, "upload": True, "responses": {200: Schema}}`` on a view is validated here
before the view runs, found as ``request.valid``, and read back by the documentation: one declaration, no drift. A
response that is a file is declared by its media type, such as ``{200: "application/pdf"}``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import colander
from pyramid.config import PHASE3_CONFIG
from pyramid.viewderivers import INGRESS

from marketcore.directives import table
from marketcore.exceptions import ConfigurationError, Invalid, Malformed, NotFound, TooLarge, UnsupportedMedia
from marketcore.settings import section
from marketcore.web.json import loads
from marketcore.web.schema import MAX_KEY, Flag, Whole, schema_node

_WHOLE = re.compile(r"-?[0-9]{1,20}")


@dataclass(frozen=True)
class Valid:
    """What a request brought, read and checked."""

    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    path: dict[str, int] = field(default_factory=dict)
    upload: bytes = b""


def permission_declared(view: Any, info: Any) -> Any:
    """Stop the start at a route's view that says nothing of who may call it."""
    if not info.exception_only and info.options.get("permission") is None:
        name = getattr(info.original_view, "__qualname__", repr(info.original_view))
        raise ConfigurationError(
            f"the view {name!r} declares no permission: give it "
            "permission='public', 'member' or one declared with config.declare_permission"
        )
    return view


def validated(view: Any, info: Any) -> Any:
    """Read and check the input that ``openapi`` declares, before the view."""
    declaration = info.options.get("openapi")
    if declaration is None:
        return view
    body = schema_node(declaration.get("body"), info.registry)
    query = Query(schema_node(declaration.get("query"), info.registry) or colander.MappingSchema(unknown="raise"))
    upload = declaration.get("upload", False)

    def wrapper(context: Any, request: Any) -> Any:
        request.valid = Valid(
            path=read_path(request),
            query=query.read(request),
            body=read_body(request, body) if body else {},
            upload=read_upload(request) if upload else b"",
        )
        return view(context, request)

    return wrapper


validated.options = ("openapi",)  # type: ignore[attr-defined]


def read_path(request: Any) -> dict[str, int]:
    """Return the route's numbers; one that no key can have is not found."""
    values = {name: int(text) for name, text in request.matchdict.items() if text.isascii() and text.isdigit()}
    if any(not 1 <= value <= MAX_KEY for value in values.values()):
        raise NotFound
    return values


class Query:
    """What may stand behind the question mark of an address."""

    def __init__(self, schema: colander.SchemaNode) -> None:
        self._schema = schema
        self._nodes = {node.name: node for node in schema.children}
        self._unasked = self._nothing_asked()

    def read(self, request: Any) -> dict[str, Any]:
        """Return the query as its schema reads it; unknown and repeated names are refused."""
        given = self._given(request) if request.query_string else {}
        if self._unasked is None:
            return dict(self._schema.deserialize(given))
        try:
            read = {name: self._nodes[name].deserialize(value) for name, value in given.items()}
            return {**self._unasked, **{name: value for name, value in read.items() if value is not colander.drop}}
        except colander.Invalid:
            return dict(self._schema.deserialize(given))  # which names everything that is wrong

    def _nothing_asked(self) -> dict[str, Any] | None:
        """Return how an empty query is read; ``None`` where it is refused, or fields depend on each other."""
        if self._schema.validator is not None or self._schema.preparer is not None:
            return None
        try:
            return dict(self._schema.deserialize({}))
        except colander.Invalid:
            return None

    def _given(self, request: Any) -> dict[str, Any]:
        try:
            pairs = list(request.GET.items())
        except UnicodeDecodeError:
            raise Malformed("the query is not UTF-8") from None
        given: dict[str, Any] = {}
        for name, value in pairs:
            if name not in self._nodes or name in given:
                fault = "is given twice" if name in given else "is not a parameter of this address"
                raise Invalid(errors={name[:100]: fault})
            given[name] = _from_text(self._nodes[name], value)
        return given


def _from_text(node: colander.SchemaNode, value: str) -> Any:
    if isinstance(node.typ, Whole) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(node.typ, Flag) and value in ("true", "false"):
        return value == "true"
    return value


def read_body(request: Any, schema: colander.SchemaNode) -> dict[str, Any]:
    """Return the JSON body as ``schema`` reads it."""
    limit = section(request.registry, "web")["max_json_bytes"]
    raw = bounded_body(request, limit)
    if raw and request.content_type != "application/json":
        raise UnsupportedMedia("send application/json")
    check_encoding(request)
    if not raw and all(not node.required for node in schema.children):
        return dict(schema.deserialize({}))
    document = loads(raw)
    if not isinstance(document, dict):
        raise Malformed("the body has to be a JSON object")
    return dict(schema.deserialize(document))


def read_upload(request: Any) -> bytes:
    """Return the bytes of the multipart field ``file``."""
    limit = section(request.registry, "web")["max_upload_bytes"]
    bounded_body(request, limit + 65_536)
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia("send multipart/form-data with a field 'file'")
    check_encoding(request)
    try:
        field = request.POST.get("file")
    except (ValueError, LookupError) as error:
        raise Malformed(f"the form cannot be read: {type(error).__name__}") from None
    if field is None or not hasattr(field, "file"):
        raise Invalid(errors={"file": "is missing"})
    data: bytes = field.file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"a file may have at most {limit} bytes")
    return data


def check_encoding(request: Any) -> None:
    """Refuse a body in another charset than UTF-8, and a compressed one: its size would be known too late."""
    environ = request.environ
    if environ.get("CONTENT_TYPE") == "application/json" and "HTTP_CONTENT_ENCODING" not in environ:
        return
    if request.charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("send the body in UTF-8")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("send the body as it is, without a Content-Encoding")


def bounded_body(request: Any, limit: int) -> bytes:
    """Return the raw body, refusing one that is longer than ``limit`` whatever its length header says."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"a body may have at most {limit} bytes here")
    body: bytes = request.body
    if len(body) > limit:
        raise TooLarge(f"a body may have at most {limit} bytes here")
    return body


def check_permissions(config: Any) -> None:
    """Stop the start at a view whose permission nobody declared."""
    declared = table(config.registry, "permissions declared")
    for item in config.introspector.get_category("permissions") or ():
        name = item["introspectable"]["value"]
        if isinstance(name, str) and name not in declared and not name.startswith("__"):
            raise ConfigurationError(
                f"a view asks for the permission {name!r}, which is not declared: add "
                f"config.declare_permission({name!r}, to=…) ({item['introspectable'].action_info})"
            )


def includeme(config: Any) -> None:
    """Add the derivers and the check that runs after everything is registered."""
    config.add_view_deriver(permission_declared, under=INGRESS, over="secured_view")
    config.add_view_deriver(validated, name="validated")
    config.action(("marketcore", "permissions"), check_permissions, args=(config,), order=PHASE3_CONFIG + 100)
