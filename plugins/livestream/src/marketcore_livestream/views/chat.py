"""The chat of a stream."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.web.pagination import decode_cursor, page
from marketcore_livestream import schemas
from marketcore_livestream.chat import ChatService, present_message
from marketcore_livestream.reading import StreamReader


@view_config(
    route_name="livestream.messages",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.MessagePage}},
)
def list_messages(request: Any) -> dict[str, Any]:
    """List what was said, newest first."""
    stream_id, query = request.valid.path["stream_id"], request.valid.query
    request.find_service(StreamReader).check(stream_id)
    scope = f"livestream.messages {stream_id}"
    before = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = request.find_service(ChatService).page(stream_id, before[0] if before else None, query["limit"] + 1)
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=present_message)


@view_config(
    route_name="livestream.messages",
    request_method="POST",
    permission="livestream.chat.say",
    openapi={
        "body": schemas.NewMessage,
        "responses": {201: schemas.MessageDocument},
        "refusals": [409, 429],
    },
)
def say(request: Any) -> dict[str, Any]:
    """Say something in a live stream."""
    chat = request.find_service(ChatService)
    message: dict[str, Any] = chat.say(request.valid.path["stream_id"], request.identity, request.valid.body["body"])
    request.response.status_int = 201
    return message


@view_config(
    route_name="livestream.message",
    request_method="DELETE",
    permission="livestream.chat.say",
    openapi={"responses": {204: None}},
)
def delete_message(request: Any) -> Any:
    """Delete a message of yours, or any in a stream that you moderate."""
    path = request.valid.path
    request.find_service(ChatService).delete(path["stream_id"], request.identity, path["chat_message_id"])
    return HTTPNoContent()
