"""Conversations and messages over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.media.private import private_response
from marketcore.media.schemas import PrivateFileDocument
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import PageQuery
from marketcore_messaging import schemas
from marketcore_messaging.beginning import BeginningService
from marketcore_messaging.files import AttachmentService
from marketcore_messaging.limits import limit
from marketcore_messaging.live import draft
from marketcore_messaging.presenting import read_message
from marketcore_messaging.reading import ConversationReader
from marketcore_messaging.services import MessageService


@view_config(
    route_name="messaging.conversations",
    request_method="GET",
    permission="messaging.own",
    openapi={"query": PageQuery, "responses": {200: schemas.ConversationPage}},
)
def list_conversations(request: Any) -> dict[str, Any]:
    """List your conversations, the one with the newest message first."""
    query, scope = request.valid.query, f"messaging.conversations {request.authenticated_userid}"
    reader = request.find_service(ConversationReader)
    after = decode_cursor(request.registry, scope, query["cursor"], [str, int])
    return page(
        request,
        scope,
        reader.page(after, query["limit"] + 1),
        limit=query["limit"],
        position=lambda row: [row.last_at.isoformat(), row.conversation_id],
        present=reader.present,
    )


@view_config(
    route_name="messaging.conversations",
    request_method="POST",
    permission="messaging.message.send",
    openapi={
        "body": schemas.Named,
        "responses": {201: schemas.ConversationDocument},
        "refusals": [403, 404, 429],
    },
)
def start_conversation(request: Any) -> dict[str, Any]:
    """Begin to talk with somebody, by their username; there is one such conversation, whoever began."""
    limit(request, "start")
    conversation_id = request.find_service(BeginningService).with_person(request.valid.body["username"])
    request.response.status_int = 201
    return _conversation(request, conversation_id)


@view_config(
    route_name="messaging.unread",
    request_method="GET",
    permission="messaging.own",
    openapi={"responses": {200: schemas.UnreadDocument}},
)
def count_unread(request: Any) -> dict[str, Any]:
    """Count what you have not read."""
    counted: dict[str, Any] = request.find_service(ConversationReader).unread()
    return counted


@view_config(
    route_name="messaging.conversation",
    request_method="GET",
    permission="messaging.own",
    openapi={"responses": {200: schemas.ConversationDocument}},
)
def read_conversation(request: Any) -> dict[str, Any]:
    """Read a conversation of yours; its events go on from `stream`."""
    return _conversation(request, request.valid.path["conversation_id"])


@view_config(
    route_name="messaging.order",
    request_method="GET",
    permission="messaging.own",
    openapi={"responses": {200: schemas.ConversationDocument}},
)
def read_room(request: Any) -> dict[str, Any]:
    """Read what buyer and seller have begun to write about an order."""
    return _conversation(request, request.find_service(BeginningService).of_order(request.valid.path["order_id"]))


@view_config(
    route_name="messaging.order",
    request_method="POST",
    permission="messaging.message.send",
    openapi={"responses": {201: schemas.ConversationDocument}, "refusals": [429]},
)
def open_room(request: Any) -> dict[str, Any]:
    """Open the room of an order to its buyer and seller; there is one, whoever opens it."""
    limit(request, "start")
    conversation_id = request.find_service(BeginningService).about_order(request.valid.path["order_id"])
    request.response.status_int = 201
    return _conversation(request, conversation_id)


@view_config(
    route_name="messaging.messages",
    request_method="GET",
    permission="messaging.own",
    openapi={"query": schemas.HistoryQuery, "responses": {200: schemas.MessagePage}},
)
def list_messages(request: Any) -> dict[str, Any]:
    """List the messages of a conversation, the newest or the oldest first."""
    query, conversation_id = request.valid.query, request.valid.path["conversation_id"]
    scope = f"messaging.messages {conversation_id} {query['order']}"
    after = decode_cursor(request.registry, scope, query["cursor"], [int])
    beyond = after[0] if after else query["beyond"]
    rows = request.find_service(ConversationReader).history(conversation_id, query["order"], beyond, query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.seq],
        present=read_message,
    )


@view_config(
    route_name="messaging.messages",
    request_method="POST",
    permission="messaging.message.send",
    openapi={
        "body": schemas.MessageFields,
        "responses": {201: schemas.MessageDocument},
        "refusals": [403, 429],
    },
)
def send_message(request: Any) -> dict[str, Any]:
    """Send a message; to send it again under its `client_id` is harmless."""
    limit(request, "send")
    written = draft(request.valid.path["conversation_id"], request.valid.body)
    message: dict[str, Any] = request.find_service(MessageService).send(written)
    request.response.status_int = 201
    return message


@view_config(
    route_name="messaging.message",
    request_method="GET",
    permission="messaging.own",
    openapi={"responses": {200: schemas.MessageDocument}},
)
def show_message(request: Any) -> dict[str, Any]:
    """Read one message."""
    path = request.valid.path
    message: dict[str, Any] = request.find_service(ConversationReader).message(
        path["conversation_id"], path["message_id"]
    )
    return message


@view_config(
    route_name="messaging.message",
    request_method="DELETE",
    permission="messaging.own",
    openapi={"responses": {204: None}},
)
def delete_message(request: Any) -> Response:
    """Take a message of yours back: its place stays, its text and files are gone."""
    path = request.valid.path
    request.find_service(MessageService).delete(path["conversation_id"], path["message_id"])
    return HTTPNoContent()


@view_config(
    route_name="messaging.read",
    request_method="PUT",
    permission="messaging.own",
    openapi={"body": schemas.ReadMark, "responses": {200: schemas.ReadDocument}, "refusals": [429]},
)
def mark_read(request: Any) -> dict[str, Any]:
    """Say how far you have read; the mark never goes back."""
    limit(request, "signal")
    conversation_id, seq = request.valid.path["conversation_id"], request.valid.body["seq"]
    mark: dict[str, Any] = request.find_service(MessageService).read(conversation_id, seq)
    return mark


@view_config(
    route_name="messaging.attachments",
    request_method="POST",
    permission="messaging.message.send",
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: PrivateFileDocument}, "refusals": [403, 429]},
)
def upload_file(request: Any) -> dict[str, Any]:
    """Upload an image or a PDF for a message that you are about to send: give its `id` in `attachments`."""
    limit(request, "upload")
    service = request.find_service(AttachmentService)
    document: dict[str, Any] = service.add(request.valid.path["conversation_id"], request.valid.upload)
    request.response.status_int = 201
    return document


@view_config(
    route_name="messaging.attachment",
    request_method="GET",
    permission="messaging.own",
    openapi={"query": schemas.FileQuery, "responses": {200: "application/octet-stream"}, "refusals": [409]},
)
def download_file(request: Any) -> Response:
    """Download a file of a conversation of yours: an image as WebP, a PDF as it came."""
    path = request.valid.path
    media = request.find_service(ConversationReader).attachment(path["conversation_id"], path["attachment_id"])
    return private_response(request, media, request.valid.query["variant"])


def _conversation(request: Any, conversation_id: int) -> dict[str, Any]:
    document: dict[str, Any] = request.find_service(ConversationReader).conversation(conversation_id)
    return document
