"""``Idempotency-Key``: the key, what it was used for and the answer are written with the effect itself.

A second request with the same key waits for the first one's transaction (the primary key makes it) and then gets
the same answer; another body or address under the same key is refused. A refused request leaves no key behind.

A view that must call a provider between two transactions keeps the id of what it made with ``keep_resource`` in the
first; when the process dies in between, a retry with the key finds ``request.kept_resource`` and goes on from there.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from pyramid.response import Response
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from marketcore.exceptions import IdempotencyMismatch, InProgress, Invalid

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{8,100}")
_LEASE_SECONDS = 90

_CLAIM = text(
    """INSERT INTO idempotency_keys (principal, key, fingerprint) VALUES (:principal, :key, :fingerprint)
       ON CONFLICT DO NOTHING RETURNING key"""
)
_READ = text(
    """SELECT fingerprint, resource, status, content_type, body,
              created_at > market_clock() - make_interval(secs => :lease) AS fresh
       FROM idempotency_keys WHERE principal = :principal AND key = :key"""
)
_KEEP = text("UPDATE idempotency_keys SET resource = :resource WHERE principal = :principal AND key = :key")
_STORE = text(
    """UPDATE idempotency_keys SET status = :status, content_type = :content_type, body = :body
       WHERE principal = :principal AND key = :key"""
)


def idempotent(view: Any, info: Any) -> Any:
    """Wrap views declared ``idempotent=True``."""
    if not info.options.get("idempotent"):
        return view

    def wrapper(context: Any, request: Any) -> Any:
        request.kept_resource = ""
        key = read_key(request)
        # A key belongs to whoever sent it; those who are nobody must not see each other's answers.
        if key is None or request.authenticated_userid is None:
            return view(context, request)
        return _once(view, context, request, key)

    return wrapper


idempotent.options = ("idempotent",)  # type: ignore[attr-defined]


def read_key(request: Any) -> str | None:
    """Return the request's key, or ``None``; one of a wrong form is refused."""
    key: str | None = request.headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid(errors={HEADER: "must be 8 to 100 visible ASCII characters"})
    return key


def keep_resource(request: Any, resource: str) -> None:
    """Remember under the request's key, in this transaction, the id of what it has just made."""
    if key := read_key(request):
        request.db.execute(_KEEP, {"principal": str(request.authenticated_userid), "key": key, "resource": resource})
        # Should a later phase be retried by the web server, it is still this request that owns the key.
        request.environ["marketcore.owned_key"] = key


def fingerprint(request: Any) -> bytes:
    """Return the hash of what is asked: method, address and body."""
    return hashlib.sha256(f"{request.method} {request.path_qs}\n".encode() + request.body).digest()


def _once(view: Any, context: Any, request: Any, key: str) -> Any:
    row = {"principal": str(request.authenticated_userid), "key": key}
    asked = fingerprint(request)
    if not _claim(request, row, asked):
        found = _found(request, row, asked, key)
        if found.status is not None:
            return _replay(found)
        request.kept_resource = found.resource
    response = view(context, request)
    request.db.execute_last(
        _STORE, {**row, "status": response.status_int, "content_type": response.content_type, "body": response.body}
    )
    return response


def _claim(request: Any, row: dict[str, Any], asked: bytes) -> bool:
    try:
        claimed = request.db.execute(_CLAIM, {**row, "fingerprint": asked}).first() is not None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", "") == "55P03":
            raise InProgress("the first request with this Idempotency-Key is still running") from None
        raise
    return claimed


def _found(request: Any, row: dict[str, Any], asked: bytes, key: str) -> Any:
    found = request.db.execute(_READ, {**row, "lease": _LEASE_SECONDS}).one()
    if bytes(found.fingerprint) != asked:
        raise IdempotencyMismatch
    owned = request.environ.get("marketcore.owned_key") == key
    if found.status is None and found.fresh and not owned:
        raise InProgress("the first request with this Idempotency-Key is still running", retry_after=1)
    return found


def _replay(found: Any) -> Response:
    response = Response(bytes(found.body), status=found.status, content_type=found.content_type, charset=None)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def includeme(config: Any) -> None:
    """Add the deriver inside validation, so that an invalid request claims no key."""
    config.add_view_deriver(idempotent, name="idempotent", under="validated", over="rendered_view")
