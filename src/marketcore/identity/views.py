"""The HTTP face of accounts and sessions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.exceptions import NotFound
from marketcore.identity import schemas
from marketcore.identity.recovery import RecoveryService
from marketcore.identity.refusals import RefreshRefused
from marketcore.identity.rules import ROLES_BY_SIGN_UP
from marketcore.identity.services import IdentityService
from marketcore.identity.sessions import Caller, SessionService, TokenPair
from marketcore.settings import section
from marketcore.web.json import utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import PageQuery


@view_config(
    route_name="auth.register",
    request_method="POST",
    permission="unidentified",
    rate_limit="register",
    openapi={"body": schemas.Registration, "responses": {201: schemas.RegisteredDocument}, "refusals": [409, 429]},
)
def register(request: Any) -> dict[str, Any]:
    """Make an account and log in to it."""
    given = dict(request.valid.body)
    roles = ROLES_BY_SIGN_UP[given.pop("role")]
    row = request.find_service(IdentityService).register(roles=roles, **given)
    pair = request.find_service(SessionService).open(row.id, row.password_hash, caller(request))
    if section(request.registry, "identity")["verify_email"]:
        request.find_service(RecoveryService).send_verification(row.id)
    request.response.status_int = 201
    return {"user": present_user(row), **present_tokens(pair)}


@view_config(
    route_name="auth.login",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.Login, "responses": {200: schemas.TokensDocument}, "refusals": [401, 403, 429]},
)
def login(request: Any) -> dict[str, Any]:
    """Log in with an e-mail address or username and the password."""
    given = request.valid.body
    pair = request.find_service(IdentityService).log_in(
        email=given.get("email"),
        username=given.get("username"),
        password=given["password"],
        caller=caller(request),
    )
    return present_tokens(pair)


@view_config(
    route_name="auth.refresh",
    request_method="POST",
    permission="unidentified",
    openapi={"body": schemas.Refresh, "responses": {200: schemas.TokensDocument}, "refusals": [401]},
)
def refresh(request: Any) -> dict[str, Any]:
    """Exchange a refresh token for new tokens."""
    pair = request.find_service(SessionService).rotate(request.valid.body["refresh"])
    if pair is None:
        raise RefreshRefused("the refresh token is unknown or used, or its session has ended")
    return present_tokens(pair)


@view_config(route_name="auth.logout", request_method="POST", permission="member", openapi={"responses": {204: None}})
def logout(request: Any) -> Response:
    """End this session: its access tokens, refresh tokens and sockets."""
    identity = request.identity
    request.find_service(SessionService).end(identity.user_id, "logged out", only=identity.session_id)
    return HTTPNoContent()


@view_config(
    route_name="users.me",
    request_method="GET",
    permission="member",
    openapi={"responses": {200: schemas.UserDocument}},
)
def read_me(request: Any) -> dict[str, Any]:
    """Read one's own account."""
    return present_user(request.find_service(IdentityService).read(request.identity.user_id))


@view_config(
    route_name="users.me",
    request_method="PATCH",
    permission="member",
    openapi={"body": schemas.ProfileChange, "responses": {200: schemas.UserDocument}, "refusals": [409]},
)
def change_me(request: Any) -> dict[str, Any]:
    """Change one's own names and phone number."""
    service = request.find_service(IdentityService)
    return present_user(service.change_profile(request.identity.user_id, request.valid.body))


@view_config(
    route_name="users.me.password",
    request_method="POST",
    permission="member",
    rate_limit="login",
    step_up=True,
    openapi={"body": schemas.PasswordChange, "responses": {204: None}, "refusals": [409, 429]},
)
def change_password(request: Any) -> Response:
    """Change one's own password and end every other session."""
    identity, given = request.identity, request.valid.body
    service = request.find_service(IdentityService)
    service.change_password(identity.user_id, identity.session_id, given["current"], given["new"])
    return HTTPNoContent()


