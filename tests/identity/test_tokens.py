"""Access tokens: what passes for one, and everything that must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey


def encode(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sign(header, claims, key):
    signed = f"{encode(header)}.{encode(claims)}"
    return f"{signed}.{encode(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def decoded(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


HEADER = {"alg": "HS256", "typ": "at+jwt"}


@pytest.fixture
def key(market):
    """The key that the marketplace signs with."""
    return market.registry["secrets"].derive("access-token")


def test_a_token_names_the_user_and_the_session_and_lives_fifteen_minutes(market, people, key):
    ann = people.register()
    claims = decoded(ann.access)
    assert claims == {
        "iss": "http://127.0.0.1:8000",
        "aud": "marketcore",
        "sub": str(ann.id),
        "sid": str(market.query("SELECT id FROM auth_sessions")[0][0]),
        "iat": claims["nbf"],
        "nbf": claims["nbf"],
        "exp": claims["nbf"] + 900,
    }
    assert json.loads(base64.urlsafe_b64decode(ann.access.split(".")[0])) == HEADER
    assert people.me(sign(HEADER, claims, key)).status_code == 200


def forgeries(claims, key, refresh):
    """Return what an attacker may send, by name; each differs from a genuine token in what its name says."""
    attacker = RSAKey.generate_key(2048, private=True)
    public = attacker.as_pem(private=False)
    unsigned = f"{encode({'alg': 'none', 'typ': 'at+jwt'})}.{encode(claims)}."
    genuine = sign(HEADER, claims, key)
    jwk = {"kty": "oct", "k": encode(b"attacker" * 4)}
    now = int(time.time())
    changed = {
        "another issuer": {"iss": "https://elsewhere.example"},
        "no issuer": {"iss": None},
        "another audience": {"aud": "payments"},
        "a list of audiences": {"aud": ["marketcore", "payments"]},
        "expired": {"exp": now - 1},
        "expiry as text": {"exp": str(now + 900)},
        "expiry as a fraction": {"exp": now + 900.5},
        "no expiry": {"exp": None},
        "not valid yet": {"nbf": now + 3600},
        "another session": {"sid": str(uuid.uuid4())},
        "a session that is no id": {"sid": "' OR 1=1 --"},
        "a session of the wrong type": {"sid": 7},
        "another user": {"sub": str(int(claims["sub"]) + 1)},
        "a user that is no number": {"sub": "admin"},
        "a user with a sign": {"sub": f"+{claims['sub']}"},
        "a user beyond all numbers": {"sub": "9" * 40},
        "a user that is a list": {"sub": [claims["sub"]]},
    }
    headers = {
        "another type": {"typ": "JWT"},
        "a refresh type": {"typ": "rt+jwt"},
        "a key id": {"kid": "../../../../dev/null"},
        "a key id of SQL": {"kid": "x' UNION SELECT 'k"},
        "a key address": {"jku": "http://127.0.0.1:9/keys"},
        "a certificate address": {"x5u": "http://127.0.0.1:9/cert"},
        "an embedded key": {"jwk": jwk},
        "a critical extension": {"crit": ["b64"], "b64": False},
        "compression": {"zip": "DEF"},
        "HS512 in name": {"alg": "HS512"},
        "lower-case algorithm": {"alg": "hs256"},
    }
    body, signature = genuine.rsplit(".", 1)
    return {
        **{f"claims: {name}": sign(HEADER, {**claims, **change}, key) for name, change in changed.items()},
        **{f"header: {name}": sign({**HEADER, **change}, claims, key) for name, change in headers.items()},
        "no type": sign({"alg": "HS256"}, claims, key),
        "unsigned": unsigned,
        "unsigned with a signature": unsigned + signature,
        "unsigned in capitals": f"{encode({'alg': 'NONE', 'typ': 'at+jwt'})}.{encode(claims)}.",
        "signed with nothing": sign(HEADER, claims, b""),
        "signed with another key of ours": sign(HEADER, claims, b"cursor" * 6),
        "signed with its own embedded key": sign({**HEADER, "jwk": jwk}, claims, b"attacker" * 4),
        "HMAC with a public key": sign(HEADER, claims, public),
        "RS256": jwt.encode({"alg": "RS256", "typ": "at+jwt"}, claims, attacker, algorithms=["RS256"]),
        "HS512": jwt.encode(
            {"alg": "HS512", "typ": "at+jwt"}, claims, OctKey.import_key(key * 2), algorithms=["HS512"]
        ),
        "signature cut": genuine[:-4],
        "signature missing": body + ".",
        "signature of another": f"{body}.{sign(HEADER, {**claims, 'exp': now + 1}, key).rsplit('.', 1)[1]}",
        "body changed": genuine.replace(encode(claims), encode({**claims, "sub": "1000"})),
        "five parts": f"{genuine}.x.y",
        "two parts": body,
        "twice": f"{genuine},{genuine}",
        "claims a list": sign(HEADER, [claims], key),
        "claims no JSON": sign(HEADER, b"{", key),
        "claims nothing": sign(HEADER, {}, key),
        "header a list": sign([HEADER], claims, key),
        "header a text": sign("HS256", claims, key),
        "header null": sign(b"null", claims, key),
        "header deep": sign(b"[" * 400 + b"]" * 400, claims, key),
        "enormous": genuine + "A" * 5000,
        "refresh token": refresh,
        "one letter": "x",
        "dots": "..",
        "latin letters": "é.é.é",
    }


def test_no_forged_token_is_believed(people, key):
    ann = people.register()
    corpus = forgeries(decoded(ann.access), key, ann.refresh)
    assert people.me(sign(HEADER, decoded(ann.access), key)).status_code == 200
    with people.market.client() as http:
        statuses = {
            name: http.get("/api/v1/users/me", headers={"Authorization": b"Bearer " + token.encode("latin-1")})
            for name, token in corpus.items()
        }
    assert {name: answer.status_code for name, answer in statuses.items()} == dict.fromkeys(corpus, 401)
    assert {answer.headers["WWW-Authenticate"] for answer in statuses.values()} == {"Bearer"}


HEADERS = ["", "Bearer", "Basic YW5uOmFubg==", "Token abc", "Bearer x y", "bearer null"]


def test_a_worthless_header_is_refused_where_none_is_needed_but_not_where_one_logs_in(people):
    ann = people.register()
    login = {"email": ann.email, "password": people.password}
    for value in HEADERS:
        headers = {"Authorization": value}
        assert people.call("GET", f"/api/v1/users/{ann.id}", headers=headers).status_code == 401
        assert people.call("GET", "/api/v1/users/me", headers=headers).status_code == 401
        documents = ("/api/openapi.json", "/api/docs", "/api/asyncapi.json", "/api/docs/live")
        for path in ("/healthz", "/readyz", "/metrics", *documents):
            assert people.call("GET", path, headers=headers).status_code == 200
        assert people.call("POST", "/api/v1/auth/login", json=login, headers=headers).status_code == 200
    assert people.call("GET", f"/api/v1/users/{ann.id}").status_code == 200


def test_the_scheme_is_written_in_any_case(people):
    ann = people.register()
    for scheme in ("Bearer", "bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {ann.access}"}
        assert people.call("GET", "/api/v1/users/me", headers=headers).status_code == 200


def test_a_token_ends_after_fifteen_minutes_and_its_session_does_not(market, people, eventually):
    ann = people.register()
    market.travel("14 minutes")
    assert people.me(ann.access).status_code == 200
    market.travel("15 minutes 1 second")
    eventually(lambda: people.me(ann.access).status_code == 401)
    fresh = people.refresh(ann.refresh).json()
    assert people.me(fresh["access"]).status_code == 200


def test_other_processes_authenticate_with_what_the_registry_offers(market, people):
    ann = people.register(role="both")
    registry = market.registry
    identity = registry["authenticate_bearer"](registry, ann.access)
    assert (identity.user_id, identity.roles, identity.blocked) == (ann.id, {"buyer", "seller"}, False)
    assert registry["load_identity"](registry, ann.id, identity.session_id) == identity
    assert registry["load_identity"](registry, ann.id + 1, identity.session_id) is None
    assert registry["load_identity"](registry, ann.id, uuid.uuid4()) is None
    assert registry["authenticate_bearer"](registry, ann.refresh) is None
    people.call("POST", "/api/v1/auth/logout", ann.access)
    assert registry["authenticate_bearer"](registry, ann.access) is None
    assert registry["load_identity"](registry, ann.id, identity.session_id) is None


def test_a_unit_of_work_acts_for_the_identity_it_is_given(market, people):
    ann = people.register()
    identity = market.registry["authenticate_bearer"](market.registry, ann.access)
    with market.work() as request:
        assert request.identity is None
        assert request.authenticated_userid is None
    with market.work() as request:
        request.environ["marketcore.identity"] = identity
        assert request.identity is identity
        assert request.authenticated_userid == ann.id
        assert request.has_permission("member")
        assert not request.has_permission("admin")
        assert not request.has_permission("declared by nobody")


def test_the_memory_of_who_is_who_is_bounded(market, people, monkeypatch):
    monkeypatch.setattr("marketcore.identity.identities.ENTRIES", 3)
    crowd = [people.register() for _ in range(5)]
    assert all(people.me(person.access).status_code == 200 for person in crowd)
    assert len(market.registry["identities"]._known) <= 3
    assert all(people.me(person.access).json()["id"] == person.id for person in crowd)
