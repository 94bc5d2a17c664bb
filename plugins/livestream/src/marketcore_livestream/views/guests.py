"""Joining and leaving, moderators and bans, and seats in the video."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.settings import section
from marketcore.web.json import utc
from marketcore.web.pagination import decode_cursor, page
from marketcore_livestream import schemas
from marketcore_livestream.guests import GuestService
from marketcore_livestream.live import count_in, count_out
from marketcore_livestream.reading import StreamReader, channel_of
from marketcore_livestream.video import VideoDesk


@view_config(
    route_name="livestream.join",
    request_method="POST",
    permission="livestream.stream.join",
    openapi={"responses": {200: schemas.Membership}, "refusals": [409]},
)
def join_stream(request: Any) -> dict[str, Any]:
    """Come into a live stream; you count as a viewer while you listen to its channel, or have joined lately."""
    stream_id, user_id = request.valid.path["stream_id"], request.authenticated_userid
    seconds = section(request.registry, "livestream")["presence_seconds"]
    request.find_service(GuestService).join(stream_id, user_id)
    count_in(request, stream_id, user_id, seconds)
    return {"stream_id": stream_id, "channel": channel_of(stream_id), "seconds": seconds}


@view_config(
    route_name="livestream.leave",
    request_method="POST",
    permission="livestream.stream.join",
    openapi={"responses": {204: None}},
)
def leave_stream(request: Any) -> Any:
    """Leave a stream; to leave twice is harmless."""
    stream_id = request.valid.path["stream_id"]
    request.find_service(GuestService).leave(stream_id, request.authenticated_userid)
    count_out(request, stream_id, request.authenticated_userid)
    return HTTPNoContent()


@view_config(
    route_name="livestream.viewers",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.ViewersDocument}},
)
def count_viewers(request: Any) -> dict[str, Any]:
    """Say how many are watching."""
    stream_id = request.valid.path["stream_id"]
    return {"stream_id": stream_id, "viewers": request.find_service(StreamReader).viewers(stream_id)}


@view_config(
    route_name="livestream.video_token",
    request_method="POST",
    permission="livestream.video.take",
    openapi={"body": schemas.SeatWish, "responses": {200: schemas.SeatDocument}, "refusals": [409]},
)
def take_seat(request: Any) -> dict[str, Any]:
    """Get a token for the video of a live stream, or another before it is over."""
    role = request.valid.body["role"]
    issue = request.find_service(VideoDesk).issue
    seat = issue(request.valid.path["stream_id"], request.authenticated_userid, role)
    return {**seat, "expires_at": utc(seat["expires_at"])}


def _guests(request: Any, which: str) -> dict[str, Any]:
    stream_id, query = request.valid.path["stream_id"], request.valid.query
    request.find_service(GuestService).moderated(stream_id, request.identity)
    scope = f"livestream.{which} {stream_id}"
    after = decode_cursor(request.registry, scope, query["cursor"], [int])
    reader = request.find_service(StreamReader)
    rows = reader.guests(which, stream_id, after[0] if after else None, query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.user_id],
        present=_present_banned if which == "banned" else _present_guest,
    )


def _present_guest(row: Any) -> dict[str, Any]:
    return {"user": {"id": row.user_id, "username": row.username}}


def _present_banned(row: Any) -> dict[str, Any]:
    return {**_present_guest(row), "banned_at": utc(row.banned_at)}


@view_config(
    route_name="livestream.bans",
    request_method="GET",
    permission="livestream.stream.moderate",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.BanPage}},
)
def list_banned(request: Any) -> dict[str, Any]:
    """List who is banned, to whoever moderates the stream."""
    return _guests(request, "banned")


@view_config(
    route_name="livestream.bans",
    request_method="POST",
    permission="livestream.stream.moderate",
    openapi={"body": schemas.Somebody, "responses": {204: None}, "refusals": [409]},
)
def ban_guest(request: Any) -> Any:
    """Keep somebody out of the stream and its chat, at once."""
    user_id = request.valid.body["user_id"]
    stream_id = request.valid.path["stream_id"]
    request.find_service(GuestService).ban(stream_id, request.identity, user_id)
    count_out(request, stream_id, user_id)
    return HTTPNoContent()


@view_config(
    route_name="livestream.ban",
    request_method="DELETE",
    permission="livestream.stream.moderate",
    openapi={"responses": {204: None}},
)
def unban_guest(request: Any) -> Any:
    """Let somebody in again."""
    path = request.valid.path
    request.find_service(GuestService).unban(path["stream_id"], request.identity, path["user_id"])
    return HTTPNoContent()


@view_config(
    route_name="livestream.moderators",
    request_method="GET",
    permission="livestream.stream.moderate",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.ModeratorPage}},
)
def list_moderators(request: Any) -> dict[str, Any]:
    """List who moderates, to whoever does."""
    return _guests(request, "moderators")


@view_config(
    route_name="livestream.moderators",
    request_method="POST",
    permission="livestream.stream.moderate",
    openapi={"body": schemas.Somebody, "responses": {204: None}, "refusals": [409]},
)
def appoint_moderator(request: Any) -> Any:
    """Let somebody moderate your stream."""
    appoint = request.find_service(GuestService).appoint
    appoint(request.valid.path["stream_id"], request.identity, request.valid.body["user_id"])
    return HTTPNoContent()


@view_config(
    route_name="livestream.moderator",
    request_method="DELETE",
    permission="livestream.stream.moderate",
    openapi={"responses": {204: None}},
)
def dismiss_moderator(request: Any) -> Any:
    """Let somebody moderate no longer."""
    path = request.valid.path
    request.find_service(GuestService).dismiss(path["stream_id"], request.identity, path["user_id"])
    return HTTPNoContent()
