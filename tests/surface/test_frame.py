"""What surrounds every answer: headers, request ids, other origins, proxies, limits."""

from __future__ import annotations

import re

import pytest

from marketcore.testing.market import Market

from .addresses import addresses
from .people import People

SHOP = "http://localhost:3000"
REGISTER = "/api/v1/auth/register"


@pytest.fixture
def serve(make_settings):
    """Return ``serve(**settings)``: the people of a small market of its own."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def people(**settings):
            quick = {"identity__argon2_memory_kib": 1024, "identity__argon2_time_cost": 1}
            market = Market(make_settings(**quick, **settings))
            stack.callback(market.close)
            return People(stack.enter_context(market.serving()))

        yield people


def newcomer(n):
    return {"email": f"newcomer-{n}@example.test", "password": "correct horse battery staple"}


def test_every_answer_carries_the_headers_that_make_browsers_careful(people):
    for address in addresses(people.market.registry):
        answer = people.ask(address.method, address.nowhere())
        assert answer.headers["X-Content-Type-Options"] == "nosniff", str(address)
        assert answer.headers["Referrer-Policy"] == "no-referrer", str(address)
        assert "Cache-Control" in answer.headers, str(address)
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"]), str(address)
        assert "Set-Cookie" not in answer.headers, str(address)
        if answer.status_code >= 400:
            assert answer.headers["Cache-Control"] == "no-store", str(address)
            assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_a_refusal_of_authentication_says_how_to_authenticate(people):
    answer = people.ask("GET", "/api/v1/orders", "nonsense")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_method_that_an_address_lacks_is_told_with_those_it_has(people):
    answer = people.http.request("PUT", "/api/v1/categories")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert answer.json()["allow"] == ["GET", "POST"]


def test_a_request_id_of_the_callers_is_kept(people):
    answer = people.ask("GET", "/api/v1/nothing", headers={"X-Request-Id": "order-attempt_0001"})
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] == "order-attempt_0001"


@pytest.mark.parametrize(
    "hostile",
    ["short", "x" * 65, "abcdefgh\tijkl", "<script>alert(1)</script>", "{{7*7}}abcdef", "abc def ghi", "é" * 10, ""],
)
def test_a_hostile_request_id_is_replaced(people, log_lines, hostile):
    answer = people.ask("GET", "/healthz", headers={"X-Request-Id": hostile.encode("latin-1")})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert [line["request_id"] for line in log_lines() if line["event"] == "request"] == [
        answer.headers["X-Request-Id"]
    ]


def test_M16_S12_a_listed_origin_may_read_answers_without_credentials(people):
    answer = people.ask("GET", "/api/v1/categories", headers={"Origin": SHOP})
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]
    assert "Idempotency-Replayed" in answer.headers["Access-Control-Expose-Headers"]


def test_a_listed_origin_may_read_refusals_too(people):
    for path in ("/api/v1/orders", "/api/v1/nothing"):
        assert people.ask("GET", path, headers={"Origin": SHOP}).headers["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize("origin", ["http://evil.test", "null", f"{SHOP}.evil.test", "http://LOCALHOST:3000", "*", ""])
def test_a_foreign_origin_is_told_nothing(people, origin):
    plain = people.ask("GET", "/api/v1/categories", headers={"Origin": origin})
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = people.ask("OPTIONS", "/api/v1/orders", headers=asked)
    for answer in (plain, preflight):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert plain.status_code == 200
    assert preflight.status_code == 405


def test_caches_are_told_that_answers_differ_by_origin_even_without_one(people):
    assert "Origin" in people.ask("GET", "/api/v1/categories").headers.get("Vary", "")


def test_a_preflight_is_answered_before_anything_else(people):
    asked = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = people.ask("OPTIONS", "/api/v1/users/me", headers=asked)
    assert answer.status_code == 204
    assert answer.content == b""
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )


def test_M16_S12_a_limit_is_told_with_every_answer_and_used_up_with_429(serve):
    people = serve(web__rate_limit__register="3/hour")
    answers = [people.ask("POST", REGISTER, None, newcomer(n)) for n in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"register";q=3;w=3600'}
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:marketcore:problem:too-many-requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 7200
    assert people.market.query("SELECT count(*) FROM users")[0][0] == 3


def test_refused_input_uses_up_the_limit_too(serve):
    people = serve(web__rate_limit__register="2/hour")
    assert [people.ask("POST", REGISTER, None, {}).status_code for _ in range(3)] == [422, 422, 429]


def test_a_claimed_address_is_ignored_without_a_trusted_proxy(serve):
    people = serve(web__rate_limit__register="2/hour")
    claims = [
        {"X-Forwarded-For": "203.0.113.1"},
        {"X-Forwarded-For": "203.0.113.2, 198.51.100.7"},
        {"Forwarded": "for=203.0.113.3", "X-Real-IP": "203.0.113.3", "X-Forwarded-For": "127.0.0.2"},
    ]
    answers = [people.ask("POST", REGISTER, None, newcomer(n), headers=h) for n, h in enumerate(claims)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert {row[0] for row in people.market.query("SELECT remote_addr FROM auth_sessions")} == {"127.0.0.1"}


def test_the_trusted_proxys_word_counts_but_not_what_a_client_told_the_proxy(serve):
    people = serve(web__trusted_proxy="127.0.0.1", web__rate_limit__register="1/hour")
    for n, claim in enumerate(("198.51.100.1", "203.0.113.9, 198.51.100.2")):
        answer = people.ask("POST", REGISTER, None, newcomer(n), headers={"X-Forwarded-For": claim})
        assert answer.status_code == 201
    spoofed = people.ask("POST", REGISTER, None, newcomer(9), headers={"X-Forwarded-For": "203.0.113.77, 198.51.100.2"})
    assert spoofed.status_code == 429
    told = {row[0] for row in people.market.query("SELECT remote_addr FROM auth_sessions")}
    assert told == {"198.51.100.1", "198.51.100.2"}


def test_a_foreign_proxys_word_does_not_count(serve):
    people = serve(web__trusted_proxy="203.0.113.250", web__rate_limit__register="1/hour")
    answers = [
        people.ask("POST", REGISTER, None, newcomer(n), headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in (1, 2)
    ]
    assert [answer.status_code for answer in answers] == [201, 429]


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80@127.0.0.1", "a" * 300, "[::1", "évil"])
def test_a_spoofed_host_is_neither_repeated_nor_a_fault(people, host):
    both = people.token("both")
    for path in ("/api/openapi.json", "/api/v1/products", "/api/docs", "/api/v1/nothing"):
        answer = people.ask("GET", path, both, headers={"Host": host.encode("latin-1")})
        assert answer.status_code < 500
        assert "evil.test" not in answer.text
