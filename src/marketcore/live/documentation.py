"""The description of the live API over HTTP: for programs as AsyncAPI, for people as a page made of the same."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response

from marketcore.live.asyncapi import build_document
from marketcore.web.json import dumps


def document_view(request: Any) -> Response:
    """Return the AsyncAPI document."""
    registry = request.registry
    if "asyncapi_document" not in registry:
        registry["asyncapi_document"] = dumps(build_document(registry))
    return Response(registry["asyncapi_document"], content_type="application/json", charset=None)


def docs_view(request: Any) -> dict[str, Any]:
    """Return what the page shows; it needs no script and nothing from elsewhere."""
    request.response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'"
    document = build_document(request.registry)
    return {
        "document": document,
        "commands": {
            name.removeprefix("command."): operation
            for name, operation in document["operations"].items()
            if name.startswith("command.")
        },
        "channels": [channel for channel in document["channels"].values() if "x-channel" in channel],
        "source": request.route_path("asyncapi.document"),
        "http": request.route_path("openapi.docs"),
    }


def includeme(config: Any) -> None:
    """Add ``/api/asyncapi.json`` and ``/api/docs/live``."""
    config.add_route("asyncapi.document", "/api/asyncapi.json")
    config.add_view(document_view, route_name="asyncapi.document", request_method="GET", permission="public")
    config.add_route("asyncapi.docs", "/api/docs/live")
    config.add_view(
        docs_view,
        route_name="asyncapi.docs",
        request_method="GET",
        permission="public",
        renderer="marketcore.live:templates/docs.jinja2",
    )
