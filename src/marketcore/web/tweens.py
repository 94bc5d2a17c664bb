"""Around every request: its id, its log line, tolerated trailing slashes, headers that make browsers careful."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from typing import Any

import structlog
from pyramid.tweens import INGRESS
from pyramid_retry import is_error_retryable

from marketcore.db.session import wait_before_retry
from marketcore.exceptions import NotFound
from marketcore.web.errors import problem
from marketcore.web.paths import decoded, shown_path

log = structlog.get_logger("marketcore.access")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# Attempts of a request that collides with others share its id.
_OUR_ID = "marketcore.request_id"
_CAREFUL = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]


def access_tween(handler: Any, registry: Any) -> Any:
    """Give the request an id, bind it to every log line, and log how it ended."""

    def tween(request: Any) -> Any:
        environ = request.environ
        if environ.get("retry.attempt"):
            wait_before_retry()
        request.request_id = environ.get(_OUR_ID) or environ.setdefault(_OUR_ID, _request_id(environ))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)
        started = time.perf_counter()
        response = handler(request)
        named = {name.lower() for name, _value in response.headerlist}
        ours = [*_CAREFUL, ("X-Request-Id", request.request_id)]
        response.headerlist += [pair for pair in ours if pair[0].lower() not in named]
        if not will_be_retried(request):
            observe(registry, request, response.status_int, time.perf_counter() - started)
        return response

    return tween


def _request_id(environ: Mapping[str, Any]) -> str:
    given = environ.get("HTTP_X_REQUEST_ID", "")
    return given if _REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def will_be_retried(request: Any) -> bool:
    """Whether this answer is thrown away and the request run again."""
    error = getattr(request, "exception", None)
    return error is not None and bool(is_error_retryable(request, error))


def observe(registry: Any, request: Any, status: int, seconds: float) -> None:
    """Write the access log line and count the request."""
    route = request.matched_route.name if getattr(request, "matched_route", None) else "none"
    registry["metrics"].request(request.method, route, status, seconds)
    log.info(
        "request",
        method=request.method,
        path=shown_path(request),
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        remote=request.remote_addr,
    )


def slash_tween(handler: Any, registry: Any) -> Any:
    """Treat ``/api/v1/orders/`` as ``/api/v1/orders``; an address that is no UTF-8 leads nowhere."""

    def tween(request: Any) -> Any:
        path = request.environ["PATH_INFO"]
        if "\ufffd" in decoded(path):
            return problem(request, NotFound("there is no such address: it is not UTF-8"))
        if len(path) > 1 and path.endswith("/"):
            request.environ["PATH_INFO"] = path.rstrip("/") or "/"
        return handler(request)

    return tween


def includeme(config: Any) -> None:
    """Add both tweens outside all others."""
    config.add_tween("marketcore.web.tweens.slash_tween", under=INGRESS)
    config.add_tween("marketcore.web.tweens.access_tween", under=INGRESS)
