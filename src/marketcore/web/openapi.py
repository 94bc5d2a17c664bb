"""The OpenAPI 3.1 document, made from what the views of the enabled plugins declare, and the page that shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import colander
from apispec import APISpec
from pyramid.response import Response

from marketcore.web.json import dumps
from marketcore.web.jsonschema import Direction, json_schema
from marketcore.web.schema import MAX_KEY, Schema, Text, TextByName, Whole, schema_node

_PARAMETER = re.compile(r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")
DESCRIPTION = (
    "Money is `{amount, currency}` with exactly the currency's digits. Times are RFC 3339 in UTC. Lists are pages: "
    "follow `next` as `cursor`. Refusals are problem documents (RFC 9457) with a stable `type`. Requests that move "
    "money or stock take an `Idempotency-Key`."
)
_STEP_UP = " May ask for a fresh proof of the second factor (`step-up-needed`)."
# Permissions that ask for no token.
OPEN = frozenset({"public", "unidentified"})


class ProblemDocument(Schema):
    """A refusal (RFC 9457)."""

    extensible = True
    type = colander.SchemaNode(Text(), description="stable name of the refusal")
    title = colander.SchemaNode(Text())
    status = colander.SchemaNode(Whole())
    detail = colander.SchemaNode(Text())
    request_id = colander.SchemaNode(Text(), description="finds the request in the log")
    errors = colander.SchemaNode(TextByName(), missing=colander.drop, description="what is wrong, by field")


def build_document(registry: Any, introspector: Any) -> dict[str, Any]:
    """Return the document of every view that declares ``openapi``, for exactly the enabled plugins."""
    spec = APISpec("marketcore", registry["version"], "3.1.0", info={"description": DESCRIPTION})
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    json_schema(ProblemDocument(), spec, Direction.ANSWER)
    paths: dict[str, dict[str, Any]] = {}
    for item in introspector.get_category("views") or ():
        view = item["introspectable"]
        if view.get("openapi") is not None:
            pattern = introspector.get("routes", view["route_name"])["pattern"]
            path = _PARAMETER.sub(r"{\1}", pattern)
            for method in _methods(view):
                operation = _operation(spec, registry, view, pattern, method, item["related"])
                paths.setdefault(path, {})[method.lower()] = operation
    for path in sorted(paths):
        spec.path(path, operations=paths[path])
    return dict(spec.to_dict())


def _methods(view: Any) -> list[str]:
    methods = view["request_methods"]
    return [m for m in ([methods] if isinstance(methods, str) else methods) if m != "HEAD"]


def _operation(spec: APISpec, registry: Any, view: Any, pattern: str, method: str, related: Any) -> dict[str, Any]:
    declared = _bound(view["openapi"], registry)
    permission = next((r["value"] for r in related if r.category_name == "permissions"), "public")
    operation: dict[str, Any] = {
        "operationId": f"{method.lower()}_{view['route_name'].replace('.', '_')}",
        "tags": [view["route_name"].split(".")[0]],
        "summary": _first_line(view["callable"], view.get("attr")),
        "description": f"Permission: `{permission}`." + (_STEP_UP if view.get("step_up") else ""),
        "parameters": _path_parameters(pattern) + _query_parameters(spec, declared.get("query")),
        "responses": _responses(spec, declared, permission),
    }
    if permission not in OPEN:
        operation["security"] = [{"bearer": []}]
    if "body" in declared:
        schema = json_schema(declared["body"], spec, Direction.REQUEST)
        # Bounds say which of the fields that may be left out have to be there all the same.
        required = any(node.required for node in declared["body"].children) or hasattr(declared["body"], "bounds")
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    if declared.get("upload"):
        operation["requestBody"] = _upload()
    return operation


def _upload() -> dict[str, Any]:
    form = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def _first_line(view: Any, attr: str | None) -> str:
    documented = getattr(view, attr) if attr else view
    return (documented.__doc__ or "").strip().split("\n")[0].rstrip(".")


def _path_parameters(pattern: str) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 1, "maximum": MAX_KEY}
    return [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(pattern, name, number)}
        for name in _PARAMETER.findall(pattern)
    ]


def _path_schema(pattern: str, name: str, number: dict[str, Any]) -> dict[str, Any]:
    if f"{{{name}:[0-9]" in pattern:
        return number
    if f"{{{name}:{UUID_PATTERN}}}" in pattern:
        return {"type": "string", "format": "uuid"}
    return {"type": "string", "minLength": 1, "maxLength": 200}


UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _query_parameters(spec: APISpec, query: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": node.name,
            "in": "query",
            "required": bool(node.required),
            "schema": json_schema(node, spec, Direction.REQUEST),
            **({"description": node.description} if node.description else {}),
        }
        for node in (() if query is None else query.children)
    ]


def _responses(spec: APISpec, declared: Any, permission: str) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, schema in declared["responses"].items():
        responses[str(status)] = {"description": _STATUS.get(status, "Done")}
        if schema is not None:
            responses[str(status)]["content"] = _content(spec, schema)
    for status in sorted(_refusals(declared, permission)):
        responses[str(status)] = _problem(_STATUS[status])
    responses["default"] = _problem("Refused")
    return responses


def _content(spec: APISpec, schema: Any) -> dict[str, Any]:
    if isinstance(schema, str):
        return {schema: {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": json_schema(schema, spec, Direction.ANSWER)}}


_STATUS = {
    200: "Done",
    201: "Created",
    202: "Accepted; the outcome follows",
    204: "Done, nothing to say",
    400: "The request could not be read",
    401: "A valid access token is needed",
    403: "Not allowed",
    404: "Not there, or not for this caller",
    409: "The current state does not allow this",
    413: "The body is too large",
    415: "This kind of body is not accepted",
    422: "Some fields are not valid",
    429: "Too many requests",
}


def _refusals(declared: Any, permission: str) -> set[int]:
    refusals = {400, 404, 422}
    if "body" in declared or declared.get("upload"):
        refusals |= {413, 415}
    if permission not in OPEN:
        refusals |= {401, 403}
    return refusals | set(declared.get("refusals", ()))


def _problem(description: str) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": description, "content": {"application/problem+json": {"schema": reference}}}


def _bound(declared: Mapping[str, Any], registry: Any) -> dict[str, Any]:
    """Return what a view declares with nodes for its schemas."""
    nodes = {name: schema_node(declared[name], registry) for name in ("body", "query") if name in declared}
    responses = {status: schema_node(schema, registry) for status, schema in declared["responses"].items()}
    return {**declared, **nodes, "responses": responses}


def document_view(request: Any) -> Response:
    """Return the OpenAPI document."""
    registry = request.registry
    if "openapi_document" not in registry:
        registry["openapi_document"] = dumps(build_document(registry, registry.introspector))
    return Response(registry["openapi_document"], content_type="application/json", charset=None)


def docs_view(request: Any) -> dict[str, Any]:
    """Return the page that shows the document; everything it needs comes from here."""
    request.response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'"
    )
    return {"document": request.route_path("openapi.document"), "live": request.route_path("asyncapi.docs")}


def includeme(config: Any) -> None:
    """Add ``/api/openapi.json`` and ``/api/docs``."""
    from importlib.metadata import version

    config.registry["version"] = version("marketcore")
    config.add_route("openapi.document", "/api/openapi.json")
    config.add_view(document_view, route_name="openapi.document", request_method="GET", permission="public")
    config.add_route("openapi.docs", "/api/docs")
    config.add_view(
        docs_view,
        route_name="openapi.docs",
        request_method="GET",
        permission="public",
        renderer="marketcore.web:templates/docs.jinja2",
    )
    config.add_static_view("static", "marketcore.web:static", cache_max_age=86400)
