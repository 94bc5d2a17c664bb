"""People over HTTP: found, kept as contacts, blocked."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.web.json import utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import PageQuery
from marketcore_messaging import schemas
from marketcore_messaging.limits import limit
from marketcore_messaging.people import PeopleService
from marketcore_messaging.presenting import present_person


@view_config(
    route_name="messaging.people",
    request_method="GET",
    permission="messaging.own",
    openapi={
        "query": schemas.PeopleQuery,
        "responses": {200: schemas.PeopleDocument},
        "refusals": [429],
    },
)
def find_people(request: Any) -> dict[str, Any]:
    """Find people by how their usernames begin."""
    limit(request, "find")
    query = request.valid.query
    return {"items": request.find_service(PeopleService).find(query["q"], query["limit"])}


@view_config(
    route_name="messaging.contacts",
    request_method="GET",
    permission="messaging.own",
    openapi={"query": PageQuery, "responses": {200: schemas.ContactPage}},
)
def list_contacts(request: Any) -> dict[str, Any]:
    """List those you have written to or added, by name."""
    return _page(request, "messaging.contacts", request.find_service(PeopleService).contacts)


@view_config(
    route_name="messaging.contacts",
    request_method="POST",
    permission="messaging.message.send",
    openapi={
        "body": schemas.Named,
        "responses": {201: schemas.ContactDocument},
        "refusals": [404, 429],
    },
)
def add_contact(request: Any) -> dict[str, Any]:
    """Add somebody to your contacts, by their username."""
    limit(request, "start")
    row = request.find_service(PeopleService).add_contact(request.valid.body["username"])
    request.response.status_int = 201
    return _present(request, row)


@view_config(
    route_name="messaging.contact",
    request_method="DELETE",
    permission="messaging.own",
    openapi={"responses": {204: None}},
)
def remove_contact(request: Any) -> Response:
    """Remove somebody from your contacts; what you have written to each other stays."""
    request.find_service(PeopleService).remove_contact(request.valid.path["user_id"])
    return HTTPNoContent()


@view_config(
    route_name="messaging.blocks",
    request_method="GET",
    permission="messaging.own",
    openapi={"query": PageQuery, "responses": {200: schemas.ContactPage}},
)
def list_blocks(request: Any) -> dict[str, Any]:
    """List those you have blocked, by name."""
    return _page(request, "messaging.blocks", request.find_service(PeopleService).blocks)


@view_config(
    route_name="messaging.block",
    request_method="PUT",
    permission="messaging.own",
    openapi={"responses": {204: None}, "refusals": [422]},
)
def block(request: Any) -> Response:
    """Block somebody: neither of you can write to the other, but about an order that you share."""
    request.find_service(PeopleService).block(request.valid.path["user_id"])
    return HTTPNoContent()


@view_config(
    route_name="messaging.block",
    request_method="DELETE",
    permission="messaging.own",
    openapi={"responses": {204: None}},
)
def unblock(request: Any) -> Response:
    """Take a block of yours back."""
    request.find_service(PeopleService).unblock(request.valid.path["user_id"])
    return HTTPNoContent()


def _page(request: Any, route: str, rows: Any) -> dict[str, Any]:
    query, scope = request.valid.query, f"{route} {request.authenticated_userid}"
    after = decode_cursor(request.registry, scope, query["cursor"], [str, int])
    return page(
        request,
        scope,
        rows(after, query["limit"] + 1),
        limit=query["limit"],
        position=lambda row: [row.sorted, row.person_id],
        present=lambda row: _present(request, row),
    )


def _present(request: Any, row: Any) -> dict[str, Any]:
    return {**present_person(request.registry, row), "since": utc(row.created_at)}
