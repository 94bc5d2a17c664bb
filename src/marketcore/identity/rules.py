"""Pure decisions about people: who may do what, which names and passwords are acceptable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from marketcore.identity.weak_passwords import WEAK_PASSWORDS

PASSWORD_MIN_LENGTH, PASSWORD_MAX_LENGTH = 8, 128
USERNAME = r"^[A-Za-z0-9](?:[A-Za-z0-9_.-]{1,58}[A-Za-z0-9])$"
ROLES_BY_SIGN_UP = {"buyer": ("buyer",), "seller": ("seller",), "both": ("buyer", "seller")}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from: a user in one of their sessions.

    ``unverified`` is said only where the marketplace asks for a confirmed e-mail address, and this one is not.
    """

    user_id: int
    roles: frozenset[str]
    session_id: UUID
    blocked: bool
    unverified: bool = False


class Verdict(StrEnum):
    """Whether a right is granted, and if not, why."""

    ALLOWED = "allowed"
    NOT_AUTHENTICATED = "not authenticated"
    BLOCKED = "blocked"
    UNVERIFIED = "unverified"
    FORBIDDEN = "forbidden"


def decide(holders: frozenset[str], trade: bool, identity: Identity | None) -> Verdict:
    """Return whether ``identity`` has a right that is given to ``holders``.

    A blocked account keeps its rights to read, but neither those to ``trade`` nor what it may do as an admin only.
    """
    if identity is None:
        return Verdict.ALLOWED if "anyone" in holders else Verdict.NOT_AUTHENTICATED
    granted = holders & (identity.roles | {"anyone", "member"})
    if not granted:
        return Verdict.FORBIDDEN
    if identity.blocked and (trade or granted == {"admin"}):
        return Verdict.BLOCKED
    if identity.unverified and trade:
        return Verdict.UNVERIFIED
    return Verdict.ALLOWED


def password_fault(password: str, *, min_length: int, email: str, username: str) -> str | None:
    """Return what is wrong with a new password, or ``None``."""
    if not min_length <= len(password) <= PASSWORD_MAX_LENGTH:
        return f"must have {min_length} to {PASSWORD_MAX_LENGTH} characters"
    folded = password.lower()
    if folded in (email, email.partition("@")[0], username.lower()):
        return "must not be the e-mail address or the username"
    if folded in WEAK_PASSWORDS or len(set(folded)) == 1:
        return "is among the passwords that are guessed first; choose another"
    return None


def username_fault(username: str) -> str | None:
    """Return what is wrong with a username, or ``None``; it never looks like an e-mail address."""
    if not re.fullmatch(USERNAME, username):
        return "must have 3 to 60 letters, digits, '_', '.' or '-', with a letter or digit at both ends"
    return None


def username_from(email: str) -> str:
    """Return an acceptable username made of the part of ``email`` before the @."""
    name = re.sub(r"[^a-z0-9_.-]", "", email.partition("@")[0])[:50].strip("_.-")
    return name if len(name) >= 3 else f"user.{name}".rstrip(".")
