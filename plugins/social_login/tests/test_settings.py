"""Providers are configuration: what is missing or unsafe stops the start and is named."""

from __future__ import annotations

import pytest

from marketcore.exceptions import ConfigurationError
from marketcore.settings import check_section
from marketcore_social_login.rules import Fields, read_person
from marketcore_social_login.settings import settings_schema
from marketcore_social_login.speaking import build_speakers

GOOGLE = {"social_login.google.client_id": "id", "social_login.google.client_secret": "secret"}
OWN = {
    "social_login.own.client_id": "id",
    "social_login.own.client_secret": "secret",
    "social_login.own.authorization_url": "https://id.example/authorize",
    "social_login.own.token_url": "https://id.example/token",
    "social_login.own.issuer": "https://id.example",
    "social_login.own.jwks_url": "https://id.example/keys",
}


def read(providers, settings):
    given = {"social_login.providers": providers, **settings}
    return check_section("social_login", settings_schema(given), given)


def test_B2_without_providers_nothing_has_to_be_configured():
    assert build_speakers(read("", {}), {"environment": "production", "public_url": "http://x"}, threads=8) == {}


def test_B2_of_a_known_provider_only_the_client_is_missing_and_any_other_is_described_in_full():
    known, own = read("google", GOOGLE)["google"], read("own", OWN)["own"]
    assert (known["issuer"], known["kind"], known["title"]) == ("https://accounts.google.com", "oidc", "Google")
    assert (own["issuer"], own["kind"], own["title"]) == ("https://id.example", "oidc", "Own")
    moved = read("google", {**GOOGLE, "social_login.google.token_url": "https://proxy.example/token"})["google"]
    assert moved["token_url"] == "https://proxy.example/token"


@pytest.mark.parametrize(
    ("providers", "settings", "told"),
    [
        ("google", {}, "social_login.google"),
        ("own", {**OWN, "social_login.own.issuer": ""}, "social_login.own.issuer"),
        ("own", {**OWN, "social_login.own.token_url": "http://id.example/token"}, "must be an https address"),
        ("own", {**OWN, "social_login.own.token_url": "https://id.example@evil"}, "must be an https address"),
        ("own", {**OWN, "social_login.own.algorithms": "HS256"}, "HS256 proves nothing here"),
        ("own", {**OWN, "social_login.own.algorithms": "none"}, "none proves nothing here"),
        ("own", {**OWN, "social_login.own.clientid": "x"}, "social_login.own.client_id"),
        ("google google", GOOGLE, "use each name once"),
        ("Google", GOOGLE, "at most 30 of a-z"),
        ("return_urls", GOOGLE, "none of a setting"),
    ],
)
def test_B2_what_cannot_be_used_stops_the_start(providers, settings, told):
    with pytest.raises(ConfigurationError, match=told.replace(".", r"\.")) as caught:
        read(providers, settings)
    assert "secret" not in str(caught.value).replace("client_secret", "")


def test_B2_providers_send_browsers_back_to_https_in_production():
    core = {"environment": "production", "public_url": "http://market.example"}
    with pytest.raises(ConfigurationError, match="public_url"):
        build_speakers(read("google", GOOGLE), core, threads=8)
    core["public_url"] = "https://market.example"
    assert "secret" not in repr(build_speakers(read("google", GOOGLE), core, threads=8))


def test_B2_an_operator_may_trust_a_providers_addresses():
    fields, told = Fields("id", "email", "first_name", "last_name"), {"id": 7, "email": "a@example.test"}
    assert read_person(told, fields, trust_email=False).email_verified is False
    assert read_person(told, fields, trust_email=True).email_verified is True
    assert read_person({"id": 7}, fields, trust_email=True).email_verified is False
