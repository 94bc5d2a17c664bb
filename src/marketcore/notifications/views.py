"""Notifications over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.notifications import schemas
from marketcore.notifications.presenting import present
from marketcore.notifications.services import NotificationService
from marketcore.web.pagination import decode_cursor, page


@view_config(
    route_name="notifications.list",
    request_method="GET",
    permission="notifications.own",
    openapi={"query": schemas.NotificationQuery, "responses": {200: schemas.NotificationPage}},
)
def list_notifications(request: Any) -> dict[str, Any]:
    """List what you were told, newest first."""
    query, user_id = request.valid.query, request.authenticated_userid
    scope = f"notifications {user_id} {query['unread']}"
    before = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = request.find_service(NotificationService).page(
        user_id, before[0] if before else None, query["limit"] + 1, unread=query["unread"]
    )
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=present)


@view_config(
    route_name="notifications.unread",
    request_method="GET",
    permission="notifications.own",
    openapi={"responses": {200: schemas.Unread}},
)
def count_unread(request: Any) -> dict[str, Any]:
    """Count what you have not read."""
    return {"unread": request.find_service(NotificationService).unread(request.authenticated_userid)}


@view_config(
    route_name="notifications.read",
    request_method="POST",
    permission="notifications.own",
    openapi={"responses": {204: None}},
)
def mark_read(request: Any) -> Any:
    """Mark a notification as read."""
    notification_id = request.valid.path["notification_id"]
    request.find_service(NotificationService).mark_read(request.authenticated_userid, notification_id)
    return HTTPNoContent()


@view_config(
    route_name="notifications.read_all",
    request_method="POST",
    permission="notifications.own",
    openapi={"responses": {204: None}},
)
def mark_all_read(request: Any) -> Any:
    """Mark all notifications as read."""
    request.find_service(NotificationService).mark_all_read(request.authenticated_userid)
    return HTTPNoContent()


@view_config(
    route_name="notifications.choices",
    request_method="GET",
    permission="notifications.own",
    openapi={"responses": {200: schemas.Choices}},
)
def list_choices(request: Any) -> dict[str, Any]:
    """List by which channels you are told of what."""
    return {"items": request.find_service(NotificationService).choices(request.authenticated_userid)}


@view_config(
    route_name="notifications.choices",
    request_method="PUT",
    permission="notifications.own",
    openapi={"body": schemas.NewChoice, "responses": {200: schemas.Choices}},
)
def choose(request: Any) -> dict[str, Any]:
    """Choose by which channels you are told of a type."""
    service, user_id = request.find_service(NotificationService), request.authenticated_userid
    service.choose(user_id, request.valid.body["type"], request.valid.body["channels"])
    return {"items": service.choices(user_id)}
