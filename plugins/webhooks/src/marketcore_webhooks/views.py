"""Endpoints and deliveries over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.exceptions import Forbidden, Invalid
from marketcore.web.pagination import decode_cursor, page
from marketcore_webhooks import schemas
from marketcore_webhooks.destinations import Refused
from marketcore_webhooks.presenting import present_delivery, present_endpoint, present_with_body, present_with_secret
from marketcore_webhooks.services.deliveries import DeliveryService
from marketcore_webhooks.services.endpoints import EndpointService

LOOK_UP_SECONDS = 3.0


@view_config(
    route_name="webhooks.endpoints",
    request_method="POST",
    permission="webhooks.endpoint.manage",
    openapi={"body": schemas.EndpointInput, "responses": {201: schemas.EndpointWithSecret}, "refusals": [409]},
)
def add_endpoint(request: Any) -> dict[str, Any]:
    """Add an endpoint; its secret is shown in this answer and never again."""
    given = request.valid.body
    if given["platform"] and not request.has_permission("webhooks.platform.manage"):
        raise Forbidden("only admins may be told of everybody's things: leave 'platform' out")
    _check_url(request, given["url"])
    endpoint, secret = request.find_service(EndpointService).add(request.authenticated_userid, given)
    request.response.status_int = 201
    return present_with_secret(endpoint, secret)


@view_config(
    route_name="webhooks.endpoints",
    request_method="GET",
    permission="webhooks.endpoint.read",
    openapi={"responses": {200: schemas.EndpointList}},
)
def list_endpoints(request: Any) -> dict[str, Any]:
    """List your endpoints."""
    endpoints = request.find_service(EndpointService).all_of(request.authenticated_userid)
    return {"items": [present_endpoint(endpoint) for endpoint in endpoints]}


@view_config(
    route_name="webhooks.endpoint",
    request_method="GET",
    permission="webhooks.endpoint.read",
    openapi={"responses": {200: schemas.EndpointDocument}},
)
def read_endpoint(request: Any) -> dict[str, Any]:
    """Show an endpoint of yours."""
    service = request.find_service(EndpointService)
    return present_endpoint(service.read(request.authenticated_userid, request.valid.path["endpoint_id"]))


@view_config(
    route_name="webhooks.endpoint",
    request_method="PATCH",
    permission="webhooks.endpoint.manage",
    openapi={"body": schemas.EndpointChange, "responses": {200: schemas.EndpointDocument}},
)
def change_endpoint(request: Any) -> dict[str, Any]:
    """Change an endpoint of yours; `"enabled": true` lets a disabled one begin anew."""
    given = request.valid.body
    if "url" in given:
        _check_url(request, given["url"])
    service = request.find_service(EndpointService)
    return present_endpoint(service.change(request.authenticated_userid, request.valid.path["endpoint_id"], given))


@view_config(
    route_name="webhooks.endpoint",
    request_method="DELETE",
    permission="webhooks.endpoint.manage",
    openapi={"responses": {204: None}},
)
def delete_endpoint(request: Any) -> Any:
    """Delete an endpoint of yours with its deliveries."""
    request.find_service(EndpointService).delete(request.authenticated_userid, request.valid.path["endpoint_id"])
    return HTTPNoContent()


@view_config(
    route_name="webhooks.endpoint.secret",
    request_method="POST",
    permission="webhooks.endpoint.manage",
    openapi={"responses": {200: schemas.EndpointWithSecret}},
)
def rotate_secret(request: Any) -> dict[str, Any]:
    """Give an endpoint a new secret; for 24 hours messages are signed with the former one too."""
    service = request.find_service(EndpointService)
    return present_with_secret(*service.rotate(request.authenticated_userid, request.valid.path["endpoint_id"]))


@view_config(
    route_name="webhooks.endpoint.test",
    request_method="POST",
    permission="webhooks.endpoint.manage",
    openapi={"responses": {202: schemas.DeliveryDocument}, "refusals": [409, 429]},
)
def test_endpoint(request: Any) -> dict[str, Any]:
    """Send a message of the type `webhook.test`; its delivery tells what became of it."""
    service = request.find_service(DeliveryService)
    request.response.status_int = 202
    return present_delivery(service.test(request.authenticated_userid, request.valid.path["endpoint_id"]))


@view_config(
    route_name="webhooks.endpoint.replay",
    request_method="POST",
    permission="webhooks.endpoint.manage",
    openapi={"body": schemas.ReplayInput, "responses": {202: schemas.Replayed}, "refusals": [409]},
)
def replay_range(request: Any) -> dict[str, Any]:
    """Send the deliveries of a time again, under their old message ids; by default those that failed."""
    service = request.find_service(DeliveryService)
    count = service.replay_range(request.authenticated_userid, request.valid.path["endpoint_id"], **request.valid.body)
    request.response.status_int = 202
    return {"deliveries": count}


@view_config(
    route_name="webhooks.deliveries",
    request_method="GET",
    permission="webhooks.endpoint.read",
    openapi={"query": schemas.DeliveryQuery, "responses": {200: schemas.DeliveryPage}},
)
def list_deliveries(request: Any) -> dict[str, Any]:
    """List deliveries to your endpoints, the newest first."""
    query, user_id = request.valid.query, request.authenticated_userid
    wanted = {name: query[name] for name in ("endpoint_id", "state")}
    scope = f"webhooks.deliveries {user_id} {wanted}"
    after = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = request.find_service(DeliveryService).newest(
        user_id, **wanted, before=after[0] if after else None, limit=query["limit"] + 1
    )
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=present_delivery)


@view_config(
    route_name="webhooks.delivery",
    request_method="GET",
    permission="webhooks.endpoint.read",
    openapi={"responses": {200: schemas.DeliveryWithBody}},
)
def read_delivery(request: Any) -> dict[str, Any]:
    """Show a delivery to an endpoint of yours, and what is sent."""
    service = request.find_service(DeliveryService)
    return present_with_body(service.read(request.authenticated_userid, request.valid.path["delivery_id"]))


@view_config(
    route_name="webhooks.delivery.replay",
    request_method="POST",
    permission="webhooks.endpoint.manage",
    openapi={"responses": {202: schemas.DeliveryDocument}, "refusals": [409]},
)
def replay_delivery(request: Any) -> dict[str, Any]:
    """Send a delivery again, under its old message id."""
    service = request.find_service(DeliveryService)
    request.response.status_int = 202
    return present_delivery(service.replay(request.authenticated_userid, request.valid.path["delivery_id"]))


def _check_url(request: Any, url: str) -> None:
    # Before anything is read from the database: nobody waits for name servers with a transaction open.
    try:
        request.registry["webhooks_destinations"].locate(url, LOOK_UP_SECONDS)
    except Refused as refusal:
        raise Invalid(errors={"url": str(refusal)}) from None
