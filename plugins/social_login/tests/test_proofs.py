"""States that prove nothing, codes that are over, and providers that lie, fail or dawdle: nothing comes of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from marketcore.testing.contracts import at_once

from .browsers import CALLBACK, START, Visit, counts, kind, somebody

NOT_BELIEVED = (502, "provider-not-believed")
FAILED = (502, "provider-failed")
LIES = [
    "wrong audience",
    "two audiences",
    "of another client",
    "no audience",
    "wrong issuer",
    "wrong nonce",
    "no nonce",
    "expired",
    "no expiry",
    "from the future",
    "time as text",
    "no subject",
    "subject is a list",
    "long subject",
    "enormous token",
    "unsigned",
    "signed with the secret",
    "signed with the public key",
    "signed by somebody else",
    "brings its own key",
    "mixed up",
]
FAILURES = [
    "token: 500",
    "token: 400",
    "token: 200 with an error",
    "token: 503 page",
    "token: no JSON",
    "token: a list",
    "token: null",
    "token: numbers",
    "token: empty",
    "token: huge",
    "token: zipped",
    "token: elsewhere",
    "token: hangs up",
    "token: drips",
    "jwks: 500",
    "jwks: no JSON",
    "jwks: huge",
    "jwks: hangs up",
    "x: 500",
    "x: a list",
    "x: huge",
]


WAITING = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'"""


def handed_over(market):
    return market.query("SELECT count(*) FROM social_login_flows WHERE handover_hash IS NOT NULL")[0][0]


def test_B2_what_a_provider_says_is_believed_only_with_every_proof(market, provider):
    provider.person = somebody()
    before, codes = counts(market), handed_over(market)
    for lie in LIES:
        provider.lie = lie
        # What an earlier answer has taught must not help a later one.
        market.registry["social_login_speakers"]["google"]._keys._known = None
        assert kind(Visit(market, "google").come_back()) == NOT_BELIEVED, lie
    assert (counts(market), handed_over(market)) == (before, codes)
    provider.lie = ""
    assert Visit(market, "google").finish().status_code == 200


@pytest.mark.parametrize("failure", FAILURES)
def test_B2_a_provider_that_fails_is_told_of_and_nothing_is_written(market, provider, failure):
    provider.person, provider.lie = {**somebody(), "id": "7"}, failure
    market.registry["social_login_speakers"]["google"]._keys._known = None
    before, codes = counts(market), handed_over(market)
    visit = Visit(market, "x" if failure.startswith("x") else "google")
    back = visit.agree()
    assert kind(visit.come_back(back)) == FAILED
    provider.lie = ""
    assert kind(visit.come_back(back)) == (400, "state-refused")  # a state is good once, whatever came of it
    assert (counts(market), handed_over(market)) == (before, codes)


def test_B2_no_transaction_waits_for_a_provider_and_one_that_hangs_is_given_up(market, provider):
    provider.person, provider.lie = somebody(), "token: hangs"
    visit = Visit(market, "google")
    back, asked, deadline = visit.agree(), len(provider.asked), time.monotonic() + 10
    with ThreadPoolExecutor(1) as browser:
        answer = browser.submit(visit.come_back, back)
        while len(provider.asked) == asked:
            assert time.monotonic() < deadline, "the provider is never asked"
            time.sleep(0.005)
        waiting = market.query(WAITING)[0][0]
        assert not answer.done()
        assert kind(answer.result()) == FAILED
    assert waiting == 0


def test_B2_a_document_that_says_nobody_is_nobody(market, provider):
    for person in ({}, {"id": ""}, {"id": None}, {"id": ["7"]}, {"id": True}, {"id": "a\0b"}):
        provider.person = person
        assert kind(Visit(market, "x").come_back()) == NOT_BELIEVED, person


def test_B2_keys_that_a_provider_has_changed_are_fetched_again(market, provider):
    from joserfc.jwk import ECKey

    provider.person = somebody()
    assert Visit(market, "google").finish().status_code == 200
    provider.key = ECKey.generate_key("P-256", {"kid": "next", "use": "sig"})
    assert Visit(market, "google").finish().status_code == 200


def test_B2_whoever_does_not_agree_comes_back_to_a_refusal(market, provider):
    provider.lie = "denied"
    visit = Visit(market, "google")
    back = visit.agree()
    assert kind(visit.come_back(back)) == (403, "consent-denied")
    assert kind(visit.come_back(back)) == (400, "state-refused")


