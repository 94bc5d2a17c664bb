"""Bodies and documents of logging in elsewhere."""

from __future__ import annotations

from marketcore.identity.rules import ROLES_BY_SIGN_UP
from marketcore.web.schema import Schema, choice, listing, moment, nullable, text, whole


class ProviderDocument(Schema):
    """Where one can log in."""

    name = text(30)
    title = text(100)


class ProvidersDocument(Schema):
    """Everywhere one can log in."""

    items = listing(ProviderDocument(name="provider"))


class LinkStartBody(Schema):
    """Where the browser goes when it is back."""

    return_to = text(500, missing="", description="one of the marketplace's return addresses; left out, the first")


class StartBody(LinkStartBody):
    """What somebody new wants to be, and where the browser goes when it is back."""

    role = choice(*ROLES_BY_SIGN_UP, missing="buyer")


class StartDocument(Schema):
    """Send the browser to `authorization_url` and keep `secret`: without it the login opens nothing."""

    authorization_url = text(4000)
    secret = text(100)
    expires_in = whole(1, 600, description="seconds until the browser has to be back")


class RedeemBody(Schema):
    """The `code` that the browser brought back, and the `secret` of the start."""

    code = text(100, min_length=1)
    secret = text(100, min_length=1)


class LinkDocument(Schema):
    """An account elsewhere that opens yours."""

    provider = text(30)
    title = text(100)
    email = text(254, description="the address it had then, where it told one")
    linked_at = moment()
    used_at = nullable(moment())


class LinksDocument(Schema):
    """Every account elsewhere that opens yours."""

    items = listing(LinkDocument(name="link"))
