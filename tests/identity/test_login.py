"""Logging in: by name or address, at a price, and telling strangers nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from marketcore.identity.passwords import Passwords

URL = "/api/v1/auth/login"


def test_B1_somebody_logs_in_with_their_address_or_their_username_in_any_case(people):
    people.register(email="ann@example.com", username="AnnsShop")
    for name in ({"email": "ANN@example.com"}, {"username": "annsshop"}, {"email": " ann@example.com"}):
        answer = people.call("POST", URL, json={**name, "password": people.password})
        assert answer.status_code == 200
        assert people.me(answer.json()["access"]).json()["email"] == "ann@example.com"


def test_an_unknown_account_and_a_wrong_password_are_refused_with_the_same_words(people):
    people.register(email="ann@example.com", username="annsshop")
    attempts = [
        {"email": "ann@example.com"},
        {"email": "bob@example.com"},
        {"email": "not an address"},
        {"username": "annsshop"},
        {"username": "nobody"},
    ]
    answers = [people.call("POST", URL, json={**attempt, "password": "wrong password"}) for attempt in attempts]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {401}
    assert bodies == [bodies[0]] * len(attempts)


def test_an_unknown_account_costs_a_hash_as_a_wrong_password_does(market, people, monkeypatch):
    people.register(email="ann@example.com")
    hasher, costs = market.registry["passwords"]._hasher, []

    class Counting:
        def verify(self, stored, password):
            costs.append(hasher.check_needs_rehash(stored))
            with pytest.raises(VerifyMismatchError) as mismatch:  # which only hashing can tell
                hasher.verify(stored, password)
            raise mismatch.value

    monkeypatch.setattr(market.registry["passwords"], "_hasher", Counting())
    for email in ("ann@example.com", "bob@example.com"):
        people.call("POST", URL, json={"email": email, "password": "wrong password"})
    assert costs == [False, False]


MISSHAPEN = [
    {},
    {"email": "ann@example.com"},
    {"password": "correct horse battery"},
    {"email": "ann@example.com", "username": "ann", "password": "correct horse battery"},
    {"email": ["ann@example.com"], "password": "correct horse battery"},
    {"email": "ann@example.com", "password": {"$gt": ""}},
    {"email": "ann\0@example.com", "password": "correct horse battery"},
    {"email": "ann@example.com", "password": "x" * 129},
    {"email": "ann@example.com", "password": "correct horse battery", "role": "admin"},
]


def test_a_login_of_another_shape_is_refused(market, people):
    people.register(email="ann@example.com")
    answers = [people.call("POST", URL, json=body).status_code for body in MISSHAPEN]
    assert answers == [422] * len(MISSHAPEN)
    assert market.query("SELECT count(*) FROM auth_sessions")[0][0] == 1


def test_a_hash_of_other_costs_is_renewed_at_login(make_market, make_settings, people_of, quick):
    from marketcore.testing.market import Market

    settings = make_settings(**quick)
    dearer = {**settings, "identity.argon2_time_cost": 3}
    market, later = Market(settings), Market(dearer)
    try:
        with market.serving():
            ann = people_of(market).register()
        with later.serving():
            crowd = people_of(later)
            assert crowd.me(crowd.log_in(ann.email)["access"]).status_code == 200
            assert ",t=3," in later.query("SELECT password_hash FROM users")[0][0]
            crowd.log_in(ann.email)
    finally:
        market.close()
        later.close()


def test_no_more_hashes_are_made_at_once_than_half_the_threads(market):
    assert market.registry["passwords"]._turn._initial_value == 4
    running, peak, lock = set(), [], threading.Lock()

    class Watched(PasswordHasher):
        def verify(self, stored, password):
            with lock:
                running.add(threading.get_ident())
                peak.append(len(running))
            try:
                return super().verify(stored, password)
            finally:
                with lock:
                    running.discard(threading.get_ident())

    passwords = Passwords(Watched(time_cost=2, memory_cost=19_456, parallelism=1), concurrent=2)
    stored = passwords.hash("correct horse battery")
    with ThreadPoolExecutor(12) as crowd:
        guesses = ["correct horse battery", "wrong password"] * 12
        answers = list(crowd.map(lambda guess: passwords.matches(stored, guess), guesses))
    assert answers == [True, False] * 12
    assert max(peak) == 2


def test_passwords_are_hashed_at_the_cost_that_is_recommended(make_settings):
    from marketcore.identity.services import create_user
    from marketcore.testing.market import Market

    given = make_settings().items()
    market = Market({key: value for key, value in given if not key.startswith("identity.argon2")})
    try:
        market.perform(create_user, "ann@example.com", "correct horse battery", ["buyer"])
        assert market.query("SELECT password_hash FROM users")[0][0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    finally:
        market.close()


def test_only_development_may_hash_more_cheaply_than_passwords_deserve(make_settings):
    from marketcore.exceptions import ConfigurationError
    from marketcore.testing.market import Market

    in_production = {"marketcore.environment": "production", "marketcore.secret": "s" * 64}
    cheap = {**make_settings(), **in_production, "identity.argon2_memory_kib": "8191"}
    with pytest.raises(
        ConfigurationError, match=r"identity\.argon2_memory_kib is 8191: in production, .* at least 8192"
    ):
        Market(cheap)
    Market({**cheap, "identity.argon2_memory_kib": "8192"}).close()


def test_the_rate_of_logins_is_limited(make_market, people_of, quick):
    crowd = people_of(make_market(**{**quick, "web__rate_limit__login": "2/hour"}))
    body = {"email": "ann@example.com", "password": "wrong password"}
    answers = [crowd.call("POST", URL, json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert int(answers[2].headers["Retry-After"]) > 0


def test_guessing_at_an_account_from_elsewhere_is_stopped_without_locking_its_owner_out(make_market, people_of, quick):
    market = make_market(**{**quick, "identity__login_attempts": "3/hour"})
    crowd = people_of(market)
    ann = crowd.register()

    def guess(email, password):
        transport = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(base_url=market.url, transport=transport, trust_env=False) as http:
            return http.post(URL, json={"email": email, "password": password}).status_code

    assert [guess(ann.email, "wrong password") for _ in range(3)] == [401, 401, 401]
    assert guess(ann.email, crowd.password) == 429
    assert crowd.log_in(ann.email)
    assert [guess("nobody@example.com", "wrong password") for _ in range(4)] == [401, 401, 401, 429]


def test_no_password_and_no_token_reaches_the_log(market, people, capfd, caplog):
    ann = people.register(password="the secret of ann")
    people.call("POST", URL, json={"email": ann.email, "password": "the wrong secret"})
    people.call("POST", URL, json={"email": ann.email, "password": ["the odd secret"]})
    people.call("POST", URL, content=b'{"password": "the cut secret', headers={"Content-Type": "application/json"})
    told = people.log_in(ann.email, "the secret of ann")
    people.refresh(told["refresh"])
    people.call(
        "POST",
        "/api/v1/users/me/password",
        told["access"],
        json={"current": "the secret of ann", "new": "the next secret"},
    )
    written = capfd.readouterr()
    log = written.out + written.err + caplog.text
    assert "auth.login" in log
    assert "secret" not in log
    for token in (ann.access, ann.refresh, told["access"], told["refresh"]):
        assert token not in log


def test_M1_an_operator_makes_an_admin_and_no_other_role_than_those_that_exist(market, people):
    from marketcore.exceptions import Invalid
    from marketcore.identity.services import create_user

    user_id = market.perform(create_user, "Root@Example.com", people.password, ["admin"], username="root")
    account = people.me(people.log_in("root@example.com")["access"]).json()
    assert (account["id"], account["username"], account["roles"]) == (user_id, "root", ["admin"])
    for roles in (["owner"], []):
        with pytest.raises(Invalid):
            market.perform(create_user, "other@example.com", people.password, roles)