def test_B2_a_state_that_is_missing_unknown_used_foreign_or_too_old_is_refused_and_nothing_is_written(market, provider):
    provider.person, before = somebody(), counts(market)
    visit = Visit(market, "google")
    back = visit.agree()
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def come_back(name="google", more="", **changed):
        given = {key: value for key, value in {**query, **changed}.items() if value is not None}
        return visit.come_back(f"{market.url}{CALLBACK.format(name)}?{urlencode(given)}{more}")

    refused = [
        come_back(state=None),
        come_back(state=""),
        come_back(state="x" * 43),
        come_back(state="x" * 5000),
        come_back(name="keycloak"),
        come_back(more="&state=another"),
        come_back(more="&code=%ff"),
    ]
    assert [answer.status_code for answer in refused] == [400] * len(refused)
    assert provider.asked == [] or provider.asked[-1].get("code") != query["code"]
    assert come_back().status_code == 200
    assert kind(come_back()) == (400, "state-refused")
    late = Visit(market, "google")
    address = late.agree()
    market.travel("11 minutes")
    try:
        assert kind(late.come_back(address)) == (400, "state-refused")
    finally:
        market.travel("0 minutes")
    assert counts(market) == before


def test_B2_of_ten_that_come_back_with_one_state_at_once_one_is_heard(market, provider):
    provider.person = somebody()
    visit = Visit(market, "google")
    back = visit.agree()
    asked = len(provider.asked)
    answers = at_once([lambda: visit.come_back(back)] * 10)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert len(provider.asked) == asked + 1


def test_B2_the_code_of_a_login_opens_it_once_for_two_minutes_with_the_secret_of_its_start(market, provider):
    provider.person, before = somebody(), counts(market)
    victim, thief = Visit(market, "google"), Visit(market, "google")
    code = victim.code()
    for wrong in (thief.secret, "x" * 43, "\u00e9"):
        assert kind(victim.redeem(code, wrong)) == (401, "handover-refused")
    assert kind(victim.redeem(thief.code())) == (401, "handover-refused")
    assert counts(market) == before
    answers = at_once([lambda: victim.redeem(code)] * 5)
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 4
    late = Visit(market, "google")
    code = late.code()
    market.travel("3 minutes")
    try:
        assert kind(late.redeem(code)) == (401, "handover-refused")
    finally:
        market.travel("0 minutes")


def test_B2_no_token_code_state_or_secret_is_stored_logged_or_put_into_an_address(market, provider, capfd, caplog):
    provider.person = somebody()
    visit = Visit(market, "google")
    back = visit.agree()
    answer = visit.come_back(back)
    tokens = visit.redeem(answer.json()["code"]).json()
    rows = "".join(row for (row,) in market.query("SELECT CAST(f AS text) FROM social_login_flows f"))
    written = capfd.readouterr()
    log = written.out + written.err + caplog.text
    assert "social_login.callback" in log
    kept = [visit.secret, visit.query["state"], visit.query["nonce"], answer.json()["code"], provider.access_token]
    kept += [provider.asked[-1]["code"], provider.asked[-1]["code_verifier"], tokens["access"], tokens["refresh"]]
    assert [secret for secret in kept if secret in rows or secret in log] == []
    assert [secret for secret in (tokens["access"], tokens["refresh"], visit.secret) if secret in back] == []
    assert answer.headers["Cache-Control"] == "no-store"


def test_B2_where_browsers_go_afterwards_is_configured_and_what_they_carry_is_no_token(build, provider):
    shop, app = "https://shop.example/welcome", "app.example:/login?from=market"
    market = build("google", social_login__return_urls=f"{shop} {app}")
    provider.person = somebody()
    visit = Visit(market, "google")
    answer = visit.come_back()
    assert (answer.status_code, answer.headers["Referrer-Policy"]) == (303, "no-referrer")
    address, _mark, query = answer.headers["Location"].partition("?")
    carried = {name: values[0] for name, values in parse_qs(query).items()}
    assert (address, set(carried), carried["provider"]) == (shop, {"code", "provider", "expires_in"}, "google")
    assert visit.redeem(carried["code"]).status_code == 200
    provider.lie = "wrong audience"
    refused = Visit(market, "google", return_to=app).come_back()
    assert refused.headers["Location"] == f"{app}&error=provider-not-believed"
    for wrong in ("https://evil.example", f"{shop}/..", "https://shop.example"):
        assert kind(Visit(market, "google", return_to=wrong).started) == (422, "invalid")


def test_B2_a_forged_host_does_not_change_where_the_provider_sends_people(market):
    with market.client() as http:
        answer = http.post(START.format("google"), json={}, headers={"Host": "evil.example"})
    assert "evil" not in answer.text
    assert f"redirect_uri={market.url.replace(':', '%3A').replace('/', '%2F')}" in answer.json()["authorization_url"]


def test_B2_old_logins_are_forgotten(market):
    from marketcore_social_login.jobs import forget_old_flows

    Visit(market, "google")
    market.travel("2 hours")
    try:
        market.perform(forget_old_flows)
        assert market.query("SELECT count(*) FROM social_login_flows")[0][0] == 0
    finally:
        market.travel("0 minutes")
