"""Canaries: secrets that go in through requests and settings come out of no log and no refusal."""

from __future__ import annotations

import json
import uuid

import pytest

from marketcore.directives import table

from .people import PASSWORD
from .test_retries import Trap, trapped
from .world import World

CANARY = "Canary-7f3a9"


@pytest.fixture
def canaries(people):
    """Everything secret: what people send, what they hold, what the platform is configured with."""
    person = people.new("buyer", "seller")
    passkey = people.market.settings["payments_mpesa.passkey"]
    database = people.market.registry["engine"].url.password
    return {
        "password": PASSWORD,
        "new password": f"{CANARY}-password",
        "access": person.access,
        "refresh": person.refresh,
        "passkey": passkey,
        "consumer secret": people.market.settings["payments_mpesa.consumer_secret"],
        "key secret": people.market.settings["payments_razorpay.key_secret"],
        "database password": f":{database}@",
    }, person


def hooks(people, token):
    """Return a callback address of every payment provider."""
    providers = table(people.market.registry, "payment providers").values()
    return [f"/hooks/{provider.webhook_slug}/{token}" for provider in providers]


def provoke(people, person, world, secrets):
    """Send the secrets wherever they can be sent, rightly and wrongly; return every refusal."""
    password, new = secrets["password"], secrets["new password"]
    asked = [
        ("POST", "/api/v1/auth/login", None, {"email": person.email, "password": password}),
        ("POST", "/api/v1/auth/login", None, {"email": person.email, "password": new}),
        ("POST", "/api/v1/auth/login", None, {"email": person.email, "password": new, "extra": new}),
        ("POST", "/api/v1/auth/login", None, {"email": [new], "password": {"password": new}}),
        ("POST", "/api/v1/auth/register", None, {"email": person.email, "password": new}),
        ("POST", "/api/v1/auth/register", None, {"email": "x", "password": new, "role": new}),
        ("POST", "/api/v1/auth/refresh", None, {"refresh": secrets["refresh"] + "x"}),
        ("POST", "/api/v1/auth/refresh", None, {"refresh": secrets["refresh"]}),
        ("POST", "/api/v1/users/me/password", person.access, {"current": new, "new": password}),
        ("POST", "/api/v1/users/me/password", person.access, {"current": password, "new": person.email}),
        ("GET", "/api/v1/orders", secrets["refresh"], None),
        ("GET", "/api/v1/users", person.access, None),
        *(("POST", path, None, {"password": new}) for path in hooks(people, uuid.uuid4().hex)),
        ("GET", f"/api/v1/orders/{world.order['id']}", person.access, None),
    ]
    answers = [people.ask(method, path, token, body) for method, path, token, body in asked]
    broken = json.dumps({"email": person.email, "password": new})[:-3].encode()
    answers.append(
        people.ask("POST", "/api/v1/auth/login", content=broken, headers={"Content-Type": "application/json"})
    )
    return [answer for answer in answers if answer.status_code >= 400]


def fault(people, person, secrets):
    """Let requests end in faults: with their tracebacks, the logs have most to say then."""
    for sqlstate in ("XX000", "40001", "53300"):
        with trapped(people.market, Trap(sqlstate, 0, times=100)):
            body = {"email": person.email, "password": secrets["password"]}
            yield people.ask("POST", "/api/v1/auth/login", None, body)
            yield people.ask("POST", "/api/v1/auth/refresh", None, {"refresh": secrets["refresh"]})
            change = {"current": secrets["password"], "new": secrets["new password"]}
            yield people.ask("POST", "/api/v1/users/me/password", person.access, change)


def test_no_secret_is_in_any_log_line_or_refusal(people, canaries, log_lines):
    secrets, person = canaries
    world = World(people)
    refusals = provoke(people, person, world, secrets)
    faults = list(fault(people, person, secrets))
    assert len(refusals) >= 11
    assert all(answer.status_code >= 500 for answer in faults)
    logged = "\n".join(json.dumps(line, ensure_ascii=False) for line in log_lines())
    assert logged.count('"event": "request"') > 20
    assert "Traceback" in logged
    for name, secret in secrets.items():
        assert secret not in logged, f"{name} is in the log"
        for answer in (*refusals, *faults):
            assert secret not in answer.text, f"{name} is in {answer.request.url}: {answer.text}"


def test_a_callback_address_is_not_logged(people, log_lines):
    token = uuid.uuid4().hex * 2
    called = hooks(people, token)
    for path in called:
        people.ask("POST", path, None, {})
    routes = [line["route"] for line in log_lines() if line["event"] == "request"]
    assert routes == ["payments.hook.token"] * len(called)
    assert token not in json.dumps(log_lines())


def test_a_fault_tells_nothing_of_its_inside(people, canaries):
    secrets, person = canaries
    for answer in fault(people, person, secrets):
        told = answer.json()
        assert set(told) <= {"type", "title", "status", "detail", "request_id", "retry_after"}
        assert not any(word in answer.text for word in ("Traceback", "psycopg", "SELECT", "sqlalchemy", "injected"))