@view_config(
    route_name="users.me.sessions",
    request_method="GET",
    permission="member",
    openapi={"query": PageQuery, "responses": {200: schemas.SessionPage}},
)
def list_sessions(request: Any) -> dict[str, Any]:
    """List where one is logged in."""
    identity, query = request.identity, request.valid.query
    scope = f"users.me.sessions {identity.user_id}"
    after = decode_cursor(request.registry, scope, query["cursor"], (str, str))
    rows = request.find_service(SessionService).of_user(identity.user_id, query["limit"] + 1, after)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: (row.created_at.isoformat(), str(row.id)),
        present=lambda row: present_session(row, identity.session_id),
    )


@view_config(
    route_name="users.me.session",
    request_method="DELETE",
    permission="member",
    openapi={"responses": {204: None}},
)
def end_session(request: Any) -> Response:
    """Log out somewhere else."""
    session_id = UUID(request.matchdict["session_id"])
    if not request.find_service(SessionService).end(request.identity.user_id, "logged out elsewhere", only=session_id):
        raise NotFound
    return HTTPNoContent()


@view_config(
    route_name="users",
    request_method="GET",
    permission="identity.users.read",
    openapi={"query": schemas.UserQuery, "responses": {200: schemas.UserPage}},
)
def list_users(request: Any) -> dict[str, Any]:
    """List accounts, the newest first."""
    query = request.valid.query
    position = decode_cursor(request.registry, "users", query["cursor"], (int,))
    before = position[0] if position else None
    rows = request.find_service(IdentityService).search(query["q"], query["limit"] + 1, before)
    return page(request, "users", rows, limit=query["limit"], position=lambda row: (row.id,), present=present_user)


@view_config(
    route_name="users.user",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.PublicProfile}, "refusals": [401]},
)
def read_user(request: Any) -> dict[str, Any]:
    """Read what everybody may know of an account."""
    row = request.find_service(IdentityService).read(request.valid.path["user_id"])
    return {"id": row.id, "username": row.username, "first_name": row.first_name}


@view_config(
    route_name="users.user.block",
    request_method="POST",
    permission="identity.users.block",
    openapi={"body": schemas.BlockReason, "responses": {200: schemas.UserDocument}, "refusals": [409]},
)
def block_user(request: Any) -> dict[str, Any]:
    """Block an account: it may read, but not trade, and its sessions end."""
    user_id, reason = request.valid.path["user_id"], request.valid.body["reason"]
    return present_user(request.find_service(IdentityService).block(user_id, reason, by=request.identity.user_id))


@view_config(
    route_name="users.user.unblock",
    request_method="POST",
    permission="identity.users.block",
    openapi={"responses": {200: schemas.UserDocument}},
)
def unblock_user(request: Any) -> dict[str, Any]:
    """Let a blocked account trade again."""
    return present_user(request.find_service(IdentityService).unblock(request.valid.path["user_id"]))


def caller(request: Any) -> Caller:
    """Return where ``request`` comes from, in what its owner can recognise."""
    agent = "".join(filter(str.isprintable, request.user_agent or ""))[:200]
    return Caller(agent, (request.remote_addr or "")[:45])


def present_user(row: Any) -> dict[str, Any]:
    """Return an account as its owner and admins see it."""
    return {
        "id": row.id,
        "email": row.email,
        "email_verified": row.email_verified_at is not None,
        "username": row.username,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "phone": row.phone,
        "roles": sorted(row.roles),
        "blocked": row.blocked_at is not None,
        "blocked_reason": row.blocked_reason if row.blocked_at else None,
        "created_at": utc(row.created_at),
    }


def present_tokens(pair: TokenPair) -> dict[str, Any]:
    """Return the tokens of a session."""
    return {
        "access": pair.access,
        "refresh": pair.refresh,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
    }


def present_session(row: Any, current: UUID) -> dict[str, Any]:
    """Return a session as its owner sees it."""
    return {
        "id": str(row.id),
        "current": row.id == current,
        "user_agent": row.user_agent,
        "remote_addr": row.remote_addr,
        "created_at": utc(row.created_at),
        "expires_at": utc(row.expires_at),
    }
