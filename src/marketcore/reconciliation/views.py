"""Reconciliation over HTTP, for admins."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore import audit
from marketcore.reconciliation import schemas
from marketcore.reconciliation.services import DifferenceService
from marketcore.reconciliation.waiting import exceptions
from marketcore.web.json import present_money, utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY


def _money(minor: int | None, currency: str) -> dict[str, str] | None:
    return None if minor is None else present_money(minor, currency)


def _present(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "provider": row.provider,
        "kind": row.kind,
        "what": row.what,
        "here": _money(row.here_minor, row.currency),
        "there": _money(row.there_minor, row.currency),
        "owner_id": row.owner_id,
        "owner": row.owner,
        "note": row.note,
        "age_seconds": int(row.age_seconds),
        "first_seen_at": utc(row.first_seen_at),
        "last_seen_at": utc(row.last_seen_at),
        "resolved_at": utc(row.resolved_at) if row.resolved_at else None,
    }


@view_config(
    route_name="reconciliation.differences",
    request_method="GET",
    permission="reconciliation.read",
    openapi={"query": schemas.DifferencesQuery, "responses": {200: schemas.DifferencePage}},
)
def list_differences(request: Any) -> dict[str, Any]:
    """List what orders, ledger and providers do not agree about, newest first."""
    query = request.valid.query
    scope = f"differences {query['open']}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = request.find_service(DifferenceService).page(
        before=before, limit=query["limit"] + 1, only_open=query["open"]
    )
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=_present)


@view_config(
    route_name="reconciliation.difference",
    request_method="PATCH",
    permission="reconciliation.assign",
    openapi={"body": schemas.DifferenceBody, "responses": {200: schemas.DifferenceDocument}},
)
def assign_difference(request: Any) -> dict[str, Any]:
    """Say who looks after a difference, and what is known of it."""
    difference_id, given = request.valid.path["difference_id"], request.valid.body
    service = request.find_service(DifferenceService)
    service.assign(difference_id, given["owner_id"], given["note"])
    actor = audit.actor_of(request.identity)
    audit.record(request.db, actor, "difference.assign", "difference", difference_id, owner=given["owner_id"])
    return _present(service.read(difference_id))


@view_config(
    route_name="reconciliation.exceptions",
    request_method="GET",
    permission="reconciliation.read",
    openapi={"responses": {200: schemas.Exceptions}},
)
def list_exceptions(request: Any) -> dict[str, Any]:
    """List everything about money that waits for a person, oldest first, with what to do."""
    return {
        "items": [
            {
                "kind": row.kind,
                "id": row.id,
                "state": row.state,
                "amount": _money(row.minor, row.currency),
                "since": utc(row.since),
                "remedy": row.remedy[:600],
            }
            for row in exceptions(request.db)
        ]
    }
