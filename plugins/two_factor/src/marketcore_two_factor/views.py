"""Second factors over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore import audit
from marketcore.identity.schemas import LetterDocument, TokensDocument
from marketcore.identity.views import caller, present_tokens
from marketcore.web.json import utc
from marketcore_two_factor import schemas
from marketcore_two_factor.services.challenges import ChallengeService
from marketcore_two_factor.services.factors import FactorService
from marketcore_two_factor.services.proving import ProvingService
from marketcore_two_factor.services.step_up import StepUpService


@view_config(
    route_name="two_factor.login",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.SecondStepBody, "responses": {200: TokensDocument}, "refusals": [401, 403, 429]},
)
def finish_login(request: Any) -> dict[str, Any]:
    """Take the second step of a login: answer its challenge with a code."""
    given = request.valid.body
    service = request.find_service(ChallengeService)
    return present_tokens(service.finish(given["challenge"], given["method"], given["code"], caller(request)))


@view_config(
    route_name="two_factor.login.code",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.ChallengeBody, "responses": {202: LetterDocument}, "refusals": [401, 429]},
)
def send_login_code(request: Any) -> dict[str, str]:
    """Send the code for the second step of a login by e-mail."""
    request.find_service(ChallengeService).send_code(request.valid.body["challenge"])
    return _sent(request)


@view_config(
    route_name="two_factor.own",
    request_method="GET",
    permission="member",
    openapi={"responses": {200: schemas.SecondFactorDocument}},
)
def read_factors(request: Any) -> dict[str, Any]:
    """Show how your account is protected beside its password."""
    identity, service = request.identity, request.find_service(FactorService)
    until = request.find_service(StepUpService).proved_until(identity.session_id)
    factors = service.of_user(identity.user_id)
    methods = request.find_service(ProvingService).methods(identity.user_id)
    return {
        "enabled": bool(methods),
        "factors": [{"method": row.method, "enabled_at": utc(row.confirmed_at)} for row in factors],
        "methods": methods,
        "recovery_codes_left": service.recovery_codes_left(identity.user_id),
        "proved_until": utc(until) if until else None,
    }


@view_config(
    route_name="two_factor.code",
    request_method="POST",
    permission="member",
    rate_limit="login",
    openapi={"responses": {202: LetterDocument}, "refusals": [429]},
)
def send_code(request: Any) -> dict[str, str]:
    """Send a code by e-mail, to prove yourself or to take such codes from now on."""
    request.find_service(ProvingService).send(request.identity.user_id)
    return _sent(request)


@view_config(
    route_name="two_factor.proof",
    request_method="POST",
    permission="member",
    rate_limit="login",
    openapi={"body": schemas.ProofBody, "responses": {200: schemas.ProofDocument}, "refusals": [409, 429]},
)
def prove(request: Any) -> dict[str, Any]:
    """Prove your second factor, for what this session does in the next minutes."""
    identity, given = request.identity, request.valid.body
    service = request.find_service(StepUpService)
    return {"proved_until": utc(service.prove(identity.user_id, identity.session_id, given["method"], given["code"]))}


@view_config(
    route_name="two_factor.totp",
    request_method="POST",
    permission="member",
    rate_limit="login",
    step_up=True,
    openapi={"body": schemas.PasswordBody, "responses": {201: schemas.NewAppDocument}, "refusals": [409, 429]},
)
def begin_app(request: Any) -> dict[str, str]:
    """Begin to set up an authenticator app; it counts once it is confirmed."""
    service = request.find_service(FactorService)
    app = service.begin_app(request.identity.user_id, request.valid.body["password"])
    request.response.status_int = 201
    return {"secret": app.secret, "uri": app.uri}


@view_config(
    route_name="two_factor.totp.confirmation",
    request_method="POST",
    permission="member",
    rate_limit="login",
    openapi={"body": schemas.CodeBody, "responses": {200: schemas.RecoveryCodesDocument}, "refusals": [409, 429]},
)
def confirm_app(request: Any) -> dict[str, list[str]]:
    """Confirm an authenticator app with the code that it shows, and end your other sessions."""
    identity, service = request.identity, request.find_service(FactorService)
    return {"recovery_codes": service.confirm_app(identity.user_id, identity.session_id, request.valid.body["code"])}


@view_config(
    route_name="two_factor.email",
    request_method="POST",
    permission="member",
    rate_limit="login",
    step_up=True,
    openapi={
        "body": schemas.EmailFactorBody,
        "responses": {200: schemas.RecoveryCodesDocument},
        "refusals": [409, 429],
    },
)
def add_email(request: Any) -> dict[str, list[str]]:
    """Take codes by e-mail as a second factor, and end your other sessions."""
    identity, given = request.identity, request.valid.body
    service = request.find_service(FactorService)
    return {
        "recovery_codes": service.add_email(identity.user_id, identity.session_id, given["password"], given["code"])
    }


@view_config(
    route_name="two_factor.totp.removal",
    request_method="POST",
    permission="member",
    rate_limit="login",
    step_up=True,
    openapi={"body": schemas.PasswordBody, "responses": {204: None}, "refusals": [409, 429]},
)
def remove_app(request: Any) -> Response:
    """Remove the authenticator app, and end your other sessions."""
    return _remove(request, "totp")


@view_config(
    route_name="two_factor.email.removal",
    request_method="POST",
    permission="member",
    rate_limit="login",
    step_up=True,
    openapi={"body": schemas.PasswordBody, "responses": {204: None}, "refusals": [409, 429]},
)
def remove_email(request: Any) -> Response:
    """Take no codes by e-mail any more, and end your other sessions."""
    return _remove(request, "email")


@view_config(
    route_name="two_factor.recovery_codes",
    request_method="POST",
    permission="member",
    rate_limit="login",
    step_up=True,
    openapi={"body": schemas.PasswordBody, "responses": {200: schemas.RecoveryCodesDocument}, "refusals": [409, 429]},
)
def renew_recovery_codes(request: Any) -> dict[str, list[str]]:
    """Get ten new recovery codes; the old ones are worthless from now on."""
    service = request.find_service(FactorService)
    return {"recovery_codes": service.renew_recovery_codes(request.identity.user_id, request.valid.body["password"])}


@view_config(
    route_name="two_factor.reset",
    request_method="POST",
    permission="two_factor.factor.reset",
    step_up=True,
    openapi={"body": schemas.ResetBody, "responses": {204: None}},
)
def reset_factors(request: Any) -> Response:
    """Remove the second factor of somebody who has lost it, and end their sessions."""
    user_id, reason = request.valid.path["user_id"], request.valid.body["reason"]
    request.find_service(FactorService).reset(user_id)
    audit.record(request.db, audit.actor_of(request.identity), "two_factor.reset", "user", user_id, reason=reason)
    return HTTPNoContent()


def _remove(request: Any, method: str) -> Response:
    identity, password = request.identity, request.valid.body["password"]
    request.find_service(FactorService).remove(identity.user_id, identity.session_id, method, password)
    return HTTPNoContent()


def _sent(request: Any) -> dict[str, str]:
    request.response.status_int = 202
    return {"detail": "a code is on its way"}
