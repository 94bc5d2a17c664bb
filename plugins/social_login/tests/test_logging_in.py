"""Logging in at a provider: whose account it opens, makes, or does not open; links and their end."""

from __future__ import annotations

import email
import email.policy
import uuid
from pathlib import Path

import pyotp
import pytest

from marketcore.identity.services import create_user
from marketcore.jobs.running import run_waiting
from marketcore.settings import section
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import PASSWORD

from .browsers import LINKS, TOKENS, Visit, counts, kind, me, somebody


def log_in(market, address, password=PASSWORD):
    with market.client() as http:
        return http.post("/api/v1/auth/login", json={"email": address, "password": password})


@pytest.fixture
def member(market):
    """Return ``member(verified=True)``: somebody with a password; their address and access token."""

    def register(*, verified=True):
        address = f"{uuid.uuid4().hex}@example.test"
        user_id = market.perform(create_user, address, PASSWORD, ["buyer"])
        if not verified:
            market.query("UPDATE users SET email_verified_at = NULL WHERE id = :id", id=user_id)
        return user_id, address, log_in(market, address).json()["access"]

    return register


def subjects(market, address):
    run_waiting(market.registry)
    folder = Path(section(market.registry, "marketcore")["data_dir"]) / "mail"
    read = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in folder.glob("*.eml")]
    return [letter["Subject"] for letter in read if letter["To"] == address]


@pytest.mark.parametrize("name", ["google", "keycloak"])
def test_B2_somebody_new_logs_in_at_a_provider_and_has_a_confirmed_account_from_then_on(market, provider, name):
    provider.person = somebody(given_name="Wanjiku\n", family_name="Kamau")
    visit = Visit(market, name, role="both")
    assert visit.query["redirect_uri"] == f"{market.url}/api/v1/auth/social/{name}/callback"
    assert visit.query["scope"].split() == ["openid", "email", "profile"]
    assert {"state", "nonce", "code_challenge"} <= visit.query.keys()
    answer = visit.finish()
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}
    account = me(market, answer.json()["access"])
    assert (account["email"], account["email_verified"]) == (provider.person["email"], True)
    assert (account["first_name"], account["last_name"]) == ("Wanjiku", "Kamau")
    assert account["roles"] == ["buyer", "seller"]
    before = counts(market)
    again = Visit(market, name).finish().json()
    assert me(market, again["access"])["id"] == account["id"]
    assert counts(market) == [before[0], before[1] + 1, before[2]]
    with market.client() as http:
        assert http.post("/api/v1/auth/refresh", json={"refresh": again["refresh"]}).status_code == 200
    # There is no password to log in with, and trying one tells nothing of that.
    wrong, unknown = log_in(market, account["email"], ""), log_in(market, account["email"])
    assert (wrong.status_code, kind(unknown)) == (422, kind(log_in(market, "nobody@example.test")))


def test_B2_the_providers_are_listed_and_no_other_exists(market):
    with market.client() as http:
        items = http.get("/api/v1/auth/social").json()["items"]
        assert [item["name"] for item in items] == ["google", "x", "facebook", "keycloak"]
        assert [item["title"] for item in items] == ["Google", "X", "Facebook", "Keycloak"]
    assert Visit(market, "myspace").started.status_code == 404


def test_B2_an_address_verified_there_and_here_opens_the_account_and_its_owner_is_told(market, provider, member):
    user_id, address, _access = member()
    provider.person = somebody(email=address.upper())
    assert me(market, Visit(market, "google").finish().json()["access"])["id"] == user_id
    assert subjects(market, address) == ["A new way to log in"]
    provider.person = somebody(email=address)  # another account there, with the same address
    refused = Visit(market, "google").finish()
    assert (kind(refused), refused.json()["reason"]) == ((403, "social-login-refused"), "linked-otherwise")


