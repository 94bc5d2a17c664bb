"""Signing up: what becomes an account, and what does not."""

from __future__ import annotations

import gc
import json
import threading

import pytest

URL = "/api/v1/auth/register"
GOOD = {"email": "ann@example.com", "password": "correct horse battery"}


def count(market):
    return market.query("SELECT count(*) FROM users")[0][0]


def test_B1_an_account_is_made_and_logged_in(market, people):
    body = {**GOOD, "email": "Ann@Example.com", "first_name": "Ann", "last_name": "Ó", "phone": "+254712345678"}
    answer = people.call("POST", URL, json=body)
    told = answer.json()
    assert answer.status_code == 201
    assert told["token_type"] == "Bearer"
    assert told["expires_in"] == 900
    assert {key: told["user"][key] for key in ("email", "username", "first_name", "last_name", "phone", "roles")} == {
        "email": "ann@example.com",
        "username": "ann",
        "first_name": "Ann",
        "last_name": "Ó",
        "phone": "+254712345678",
        "roles": ["buyer"],
    }
    assert people.me(told["access"]).json() == told["user"]
    assert market.query("SELECT password_hash LIKE '$argon2id$%' FROM users")[0][0]


def test_B3_somebody_signs_up_as_buyer_seller_or_both(people):
    roles = {role: people.me(people.register(role=role).access).json()["roles"] for role in ("buyer", "seller", "both")}
    assert roles == {"buyer": ["buyer"], "seller": ["seller"], "both": ["buyer", "seller"]}


