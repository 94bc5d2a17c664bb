"""Keyset pages with opaque, signed cursors: a cursor is a position and cannot be made up or changed."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from typing import Any

from marketcore.exceptions import Invalid, Malformed
from marketcore.web.json import dumps, loads

_MAC_BYTES = 12


def encode_cursor(registry: Any, scope: str, position: Sequence[Any]) -> str:
    """Return the cursor of ``position`` for the list called ``scope`` (its route and order)."""
    payload = dumps(list(position))
    return base64.urlsafe_b64encode(_mac(registry, scope, payload) + payload).decode().rstrip("=")


def decode_cursor(registry: Any, scope: str, cursor: str | None, kinds: Sequence[type]) -> list[Any] | None:
    """Return the position of ``cursor``; ``Invalid`` when it was not made for this list by us."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        position: list[Any] = loads(payload) if hmac.compare_digest(mac, _mac(registry, scope, payload)) else []
    except (ValueError, Malformed):
        position = []
    if [type(value) for value in position] != list(kinds):
        raise Invalid(errors={"cursor": "is not a cursor of this list; start again without one"})
    return position


def page(
    request: Any,
    scope: str,
    rows: Sequence[Any],
    *,
    limit: int,
    position: Callable[[Any], Sequence[Any]],
    present: Callable[[Any], Any],
) -> dict[str, Any]:
    """Return the document of a page from ``limit + 1`` rows read."""
    more = len(rows) > limit
    shown = rows[:limit]
    return {
        "items": [present(row) for row in shown],
        "next": encode_cursor(request.registry, scope, position(shown[-1])) if more else None,
    }


def _mac(registry: Any, scope: str, payload: bytes) -> bytes:
    mac = hmac.digest(registry["secrets"].derive("cursor"), scope.encode() + b"\0" + payload, "sha256")
    return mac[:_MAC_BYTES]
