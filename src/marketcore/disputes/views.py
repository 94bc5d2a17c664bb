"""Disputes over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore.disputes import reading, schemas
from marketcore.web.pagination import decode_cursor, page


@view_config(
    route_name="disputes.disputes",
    request_method="GET",
    permission="disputes.dispute.read",
    openapi={"query": schemas.DisputesQuery, "responses": {200: schemas.DisputePage}},
)
def list_disputes(request: Any) -> dict[str, Any]:
    """List disputes, newest first: a seller sees those of their orders, an admin sees all."""
    query = request.valid.query
    scope = f"disputes {query['state']} {request.authenticated_userid}"
    position = decode_cursor(request.registry, scope, query["cursor"], [str, str])
    rows = reading.page_of_disputes(
        request.db,
        request.identity,
        state=query["state"],
        before=(datetime.fromisoformat(position[0]), UUID(position[1])) if position else None,
        limit=query["limit"] + 1,
    )
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.opened_at.isoformat(), str(row.id)],
        present=reading.present_dispute,
    )


@view_config(
    route_name="disputes.dispute",
    request_method="GET",
    permission="disputes.dispute.read",
    openapi={"responses": {200: schemas.DisputeDocument}},
)
def read_dispute(request: Any) -> dict[str, Any]:
    """Show a dispute to the sellers of its orders and to admins."""
    row = reading.read_dispute_for(request.db, UUID(request.matchdict["dispute_id"]), request.identity)
    return reading.present_dispute(row)
