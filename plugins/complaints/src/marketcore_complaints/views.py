"""Complaints over HTTP: for the parties."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.exceptions import Forbidden
from marketcore.media.private import present_private
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY
from marketcore_complaints import reading, schemas
from marketcore_complaints.files import ComplaintFiles
from marketcore_complaints.rules import Kind, Part
from marketcore_complaints.services import ComplaintService

OWN = "complaints.own"


def whole_complaint(request: Any, complaint_id: int) -> dict[str, Any]:
    """Return the document of a complaint with its files; ``NotFound`` for whoever takes no part in it."""
    row = reading.read_complaint(request.db, complaint_id, request.identity)
    files = request.find_service(ComplaintFiles).of(complaint_id)
    return {
        **reading.present_complaint(row, request.identity),
        "files": [present_private(media, file_address(request, complaint_id, media.id)) for media in files],
    }


def file_address(request: Any, complaint_id: int, media_id: int) -> str:
    """Return where a file is served."""
    address: str = request.route_path("complaints.file", complaint_id=complaint_id, media_id=media_id)
    return address


@view_config(
    route_name="complaints.complaints",
    request_method="POST",
    permission=OWN,
    idempotent=True,
    openapi={
        "body": schemas.NewComplaint,
        "responses": {201: schemas.WholeComplaintDocument},
        "refusals": [409],
    },
)
def complain(request: Any) -> dict[str, Any]:
    """Complain about an order of yours, a product or a person; an order's money can be frozen until the end."""
    told = dict(request.valid.body)
    freeze = told.pop("freeze")
    (kind,) = [kind for kind in Kind if f"{kind}_id" in told]
    complaint_id = request.find_service(ComplaintService).open(
        kind, told.pop(f"{kind}_id"), request.authenticated_userid, told, freeze=freeze
    )
    request.response.status_int = 201
    return whole_complaint(request, complaint_id)


@view_config(
    route_name="complaints.complaints",
    request_method="GET",
    permission=OWN,
    openapi={"query": schemas.ComplaintsQuery, "responses": {200: schemas.ComplaintPage}},
)
def list_complaints(request: Any) -> dict[str, Any]:
    """List complaints by your part in them, newest first."""
    query, identity = request.valid.query, request.identity
    if query["role"] == Part.STAFF and "admin" not in identity.roles:
        raise Forbidden("the complaints of others are for admins")
    scope = f"complaints {query['role']} {query['state']} {identity.user_id}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = reading.page_of_complaints(
        request.db,
        Part(query["role"]),
        identity.user_id,
        state=query["state"],
        before=position[0] if position else MAX_KEY,
        limit=query["limit"] + 1,
    )
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.id],
        present=lambda row: reading.present_complaint(row, identity),
    )


@view_config(
    route_name="complaints.complaint",
    request_method="GET",
    permission=OWN,
    openapi={"responses": {200: schemas.WholeComplaintDocument}},
)
def read_complaint(request: Any) -> dict[str, Any]:
    """Show a complaint that you take part in."""
    return whole_complaint(request, request.valid.path["complaint_id"])


@view_config(
    route_name="complaints.messages",
    request_method="GET",
    permission=OWN,
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.MessagePage}},
)
def list_messages(request: Any) -> dict[str, Any]:
    """Show what was said about a complaint, oldest first."""
    query, complaint_id = request.valid.query, request.valid.path["complaint_id"]
    reading.read_complaint(request.db, complaint_id, request.identity)
    scope = f"complaint {complaint_id}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    after = position[0] if position else 0
    rows = reading.page_of_messages(request.db, complaint_id, after, query["limit"] + 1)
    return page(
        request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=reading.present_message
    )


@view_config(
    route_name="complaints.messages",
    request_method="POST",
    permission=OWN,
    openapi={"body": schemas.NewMessage, "responses": {201: schemas.MessageDocument}, "refusals": [409]},
)
def say(request: Any) -> dict[str, Any]:
    """Say something about an open complaint that you take part in."""
    service, complaint_id = request.find_service(ComplaintService), request.valid.path["complaint_id"]
    message_id = service.say(complaint_id, request.identity, request.valid.body["body"])
    request.response.status_int = 201
    return reading.present_message(reading.read_message(request.db, message_id))


@view_config(
    route_name="complaints.withdrawal",
    request_method="POST",
    permission=OWN,
    idempotent=True,
    openapi={"responses": {200: schemas.WholeComplaintDocument}, "refusals": [409]},
)
def withdraw(request: Any) -> dict[str, Any]:
    """Take a complaint of yours back; what was frozen for it is freed."""
    complaint_id = request.valid.path["complaint_id"]
    request.find_service(ComplaintService).withdraw(complaint_id, request.identity)
    return whole_complaint(request, complaint_id)
