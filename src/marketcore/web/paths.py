"""Addresses as logs may show them."""

from __future__ import annotations

from typing import Any


def shown_path(request: Any) -> str:
    """Return the path as logs may show it: an address that is itself a secret appears as its route's pattern."""
    route = getattr(request, "matched_route", None)
    if route and "token" in request.matchdict:
        pattern: str = route.pattern
        return pattern
    return decoded(request.environ["PATH_INFO"])


def decoded(path: str) -> str:
    """Return WSGI's ``path`` as text; bytes that are no UTF-8 become U+FFFD."""
    return path.encode("latin-1").decode("utf-8", "replace")
