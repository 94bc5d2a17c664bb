"""Pure: who a provider says somebody is, and what that opens here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROVIDER = r"[a-z][a-z0-9_]{0,29}"
LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a provider has let in: its own id of them, and what it says of them."""

    subject: str
    email: str = ""
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """Where a provider's document holds what; a dot leads into an object."""

    subject: str
    email: str
    first_name: str
    last_name: str


OIDC_FIELDS = Fields("sub", "email", "given_name", "family_name")


def read_person(document: Mapping[str, Any], fields: Fields, *, trust_email: bool) -> Person:
    """Return whom ``document`` is about; ``ValueError`` if it does not say.

    An address counts as verified where the document says so (OpenID Connect Core 5.1, ``email_verified``; some
    servers write it as text), or where all of this provider's are trusted.
    """
    subject = _at(document, fields.subject)
    if type(subject) is int:
        subject = str(subject)
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise ValueError(f"{fields.subject} does not say who it is about")
    email = _at(document, fields.email)
    email = email if isinstance(email, str) and len(email) <= 254 and email.isprintable() else ""
    claim = document.get("email_verified")
    verified = trust_email or claim is True or claim == "true"
    names = (_name(_at(document, path)) for path in (fields.first_name, fields.last_name))
    return Person(subject, email, bool(email) and verified, *names)


def _at(document: Mapping[str, Any], path: str) -> Any:
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _name(given: Any) -> str:
    return "".join(filter(str.isprintable, given)).strip()[:100] if isinstance(given, str) else ""


def why_not_linked(title: str, *, verified_there: bool, verified_here: bool, linked_otherwise: bool) -> tuple[str, str]:
    """Return the reason why an account with the same address is not opened, and what to do; both empty if it is."""
    if not verified_there:
        return (
            "email-not-verified-there",
            f"there is an account with this address, and {title} does not vouch for the address: "
            f"log in with your password and link {title} in your account",
        )
    if not verified_here:
        return (
            "email-not-verified-here",
            "there is an account with this address, which nobody has confirmed yet: log in with the password, or set "
            "a new one with POST /api/v1/auth/password-reset, confirm the address, then try again",
        )
    if linked_otherwise:
        return (
            "linked-otherwise",
            f"your account is linked to another account at {title}: log in with that one, or unlink it first",
        )
    return "", ""


def why_not_registered(title: str, *, email: str, verified_there: bool) -> tuple[str, str]:
    """Return the reason why no account is made for somebody new, and what to do; both empty if one is."""
    if email and verified_there:
        return "", ""
    told = "does not vouch for your e-mail address" if email else "tells no e-mail address"
    return (
        "email-not-verified-there" if email else "no-email",
        f"{title} {told}: register with an e-mail address and a password, then link {title} in your account",
    )