@pytest.mark.parametrize(
    ("verified_here", "claim", "reason"),
    [
        (True, {"email_verified": False}, "email-not-verified-there"),
        (True, {"email_verified": "false"}, "email-not-verified-there"),
        (True, {"email_verified": 1}, "email-not-verified-there"),
        (False, {}, "email-not-verified-here"),
    ],
)
def test_B2_an_address_that_is_not_verified_on_both_sides_opens_nothing(
    market, provider, member, verified_here, claim, reason
):
    _user_id, address, _access = member(verified=verified_here)
    provider.person = {**somebody(email=address), **claim}
    before = counts(market)
    visit = Visit(market, "google")
    code = visit.code()
    refused = visit.redeem(code)
    assert kind(refused) == (403, "social-login-refused")
    assert refused.json()["reason"] == reason
    assert "password" in refused.json()["detail"]
    assert counts(market) == before
    assert kind(visit.redeem(code)) == (401, "handover-refused")  # used up all the same


@pytest.mark.parametrize(
    ("name", "person", "reason"),
    [
        ("google", {"sub": "1"}, "no-email"),
        ("google", {"sub": "2", "email": "someone@example.test"}, "email-not-verified-there"),
        ("google", {"sub": "3", "email": "no address", "email_verified": True}, "no-email"),
        ("facebook", {"id": "4", "email": "someone@example.test", "first_name": "A"}, "email-not-verified-there"),
        ("x", {"id": "5", "name": "Somebody", "username": "somebody"}, "no-email"),
    ],
)
def test_B2_no_account_is_made_for_an_address_that_nobody_vouches_for(market, provider, name, person, reason):
    provider.person, before = person, counts(market)
    refused = Visit(market, name).finish()
    assert (kind(refused), refused.json()["reason"]) == ((403, "social-login-refused"), reason)
    assert "register" in refused.json()["detail"]
    assert counts(market) == before


@pytest.mark.parametrize("name", ["x", "facebook"])
def test_B2_x_and_facebook_open_the_account_that_they_are_linked_to(market, provider, member, name):
    user_id, _address, access = member()
    provider.person = {"id": f"{name}-{user_id}", "name": "Somebody"}
    linked = Visit(market, name, access=access).finish()
    assert linked.status_code == 201, linked.text
    assert (linked.json()["provider"], linked.json()["used_at"]) == (name, None)
    assert me(market, Visit(market, name).finish().json()["access"])["id"] == user_id
    form = provider.asked[-1]
    assert ("client_secret" in form) == (name == "facebook")
    assert form["redirect_uri"] == f"{market.url}/api/v1/auth/social/{name}/callback"


def test_B2_an_account_elsewhere_opens_one_account_here_and_one_account_has_one_of_each(market, provider, member):
    (_ann, _, anns), (_bob, _, bobs) = member(), member()
    provider.person = {"id": uuid.uuid4().hex}
    assert Visit(market, "x", access=anns).finish().status_code == 201
    assert kind(Visit(market, "x", access=bobs).finish()) == (409, "conflict")
    provider.person = {"id": uuid.uuid4().hex}
    assert kind(Visit(market, "x", access=anns).finish()) == (409, "conflict")


def test_B2_a_link_is_made_by_whoever_began_it_and_for_nobody_else(market, provider, member):
    (_ann, _, anns), (_bob, _, bobs) = member(), member()
    provider.person, before = somebody(), counts(market)
    visit = Visit(market, "google", access=anns)
    code = visit.code()
    visit.access = bobs
    assert kind(visit.redeem(code)) == (401, "handover-refused")
    assert kind(visit.ask("POST", TOKENS, {"code": code, "secret": visit.secret})) == (401, "handover-refused")
    login = Visit(market, "google")
    assert kind(visit.redeem(login.code(), login.secret)) == (401, "handover-refused")
    visit.access = anns
    assert kind(visit.redeem(code, login.secret)) == (401, "handover-refused")
    assert counts(market) == before
    assert visit.redeem(code).status_code == 201
    assert kind(visit.redeem(code)) == (401, "handover-refused")


