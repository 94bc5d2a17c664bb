"""The HTTP face of what is proved by e-mail."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.identity import schemas
from marketcore.identity.recovery import RecoveryService


@view_config(
    route_name="users.me.email_verification",
    request_method="POST",
    permission="member",
    rate_limit="login",
    openapi={"responses": {202: schemas.LetterDocument}, "refusals": [409, 429]},
)
def send_verification(request: Any) -> dict[str, str]:
    """Send a letter with which one confirms one's own e-mail address."""
    request.find_service(RecoveryService).send_verification(request.identity.user_id)
    request.response.status_int = 202
    return {"detail": "a letter is on its way"}


@view_config(
    route_name="auth.verify_email",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.Proof, "responses": {204: None}, "refusals": [429]},
)
def verify_email(request: Any) -> Response:
    """Confirm an e-mail address with what was sent to it."""
    request.find_service(RecoveryService).verify_email(request.valid.body["token"])
    return HTTPNoContent()


@view_config(
    route_name="auth.password_reset",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.ResetWish, "responses": {202: schemas.LetterDocument}, "refusals": [429]},
)
def ask_password_reset(request: Any) -> dict[str, str]:
    """Send a letter with which one sets a new password, if the address has an account; nobody is told whether."""
    request.find_service(RecoveryService).ask_reset(request.valid.body["email"])
    request.response.status_int = 202
    return {"detail": "if this address has an account, a letter is on its way"}


@view_config(
    route_name="auth.password_reset.confirm",
    request_method="POST",
    permission="unidentified",
    rate_limit="login",
    openapi={"body": schemas.NewPassword, "responses": {204: None}, "refusals": [409, 429]},
)
def reset_password(request: Any) -> Response:
    """Set a new password with what was sent by e-mail, and end every session."""
    given = request.valid.body
    request.find_service(RecoveryService).reset_password(given["token"], given["password"])
    return HTTPNoContent()
