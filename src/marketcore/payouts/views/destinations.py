"""Payout destinations over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.interfaces import NextAction
from marketcore.payouts import schemas
from marketcore.payouts.destinations import DestinationService, enroll
from marketcore.web.idempotency import keep_resource
from marketcore.web.json import utc


def present_destination(row: Any, action: NextAction | None = None) -> dict[str, Any]:
    """Return a destination's document; its details are not repeated."""
    return {
        "id": str(row.id),
        "provider": row.provider,
        "label": row.label,
        "state": row.state,
        "reason": row.reason,
        "next_action": {"kind": action.kind, "data": dict(action.data)} if action else None,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


@view_config(
    route_name="payouts.destinations",
    request_method="POST",
    permission="payouts.destination.change",
    step_up=True,
    idempotent=True,
    rate_limit="payment",
    openapi={
        "body": schemas.DestinationBody,
        "responses": {201: schemas.DestinationDocument},
        "refusals": [409, 429],
    },
)
def add_destination(request: Any) -> dict[str, Any]:
    """Name a place where you want to be paid; its provider is told, and may want more of you (see `next_action`)."""
    destination_id = UUID(request.kept_resource) if request.kept_resource else _add(request)
    request.response.status_int = 201
    return _enroll(request, destination_id)


def _add(request: Any) -> UUID:
    given = request.valid.body
    service = request.find_service(DestinationService)
    added: UUID = service.add(request.authenticated_userid, given["provider"], given["label"], given["details"])
    return added


def _enroll(request: Any, destination_id: UUID) -> dict[str, Any]:
    keep_resource(request, str(destination_id))
    # The destination has to be a committed row before the first byte leaves for the provider.
    request.tm.commit()
    try:
        action = enroll(request.registry, destination_id)
    finally:
        request.tm.begin()
    return present_destination(_read(request, destination_id), action)


def _read(request: Any, destination_id: UUID) -> Any:
    return request.find_service(DestinationService).read(destination_id, request.authenticated_userid)


@view_config(
    route_name="payouts.destinations",
    request_method="GET",
    permission="payouts.destination.read",
    openapi={"responses": {200: schemas.Destinations}},
)
def list_destinations(request: Any) -> dict[str, Any]:
    """Show where you can be paid."""
    rows = request.find_service(DestinationService).of_user(request.authenticated_userid)
    return {"items": [present_destination(row) for row in rows]}


@view_config(
    route_name="payouts.destination",
    request_method="GET",
    permission="payouts.destination.read",
    openapi={"responses": {200: schemas.DestinationDocument}},
)
def read_destination(request: Any) -> dict[str, Any]:
    """Show one of your payout destinations."""
    return present_destination(_read(request, _destination_id(request)))


@view_config(
    route_name="payouts.destination",
    request_method="DELETE",
    permission="payouts.destination.change",
    step_up=True,
    openapi={"responses": {204: None}, "refusals": [409]},
)
def remove_destination(request: Any) -> Any:
    """Remove a payout destination to which nothing is on its way."""
    request.find_service(DestinationService).remove(_destination_id(request), request.authenticated_userid)
    return HTTPNoContent()


@view_config(
    route_name="payouts.destination.link",
    request_method="POST",
    permission="payouts.destination.change",
    step_up=True,
    idempotent=True,
    rate_limit="payment",
    openapi={"responses": {200: schemas.DestinationDocument}, "refusals": [409, 429]},
)
def renew_link(request: Any) -> dict[str, Any]:
    """Ask the provider how a destination stands, and for a new link where it wants more of you."""
    destination = _read(request, _destination_id(request))
    return _enroll(request, destination.id)


def _destination_id(request: Any) -> UUID:
    return UUID(request.matchdict["destination_id"])