def test_B2_the_last_way_to_log_in_stays(market, provider, member):
    provider.person = somebody()
    visit = Visit(market, "google")
    visit.access = visit.finish().json()["access"]
    assert kind(visit.ask("DELETE", f"{LINKS}/x")) == (404, "not-found")
    assert kind(visit.ask("DELETE", f"{LINKS}/google")) == (409, "conflict")
    assert [link["provider"] for link in visit.ask("GET", LINKS).json()["items"]] == ["google"]
    assert Visit(market, "keycloak", access=visit.access).finish().status_code == 201
    assert visit.ask("DELETE", f"{LINKS}/google").status_code == 204
    assert kind(visit.ask("DELETE", f"{LINKS}/keycloak")) == (409, "conflict")
    _user_id, address, access = member()
    provider.person = somebody(email=address)
    visit = Visit(market, "google", access=access)
    assert visit.finish().status_code == 201
    assert visit.ask("DELETE", f"{LINKS}/google").status_code == 204
    assert visit.ask("GET", LINKS).json() == {"items": []}
    assert set(subjects(market, address)) == {"A new way to log in", "A way to log in was removed"}


def test_B2_of_two_that_remove_the_last_two_ways_at_once_one_is_refused(market, provider):
    provider.person = somebody()
    visit = Visit(market, "google")
    visit.access = visit.finish().json()["access"]
    assert Visit(market, "keycloak", access=visit.access).finish().status_code == 201
    both = [lambda name=name: visit.ask("DELETE", f"{LINKS}/{name}").status_code for name in ("google", "keycloak")]
    assert sorted(at_once(both)) == [204, 409]


def test_B2_somebody_new_who_comes_by_two_windows_at_once_gets_one_account(market, provider):
    provider.person, before = somebody(), counts(market)
    visits = [Visit(market, "google") for _ in range(4)]
    codes = [visit.code() for visit in visits]
    answers = at_once([lambda v=v, c=c: v.redeem(c) for v, c in zip(visits, codes, strict=True)])
    assert [answer.status_code for answer in answers] == [200] * 4
    assert counts(market) == [before[0] + 1, before[1] + 4, before[2] + 1]


def test_B2_a_blocked_account_is_let_in_as_with_its_password_and_stays_blocked(market, provider, member):
    user_id, address, _access = member()
    provider.person = somebody(email=address)
    assert Visit(market, "google").finish().status_code == 200
    market.query("UPDATE users SET blocked_at = market_clock(), blocked_reason = 'bids' WHERE id = :id", id=user_id)
    access = Visit(market, "google").finish().json()["access"]
    assert me(market, access)["blocked"] is True
    with market.client(access) as http:
        assert kind(http.post("/api/v1/checkouts", json={})) == (403, "account-blocked")


def test_B2_a_second_factor_is_asked_for_after_a_login_elsewhere_and_before_a_link(market, provider, member):
    _user_id, address, access = member()
    with market.client(access) as http:
        secret = http.post("/api/v1/users/me/second-factor/totp", json={"password": PASSWORD}).json()["secret"]
        app = pyotp.TOTP(secret)
        codes = http.post("/api/v1/users/me/second-factor/totp/confirmation", json={"code": app.now()}).json()
    provider.person = somebody(email=address)
    visit = Visit(market, "google")
    code = visit.code()
    held = visit.redeem(code)
    assert kind(held) == (403, "second-factor-needed")
    assert kind(visit.redeem(code)) == (401, "handover-refused")
    step = {"challenge": held.json()["second_factor"]["challenge"], "method": "recovery_code"}
    done = visit.ask("POST", "/api/v1/auth/login/second-factor", {**step, "code": codes["recovery_codes"][0]})
    assert me(market, done.json()["access"])["email"] == address
    market.query("DELETE FROM two_factor_proofs")
    assert kind(Visit(market, "x", access=done.json()["access"]).started) == (403, "step-up-needed")
    unlinking = Visit(market, "google", access=done.json()["access"])
    assert kind(unlinking.ask("DELETE", f"{LINKS}/google")) == (403, "step-up-needed")
