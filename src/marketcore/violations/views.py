"""Violations over HTTP: one's own, everybody's, and the pardon."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.violations import schemas
from marketcore.violations.services import ViolationService
from marketcore.web.json import utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY, PageQuery


def _present(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "order_id": row.order_id,
        "listing_id": row.listing_id,
        "kind": row.kind,
        "created_at": utc(row.created_at),
        "pardoned_at": utc(row.pardoned_at) if row.pardoned_at else None,
    }


def _present_whole(row: Any) -> dict[str, Any]:
    return {
        **_present(row),
        "user": {"id": row.user_id, "username": row.username},
        "pardoned_by": row.pardoned_by,
        "note": row.note or None,
    }


def _page(request: Any, scope: str, user_id: int | None, present: Any) -> dict[str, Any]:
    query = request.valid.query
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = request.find_service(ViolationService).page(user_id, before, query["limit"] + 1)
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=present)


@view_config(
    route_name="violations.mine",
    request_method="GET",
    permission="member",
    openapi={"query": PageQuery, "responses": {200: schemas.OwnViolationsDocument}},
)
def list_own_violations(request: Any) -> dict[str, Any]:
    """List your violations, newest first, and how many count against you."""
    user_id = request.authenticated_userid
    service = request.find_service(ViolationService)
    shown = _page(request, f"violations of {user_id}", user_id, _present)
    return {**shown, "standing": service.standing(user_id), "limit": service.limit}


@view_config(
    route_name="violations.violations",
    request_method="GET",
    permission="violations.violation.decide",
    openapi={"query": schemas.ViolationQuery, "responses": {200: schemas.ViolationPage}},
)
def list_violations(request: Any) -> dict[str, Any]:
    """List violations, newest first, of one user or of everybody."""
    user_id = request.valid.query["user_id"]
    return _page(request, f"violations {user_id}", user_id, _present_whole)


@view_config(
    route_name="violations.pardon",
    request_method="POST",
    permission="violations.violation.decide",
    openapi={"body": schemas.Pardon, "responses": {200: schemas.WholeViolationDocument}},
)
def pardon_violation(request: Any) -> dict[str, Any]:
    """Let a violation count no more; a block that it caused ends."""
    violation_id, note = request.valid.path["violation_id"], request.valid.body["note"]
    service = request.find_service(ViolationService)
    return _present_whole(service.pardon(violation_id, request.authenticated_userid, note))
