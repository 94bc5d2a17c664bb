"""Statuses over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.exceptions import NotFound
from marketcore.media.private import private_response
from marketcore.web.pagination import decode_cursor, page
from marketcore_messaging import schemas
from marketcore_messaging.limits import limit
from marketcore_messaging.statuses import StatusService


@view_config(
    route_name="messaging.statuses",
    request_method="GET",
    permission="messaging.own",
    openapi={"query": schemas.StatusQuery, "responses": {200: schemas.StatusPage}},
)
def list_statuses(request: Any) -> dict[str, Any]:
    """List what your contacts, whose contact you are, have posted, or what you have, newest first."""
    query = request.valid.query
    service, scope = (
        request.find_service(StatusService),
        f"messaging.statuses {query['of']} {request.authenticated_userid}",
    )
    before = decode_cursor(request.registry, scope, query["cursor"], [int])
    return page(
        request,
        scope,
        service.page(query["of"], before[0] if before else None, query["limit"] + 1),
        limit=query["limit"],
        position=lambda row: [row.id],
        present=service.present,
    )


@view_config(
    route_name="messaging.statuses",
    request_method="POST",
    permission="messaging.message.send",
    openapi={"body": schemas.StatusFields, "responses": {201: schemas.StatusDocument}, "refusals": [429]},
)
def post_status(request: Any) -> dict[str, Any]:
    """Post a status."""
    limit(request, "status")
    request.response.status_int = 201
    document: dict[str, Any] = request.find_service(StatusService).post(request.valid.body["text"])
    return document


@view_config(
    route_name="messaging.status",
    request_method="GET",
    permission="messaging.own",
    openapi={"responses": {200: schemas.StatusDocument}},
)
def read_status(request: Any) -> dict[str, Any]:
    """Read a status of yours, or of a contact."""
    document: dict[str, Any] = request.find_service(StatusService).read(request.valid.path["status_id"])
    return document


@view_config(
    route_name="messaging.status",
    request_method="DELETE",
    permission="messaging.own",
    openapi={"responses": {204: None}},
)
def delete_status(request: Any) -> Response:
    """Take a status of yours back."""
    request.find_service(StatusService).delete(request.valid.path["status_id"])
    return HTTPNoContent()


@view_config(
    route_name="messaging.status.image",
    request_method="POST",
    permission="messaging.message.send",
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: schemas.StatusDocument}, "refusals": [409, 429]},
)
def illustrate_status(request: Any) -> dict[str, Any]:
    """Give a status of yours its image."""
    limit(request, "upload")
    service = request.find_service(StatusService)
    document: dict[str, Any] = service.illustrate(request.valid.path["status_id"], request.valid.upload)
    request.response.status_int = 201
    return document


@view_config(
    route_name="messaging.status.image",
    request_method="GET",
    permission="messaging.own",
    openapi={"query": schemas.FileQuery, "responses": {200: "image/webp"}, "refusals": [409]},
)
def download_image(request: Any) -> Response:
    """Download the image of a status that you may see."""
    row = request.find_service(StatusService).row(request.valid.path["status_id"])
    if row.media_id is None:
        raise NotFound("this status has no image")
    return private_response(request, row, request.valid.query["variant"])
