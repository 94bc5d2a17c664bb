"""``social_login.*``: where people may log in instead of here.

``social_login.providers`` names them, and each has settings of its own, such as ``social_login.google.client_id``. For
those that are known here only the client's id and secret are missing; any other OpenID Connect server is described in
full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import colander

from marketcore.exceptions import ConfigurationError
from marketcore.settings import Words
from marketcore_social_login.rules import PROVIDER

GOOGLE = {
    "title": "Google",
    "issuer": "https://accounts.google.com",
    "authorization_url": "https://accounts.google.com/o/oauth2/v2/auth",
    "token_url": "https://oauth2.googleapis.com/token",
    "jwks_url": "https://www.googleapis.com/oauth2/v3/certs",
    "scopes": ("openid", "email", "profile"),
}
FACEBOOK = {
    "title": "Facebook",
    "kind": "oauth2",
    "authorization_url": "https://www.facebook.com/v23.0/dialog/oauth",
    "token_url": "https://graph.facebook.com/v23.0/oauth/access_token",
    "userinfo_url": "https://graph.facebook.com/v23.0/me?fields=id,first_name,last_name,email",
    "scopes": ("public_profile", "email"),
    "client_auth": "client_secret_post",
}
X = {
    "title": "X",
    "kind": "oauth2",
    "authorization_url": "https://x.com/i/oauth2/authorize",
    "token_url": "https://api.x.com/2/oauth2/token",
    "userinfo_url": "https://api.x.com/2/users/me",
    "scopes": ("users.read", "tweet.read"),
    "subject_field": "data.id",
    "email_field": "data.email",
    "first_name_field": "data.name",
}
PRESETS: Mapping[str, Mapping[str, Any]] = {"google": GOOGLE, "facebook": FACEBOOK, "x": X}
_ADDRESSES = ("authorization_url", "token_url", "jwks_url", "userinfo_url")
_NEEDED = {"oidc": ("issuer", "jwks_url"), "oauth2": ("userinfo_url",)}
# Signatures that only the provider's private key makes: HS256 would be anybody's who knows the client's secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")


def _line(missing: Any = "", **options: Any) -> colander.SchemaNode:
    return colander.SchemaNode(colander.String(), missing=missing, **options)


def _algorithms(node: colander.SchemaNode, given: Any) -> None:
    if unknown := sorted(set(given) - set(ALGORITHMS)):
        raise colander.Invalid(node, f"{' '.join(unknown)} proves nothing here: use some of {' '.join(ALGORITHMS)}")


class ProviderSettings(colander.MappingSchema):
    """One provider; the secret is best given as ``env:NAME``."""

    client_id = _line(colander.required)
    client_secret = _line(colander.required)
    kind = _line("oidc", validator=colander.OneOf(["oidc", "oauth2"]))
    title = _line(description="how people call it")
    issuer = _line(description="the `iss` of its id tokens")
    authorization_url = _line(colander.required)
    token_url = _line(colander.required)
    jwks_url = _line(description="its public keys")
    userinfo_url = _line(description="who the access token is about")
    scopes = colander.SchemaNode(Words(), missing=("openid", "email", "profile"))
    algorithms = colander.SchemaNode(Words(), missing=("RS256", "ES256"), validator=_algorithms)
    client_auth = _line("client_secret_basic", validator=colander.OneOf(["client_secret_basic", "client_secret_post"]))
    trust_email = colander.SchemaNode(
        colander.Boolean(), missing=False, description="whether every address it tells counts as verified"
    )
    subject_field = _line("id", description="of an oauth2 provider's document about somebody")
    email_field = _line("email")
    first_name_field = _line("first_name")
    last_name_field = _line("last_name")

    def validator(self, node: colander.SchemaNode, given: Mapping[str, Any]) -> None:
        """Ask for what the kind of provider needs, and for addresses that nobody can listen to."""
        faults = dict.fromkeys(_NEEDED[given["kind"]], f"Required by a provider of the kind {given['kind']}")
        faults = {name: why for name, why in faults.items() if not given[name]}
        faults |= {name: "must be an https address" for name in _ADDRESSES if given[name] and not _safe(given[name])}
        if faults:
            invalid = colander.Invalid(node)
            for name, why in faults.items():
                invalid[name] = why
            raise invalid


def _safe(address: str) -> bool:
    return re.match(r"https://[^/@]+(/|$)|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)", address) is not None


class SocialLoginSettings(colander.MappingSchema):
    """Where people may log in, and where their browsers come back to."""

    providers = colander.SchemaNode(
        Words(), missing=(), description="names, such as google facebook x, or of any OpenID Connect server"
    )
    return_urls = colander.SchemaNode(
        Words(),
        missing=(),
        description="where browsers may go after the login, the first unless the client names another",
    )
    connect_timeout = colander.SchemaNode(colander.Integer(), missing=3, validator=colander.Range(1, 30))
    read_timeout = colander.SchemaNode(
        colander.Integer(), missing=5, validator=colander.Range(1, 30), description="seconds between two bytes"
    )
    total_timeout = colander.SchemaNode(
        colander.Integer(), missing=10, validator=colander.Range(1, 60), description="seconds one answer may take"
    )


def settings_schema(settings: Mapping[str, Any]) -> colander.SchemaNode:
    """Return the schema for the providers that ``settings`` name, each with what is known of it."""
    schema = SocialLoginSettings()
    for name in Words().deserialize(None, settings.get("social_login.providers", "")):
        if not re.fullmatch(PROVIDER, name) or schema.get(name) is not None:
            raise ConfigurationError(
                f"social_login.providers names {name!r}: use each name once, at most 30 of a-z, 0-9 and '_', and none "
                "of a setting"
            )
        # A clone: the nodes of a class are shared by all of its schemas.
        provider = ProviderSettings(name=name).clone()
        for field, value in {"title": name.replace("_", " ").capitalize(), **PRESETS.get(name, {})}.items():
            provider[field].missing = value
        schema.add(provider)
    return schema
