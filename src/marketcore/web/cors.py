"""Cross-origin requests: only from the origins that ``web.cors_origins`` lists, never with credentials."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response

from marketcore.settings import section

METHODS = "GET, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, Idempotency-Key, X-Request-Id"
EXPOSED = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Idempotency-Replayed"


def cors_tween(handler: Any, registry: Any) -> Any:
    """Answer preflights and mark answers for listed origins."""
    allowed = frozenset(section(registry, "web")["cors_origins"])

    def tween(request: Any) -> Any:
        origin = request.environ.get("HTTP_ORIGIN")
        if origin not in allowed:
            return _varying(handler(request)) if allowed else handler(request)
        preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = Response(status=204) if preflight else handler(request)
        response.headers.update({"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED})
        if preflight:
            response.headers.update(
                {
                    "Access-Control-Allow-Methods": METHODS,
                    "Access-Control-Allow-Headers": HEADERS,
                    "Access-Control-Max-Age": "600",
                }
            )
        return _varying(response)

    return tween


def _varying(response: Any) -> Any:
    # Also where no origin is named: a shared cache would hand that answer to a page that needs the headers.
    response.vary = (*(response.vary or ()), "Origin")
    return response


def includeme(config: Any) -> None:
    """Add the tween inside the access log, outside transactions."""
    config.add_tween(
        "marketcore.web.cors.cors_tween",
        under="marketcore.web.tweens.access_tween",
        over="pyramid.tweens.excview_tween_factory",
    )
