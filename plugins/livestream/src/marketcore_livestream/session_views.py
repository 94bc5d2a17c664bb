"""Bidding sessions over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY, PageQuery
from marketcore_livestream import session_schemas as schemas
from marketcore_livestream.sessions import SessionReader, SessionService

CONDUCT = "livestream.session.conduct"


def _document(request: Any, session_id: int) -> dict[str, Any]:
    row = request.find_service(SessionService).read(request.valid.path["stream_id"], session_id)
    (document,) = request.find_service(SessionReader).present([row])
    return document


@view_config(
    route_name="livestream.sessions",
    request_method="GET",
    permission="public",
    openapi={"query": PageQuery, "responses": {200: schemas.SessionPage}},
)
def list_sessions(request: Any) -> dict[str, Any]:
    """List the bidding sessions of a stream, newest first."""
    query, stream_id = request.valid.query, request.valid.path["stream_id"]
    scope = f"livestream.sessions {stream_id}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = request.find_service(SessionService).page(stream_id, before, query["limit"] + 1)
    documents = request.find_service(SessionReader).present(rows)
    return page(
        request,
        scope,
        documents,
        limit=query["limit"],
        position=lambda document: [document["id"]],
        present=lambda document: document,
    )


@view_config(
    route_name="livestream.session",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.SessionDocument}},
)
def read_session(request: Any) -> dict[str, Any]:
    """Read a bidding session."""
    return _document(request, request.valid.path["bidding_session_id"])


@view_config(
    route_name="livestream.sessions",
    request_method="POST",
    permission=CONDUCT,
    idempotent=True,
    openapi={"body": schemas.SessionTerms, "responses": {201: schemas.SessionDocument}, "refusals": [409]},
)
def open_session(request: Any) -> dict[str, Any]:
    """Sell a product of your live stream by bids."""
    sessions, stream_id = request.find_service(SessionService), request.valid.path["stream_id"]
    session_id = sessions.open(stream_id, request.authenticated_userid, request.valid.body)
    request.response.status_int = 201
    return _document(request, session_id)


@view_config(
    route_name="livestream.sessions.next",
    request_method="POST",
    permission=CONDUCT,
    idempotent=True,
    openapi={"body": schemas.SessionTerms, "responses": {201: schemas.SessionDocument}, "refusals": [409]},
)
def open_next(request: Any) -> dict[str, Any]:
    """Let the hammer fall for what is open, and open the next session."""
    sessions, stream_id = request.find_service(SessionService), request.valid.path["stream_id"]
    session_id = sessions.next(stream_id, request.authenticated_userid, request.valid.body)
    request.response.status_int = 201
    return _document(request, session_id)


def _conduct(request: Any, step: str) -> dict[str, Any]:
    path = request.valid.path
    change = getattr(request.find_service(SessionService), step)
    change(path["stream_id"], path["bidding_session_id"], request.authenticated_userid)
    return _document(request, path["bidding_session_id"])


_STEP = {"responses": {200: schemas.SessionDocument}, "refusals": [409]}


@view_config(route_name="livestream.session.pause", request_method="POST", permission=CONDUCT, openapi=_STEP)
def pause_session(request: Any) -> dict[str, Any]:
    """Stop the clock of a session: bids are refused until it goes on."""
    return _conduct(request, "pause")


@view_config(route_name="livestream.session.resume", request_method="POST", permission=CONDUCT, openapi=_STEP)
def resume_session(request: Any) -> dict[str, Any]:
    """Let the clock of a session go on from where it stood."""
    return _conduct(request, "resume")


@view_config(
    route_name="livestream.session.close", request_method="POST", permission=CONDUCT, idempotent=True, openapi=_STEP
)
def close_session(request: Any) -> dict[str, Any]:
    """Let the hammer fall: whoever leads has won. Once is enough."""
    return _conduct(request, "close")
