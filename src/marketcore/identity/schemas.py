"""What identity routes take and answer."""

from __future__ import annotations

import re
from typing import Any

import colander

from marketcore.directives import ROLES
from marketcore.identity.rules import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH, ROLES_BY_SIGN_UP, USERNAME
from marketcore.web.schema import (
    PageQuery,
    Schema,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
    whole,
)

EMAIL = r"^\S+@\S+$"
PHONE = r"^(?:\+?[0-9]{6,15})?$"
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"


class FullMatch(colander.Regex):
    """A pattern that the whole text has to fit: ``$`` alone would let a newline follow."""

    def __call__(self, node: colander.SchemaNode, value: str) -> None:
        """Refuse text that does not fit."""
        if not re.fullmatch(self.match_object, value):
            raise colander.Invalid(node, self.msg)


def _line(max_length: int, **options: Any) -> colander.SchemaNode:
    return text(max_length, validator=FullMatch(ONE_LINE, "must be one line without control characters"), **options)


def _email(**options: Any) -> colander.SchemaNode:
    return text(254, min_length=3, validator=FullMatch(EMAIL, "must be an e-mail address"), **options)


def _username(**options: Any) -> colander.SchemaNode:
    message = "must have 3 to 60 letters, digits, '_', '.' or '-', with a letter or digit at both ends"
    return text(60, min_length=3, validator=FullMatch(USERNAME, message), **options)


def _phone(**options: Any) -> colander.SchemaNode:
    return text(16, validator=FullMatch(PHONE, "must be a number such as +254712345678"), **options)


def _password(**options: Any) -> colander.SchemaNode:
    return text(PASSWORD_MAX_LENGTH, min_length=1, **options)


def _new_password() -> colander.SchemaNode:
    return text(PASSWORD_MAX_LENGTH, min_length=PASSWORD_MIN_LENGTH)


class Registration(Schema):
    """A new account."""

    email = _email()
    password = _new_password()
    first_name = _line(100, missing="")
    last_name = _line(100, missing="")
    username = _username(missing=colander.drop, description="made of the e-mail address where it is not given")
    phone = _phone(missing="")
    role = choice(*ROLES_BY_SIGN_UP, missing="buyer")


class Login(Schema):
    """Who logs in: an e-mail address or a username, and the password."""

    email = text(254, min_length=1, missing=colander.drop)
    username = text(60, min_length=1, missing=colander.drop)
    password = _password()

    def validator(self, node: colander.SchemaNode, given: dict[str, Any]) -> None:
        """Ask for exactly one name."""
        if ("email" in given) == ("username" in given):
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["email"], "give either email or username"))
            raise refusal


class Refresh(Schema):
    """The refresh token received last."""

    refresh = text(200, min_length=1)


class ProfileChange(Schema):
    """What an account's owner may change."""

    first_name = _line(100, missing=colander.drop)
    last_name = _line(100, missing=colander.drop)
    username = _username(missing=colander.drop)
    phone = _phone(missing=colander.drop)


class PasswordChange(Schema):
    """The password now and the one from now on."""

    current = _password()
    new = _new_password()


class Proof(Schema):
    """What was sent by e-mail."""

    token = text(200, min_length=1)


class LetterDocument(Schema):
    """What happens next."""

    detail = text(200)


class ResetWish(Schema):
    """Whose password is forgotten."""

    email = _email()


class NewPassword(Proof):
    """What was sent by e-mail, and the password from now on."""

    password = _new_password()


class BlockReason(Schema):
    """Why an account is blocked; its owner reads it."""

    reason = text(500, min_length=1)


class UserQuery(PageQuery):
    """The query of the list of accounts."""

    q = text(100, missing="", description="part of an e-mail address or a name")


class UserDocument(Schema):
    """An account, as its owner and admins see it."""

    id = key()
    email = text(254)
    email_verified = flag(description="whether its owner has proved to read its e-mails")
    username = text(60)
    first_name = text(100)
    last_name = text(100)
    phone = text(20)
    roles = listing(choice(*sorted(ROLES), name="role"))
    blocked = flag()
    blocked_reason = nullable(text(500))
    created_at = moment()


class PublicProfile(Schema):
    """An account, as everybody sees it."""

    id = key()
    username = text(60)
    first_name = text(100)


class TokensDocument(Schema):
    """What proves who is asking."""

    access = text(1000, description="bearer token of the Authorization header")
    refresh = text(200, description="changed by every use of it")
    token_type = choice("Bearer")
    expires_in = whole(1, 900, description="seconds until the access token expires")


class RegisteredDocument(TokensDocument):
    """The new account, logged in."""

    user = UserDocument()


class SessionDocument(Schema):
    """One login."""

    id = text(36)
    current = flag(description="whether this request belongs to it")
    user_agent = text(200)
    remote_addr = text(45)
    created_at = moment()
    expires_at = moment()


UserPage = page_of(UserDocument, "UserPage")
SessionPage = page_of(SessionDocument, "SessionPage")