def test_B1_an_email_address_has_one_account_in_whatever_case(market, people):
    people.register(email="ann@example.com")
    answer = people.call("POST", URL, json={**GOOD, "email": "ANN@EXAMPLE.COM"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:marketcore:problem:email-taken"
    assert count(market) == 1


def test_a_username_is_one_persons_in_whatever_case(people):
    people.register(username="AnnsShop")
    answer = people.call("POST", URL, json={**GOOD, "username": "annsshop"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:marketcore:problem:username-taken"


def test_a_username_made_of_an_email_address_gives_way_to_those_that_exist(people):
    names = []
    for number in range(12):
        person = people.register(email=f"ann@example{number}.com")
        names.append(people.me(person.access).json()["username"])
    assert names[:3] == ["ann", "ann2", "ann3"]
    assert len(set(names)) == 12


def test_of_two_that_register_one_address_at_once_one_gets_it(market, people):
    start, answers = threading.Barrier(4), []

    def register():
        start.wait()
        answers.append(people.call("POST", URL, json=GOOD).status_code)

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409, 409, 409]
    assert count(market) == 1


FOREIGN = [
    {"role": "admin"},
    {"role": "Admin"},
    {"role": ["buyer", "admin"]},
    {"roles": ["admin"]},
    {"is_admin": True},
    {"id": 1},
    {"blocked_at": None},
    {"picture_id": 1},
    {"password_hash": "x"},
    {"created_at": "2020-01-01T00:00:00Z"},
    {"balance": {"amount": "1.00", "currency": "KES"}},
]


def test_a_field_that_is_not_asked_for_makes_no_account(market, people):
    seen = []
    for extra in FOREIGN:
        answer = people.call("POST", URL, json={**GOOD, **extra})
        named = next(iter(extra)) in json.dumps(answer.json()["errors"])
        seen.append((extra, answer.status_code, named))
    assert seen == [(extra, 422, True) for extra in FOREIGN]
    assert count(market) == 0


HOSTILE = {
    "email with NUL": ({"email": "a\0@example.com"}, "email"),
    "email with a newline": ({"email": "ann@example.com\nx"}, "email"),
    "email of a number": ({"email": 7}, "email"),
    "email null": ({"email": None}, "email"),
    "email an object": ({"email": {"$ne": ""}}, "email"),
    "email without a domain": ({"email": "ann@localhost"}, "email"),
    "email too long": ({"email": "a" * 64 + "@" + "b" * 200 + ".com"}, "email"),
    "password a list": ({"password": ["correct horse battery"]}, "password"),
    "password a boolean": ({"password": True}, "password"),
    "password short": ({"password": "short"}, "password"),
    "password guessed first": ({"password": "Password123"}, "password"),
    "password with NUL": ({"password": "correct\0horse"}, "password"),
    "first name with a header": ({"first_name": "Ann\r\nBcc: all@example.com"}, "first_name"),
    "first name too long": ({"first_name": "x" * 101}, "first_name"),
    "last name nested": ({"last_name": {"a": {"b": {"c": []}}}}, "last_name"),
    "phone of letters": ({"phone": "call me"}, "phone"),
    "phone with a newline": ({"phone": "0712345678\n"}, "phone"),
    "username with a newline": ({"username": "annie\n"}, "username"),
    "username of markup": ({"username": "<b>ann</b>"}, "username"),
    "username like an address": ({"username": "bob@example.com"}, "username"),
    "username of look-alikes": ({"username": "аnn"}, "username"),
}


def test_hostile_fields_are_refused_by_name_and_make_no_account(market, people):
    seen = {}
    for name, (fields, field) in HOSTILE.items():
        answer = people.call("POST", URL, json={**GOOD, **fields})
        seen[name] = (answer.status_code, field in answer.json().get("errors", {}))
    assert seen == dict.fromkeys(HOSTILE, (422, True))
    assert count(market) == 0


RAW = {
    "nothing": (b"", 400),
    "not JSON": (b"email=ann@example.com", 400),
    "a list": (b"[]", 400),
    "null": (b"null", 400),
    "a text": (b'"x"', 400),
    "cut off": (b'{"email": "ann@example.com", "password": "corr', 400),
    "invalid UTF-8": b'{"email": "\xff@example.com", "password": "correct horse battery"}',
    "lone surrogate": b'{"email": "\\ud800@example.com", "password": "correct horse battery"}',
    "surrogate in a name": (
        b'{"email": "ann@example.com", "password": "correct horse battery", "first_name": "\\udfff"}'
    ),
    "NaN": b'{"email": NaN, "password": "correct horse battery"}',
    "deep lists": b'{"email": ' + b"[" * 4_000 + b"]" * 4_000 + b"}",
    "deep objects": b'{"a":' * 1_500 + b"1" + b"}" * 1_500,
    "admin named last": b'{"role":"buyer","email":"a@example.com","password":"correct horse battery","role":"admin"}',
}


def test_bodies_that_are_no_object_of_ours_are_refused_and_make_no_account(market, people):
    seen = {}
    for name, case in RAW.items():
        body, expected = case if isinstance(case, tuple) else (case, None)
        answer = people.call("POST", URL, content=body, headers={"Content-Type": "application/json"})
        refused = answer.status_code == expected if expected else answer.status_code in (400, 422)
        seen[name] = refused and answer.headers["content-type"] == "application/problem+json"
    assert seen == dict.fromkeys(RAW, True)
    assert count(market) == 0


# WebOb spools a body of this size into a temporary file and leaves closing it to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_enormous_fields_are_refused_and_make_no_account(market, people):
    half = people.call("POST", URL, json={**GOOD, "password": "x" * 500_000})
    assert half.status_code == 422
    assert "password" in half.json()["errors"]
    assert people.call("POST", URL, json={**GOOD, "email": "x" * 1_048_576}).status_code == 413
    assert count(market) == 0
    gc.collect()


def test_S1_a_field_named_twice_makes_nobody_an_admin(market, people):
    for first, last in (("buyer", "admin"), ("admin", "buyer")):
        body = f'{{"role":"{first}","email":"{last}@example.com","password":"correct horse battery","role":"{last}"}}'
        answer = people.call("POST", URL, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (201, 400, 422)
    assert market.query("SELECT count(*) FROM users WHERE 'admin' = ANY(roles)")[0][0] == 0


def test_a_form_is_no_registration(people):
    assert people.call("POST", URL, data=GOOD).status_code == 415


def test_the_rate_of_registrations_is_limited(make_market, people_of, quick):
    crowd = people_of(make_market(**{**quick, "web__rate_limit__register": "2/hour"}))
    answers = [
        crowd.call("POST", URL, json={**GOOD, "email": f"ann{number}@example.com"}).status_code for number in range(3)
    ]
    assert answers == [201, 201, 429]
