"""E-mail addresses in the one form they are stored and compared in."""

from __future__ import annotations

import re

import idna

MAX_LENGTH = 254
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def normalise_email(text: str) -> str:
    """Return ``text`` in lower case with its domain in ASCII; ``ValueError`` says what is wrong with it.

    An international domain becomes its A-labels (RFC 5891), so that two spellings of one mailbox are one account
    and every mail server understands the address.
    """
    local, at, domain = text.strip().lower().rpartition("@")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        raise ValueError("must be an e-mail address such as name@example.com")
    address = f"{local}@{_ascii_domain(domain)}"
    if len(address) > MAX_LENGTH:
        raise ValueError(f"must have at most {MAX_LENGTH} characters")
    return address


def _ascii_domain(domain: str) -> str:
    try:
        name = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError("has a domain that cannot exist") from None
    labels = name.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("has a domain that cannot exist")
    return name
