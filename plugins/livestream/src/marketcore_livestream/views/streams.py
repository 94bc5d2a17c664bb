"""Streams: planning, finding, beginning and ending them."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.web.pagination import decode_cursor, page
from marketcore_livestream import schemas
from marketcore_livestream.reading import StreamReader
from marketcore_livestream.services import StreamService


def _document(request: Any, stream_id: int) -> dict[str, Any]:
    document: dict[str, Any] = request.find_service(StreamReader).document(stream_id)
    return document


def _page(request: Any, state: str | None, seller_id: int | None) -> dict[str, Any]:
    query, reader = request.valid.query, request.find_service(StreamReader)
    scope = f"livestream.streams {state} {seller_id}"
    before = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = reader.page(state, seller_id, before[0] if before else None, query["limit"] + 1)
    shown = dict(zip((row.id for row in rows), reader.present(rows), strict=True))
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.id],
        present=lambda row: shown[row.id],
    )


@view_config(
    route_name="livestream.streams",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.StreamQuery, "responses": {200: schemas.StreamPage}},
)
def list_streams(request: Any) -> dict[str, Any]:
    """List streams, newest first."""
    query = request.valid.query
    return _page(request, query["state"], query["seller_id"])


@view_config(
    route_name="livestream.live_now",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.StreamPage}},
)
def list_live(request: Any) -> dict[str, Any]:
    """List the streams that are live."""
    return _page(request, "live", None)


@view_config(
    route_name="livestream.streams",
    request_method="POST",
    permission="livestream.stream.run",
    openapi={"body": schemas.NewStream, "responses": {201: schemas.StreamDocument}},
)
def schedule_stream(request: Any) -> dict[str, Any]:
    """Plan a stream."""
    stream_id = request.find_service(StreamService).schedule(request.authenticated_userid, **request.valid.body)
    request.response.status_int = 201
    return _document(request, stream_id)


@view_config(
    route_name="livestream.stream",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.StreamDocument}},
)
def read_stream(request: Any) -> dict[str, Any]:
    """Read a stream with its run list."""
    return _document(request, request.valid.path["stream_id"])


@view_config(
    route_name="livestream.stream",
    request_method="PATCH",
    permission="livestream.stream.run",
    openapi={"body": schemas.StreamChange, "responses": {200: schemas.StreamDocument}, "refusals": [409]},
)
def change_stream(request: Any) -> dict[str, Any]:
    """Change one of your streams."""
    stream_id = request.valid.path["stream_id"]
    request.find_service(StreamService).change(stream_id, request.authenticated_userid, request.valid.body)
    return _document(request, stream_id)


@view_config(
    route_name="livestream.start",
    request_method="POST",
    permission="livestream.stream.run",
    openapi={"responses": {200: schemas.StreamDocument}, "refusals": [409]},
)
def start_stream(request: Any) -> dict[str, Any]:
    """Go live."""
    stream_id = request.valid.path["stream_id"]
    request.find_service(StreamService).start(stream_id, request.authenticated_userid)
    return _document(request, stream_id)


@view_config(
    route_name="livestream.end",
    request_method="POST",
    permission="livestream.stream.end",
    openapi={"responses": {200: schemas.StreamDocument}, "refusals": [409]},
)
def end_stream(request: Any) -> dict[str, Any]:
    """End a live stream, or cancel a scheduled one."""
    stream_id = request.valid.path["stream_id"]
    request.find_service(StreamService).end_own(stream_id, request.identity)
    return _document(request, stream_id)
