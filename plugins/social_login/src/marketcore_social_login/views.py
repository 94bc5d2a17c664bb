"""Logging in elsewhere, over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.identity.schemas import TokensDocument
from marketcore.identity.views import caller, present_tokens
from marketcore.web.json import utc
from marketcore_social_login import schemas
from marketcore_social_login.callback import redirect_uri, speaker_of
from marketcore_social_login.services.accounts import SocialAccountService
from marketcore_social_login.services.flows import FLOW_MINUTES, Begun, FlowService


@view_config(
    route_name="social_login.providers",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.ProvidersDocument}, "refusals": [401]},
)
def list_providers(request: Any) -> dict[str, Any]:
    """List where one can log in."""
    speakers = request.registry["social_login_speakers"]
    return {"items": [{"name": name, "title": speaker.title} for name, speaker in speakers.items()]}


@view_config(
    route_name="social_login.start",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.StartBody, "responses": {201: schemas.StartDocument}, "refusals": [429]},
)
def start_login(request: Any) -> dict[str, Any]:
    """Begin to log in at a provider."""
    speaker, given = speaker_of(request), request.valid.body
    begun = request.find_service(FlowService).begin(speaker.name, given["return_to"], role=given["role"])
    return _started(request, speaker, begun)


@view_config(
    route_name="social_login.tokens",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.RedeemBody, "responses": {200: TokensDocument}, "refusals": [401, 403, 409, 429]},
)
def redeem(request: Any) -> dict[str, Any]:
    """Exchange the code of a finished login at a provider for tokens."""
    given = request.valid.body
    pair = request.find_service(SocialAccountService).log_in(given["code"], given["secret"], caller(request))
    return present_tokens(pair)


@view_config(
    route_name="social_login.links",
    request_method="GET",
    permission="member",
    openapi={"responses": {200: schemas.LinksDocument}},
)
def list_links(request: Any) -> dict[str, Any]:
    """List the accounts elsewhere that open yours."""
    rows = request.find_service(SocialAccountService).of_user(request.identity.user_id)
    return {"items": [_present(request, row) for row in rows]}


@view_config(
    route_name="social_login.link.start",
    request_method="POST",
    permission="member",
    rate_limit="login",
    step_up=True,
    openapi={"body": schemas.LinkStartBody, "responses": {201: schemas.StartDocument}, "refusals": [429]},
)
def start_link(request: Any) -> dict[str, Any]:
    """Begin to link an account at a provider to yours."""
    speaker, user_id = speaker_of(request), request.identity.user_id
    begun = request.find_service(FlowService).begin(speaker.name, request.valid.body["return_to"], user_id=user_id)
    return _started(request, speaker, begun)


@view_config(
    route_name="social_login.links",
    request_method="POST",
    permission="member",
    rate_limit="login",
    openapi={"body": schemas.RedeemBody, "responses": {201: schemas.LinkDocument}, "refusals": [409, 429]},
)
def add_link(request: Any) -> dict[str, Any]:
    """Link the account at a provider that you have just logged in to."""
    user_id, given = request.identity.user_id, request.valid.body
    service = request.find_service(SocialAccountService)
    provider = service.link(user_id, given["code"], given["secret"])
    request.response.status_int = 201
    return next(_present(request, row) for row in service.of_user(user_id) if row.provider == provider)


@view_config(
    route_name="social_login.link",
    request_method="DELETE",
    permission="member",
    step_up=True,
    openapi={"responses": {204: None}, "refusals": [409]},
)
def remove_link(request: Any) -> Response:
    """Unlink an account at a provider; the last way to log in stays."""
    request.find_service(SocialAccountService).unlink(request.identity.user_id, request.matchdict["provider"])
    return HTTPNoContent()


def _started(request: Any, speaker: Any, begun: Begun) -> dict[str, Any]:
    request.response.status_int = 201
    request.response.headers["Cache-Control"] = "no-store"
    uri = redirect_uri(request, speaker.name)
    return {
        "authorization_url": speaker.authorization_url(uri, begun.state, begun.verifier, begun.nonce),
        "secret": begun.secret,
        "expires_in": FLOW_MINUTES * 60,
    }


def _present(request: Any, row: Any) -> dict[str, Any]:
    return {
        "provider": row.provider,
        "title": request.registry["social_login_speakers"][row.provider].title,
        "email": row.email,
        "linked_at": utc(row.linked_at),
        "used_at": utc(row.used_at) if row.used_at else None,
    }
