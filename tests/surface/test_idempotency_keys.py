"""``Idempotency-Key``, over a view that does nothing but count its effects."""

from __future__ import annotations

import threading
import uuid

import pytest
from sqlalchemy import text

from marketcore.exceptions import Conflict
from marketcore.testing.market import Market
from marketcore.web.schema import Schema, whole

from .people import People

PATH = "/api/v1/effects"


class Effect(Schema):
    """How much to add."""

    amount = whole(0, 100)


def add_effect(request):
    """Add an effect; an amount of 13 is refused after it was written."""
    amount = request.valid.body["amount"]
    made = request.db.execute(text("INSERT INTO effects (amount) VALUES (:amount) RETURNING id"), {"amount": amount})
    effect_id = made.scalar_one()
    if amount == 13:
        raise Conflict("thirteen is refused")
    request.response.status_int = 201
    return {"amount": effect_id}


def routes(config):
    config.add_route("effects", PATH)
    config.add_route("effects.open", f"{PATH}/open")
    for route, permission in (("effects", "member"), ("effects.open", "public")):
        config.add_view(
            add_effect,
            route_name=route,
            request_method="POST",
            permission=permission,
            renderer="json",
            idempotent=True,
            openapi={"body": Effect, "responses": {201: Effect}, "refusals": [409]},
        )


@pytest.fixture
def people(make_settings):
    market = Market(make_settings(identity__argon2_memory_kib=1024, identity__argon2_time_cost=1))
    market.query("CREATE TABLE effects (id bigserial PRIMARY KEY, amount int)")
    market.config.include(routes)
    market.config.commit()
    with market.serving():
        yield People(market)
    market.close()


@pytest.fixture
def send(people):
    def ask(amount, key, role="both", path=PATH, query=""):
        token = people.token(role)
        headers = {"Idempotency-Key": key} if key else {}
        return people.ask("POST", path + query, token, {"amount": amount}, headers=headers)

    return ask


@pytest.fixture
def effects(people):
    return lambda: people.market.query("SELECT count(*) FROM effects")[0][0]


@pytest.fixture
def key():
    return uuid.uuid4().hex


def test_without_a_key_every_request_has_its_effect(send, effects):
    assert [send(1, None).status_code for _ in range(2)] == [201, 201]
    assert effects() == 2


def test_a_repeated_request_gets_the_first_answer_and_has_no_second_effect(send, effects, key):
    first, second = send(1, key), send(1, key)
    assert (second.status_code, second.content) == (first.status_code, first.content) == (201, first.content)
    assert second.headers["content-type"] == first.headers["content-type"]
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (None, "true")
    assert effects() == 1


def test_another_body_or_address_under_the_same_key_is_refused(send, effects, key):
    assert send(1, key).status_code == 201
    answer = send(2, key)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:marketcore:problem:idempotency-mismatch"
    assert effects() == 1
    assert send(1, key).headers["Idempotency-Replayed"] == "true"


def test_keys_of_two_people_are_two_keys(send, effects, key):
    assert [send(1, key, role).status_code for role in ("buyer", "seller")] == [201, 201]
    assert effects() == 2


def test_keys_of_nobody_are_not_kept(send, effects, key):
    answers = [send(1, key, "anonymous", f"{PATH}/open") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert "Idempotency-Replayed" not in answers[1].headers
    assert effects() == 2


def test_a_refused_request_leaves_neither_effect_nor_key(people, send, effects, key):
    assert [send(13, key).status_code for _ in range(2)] == [409, 409]
    assert send(500, key).status_code == 422
    assert people.market.query("SELECT * FROM idempotency_keys") == []
    assert send(1, key).status_code == 201
    assert effects() == 1


@pytest.mark.parametrize("wrong", ["short", "x" * 101, "has a space", "tab\tinside", "caf\u00e9" * 3])
def test_a_key_of_a_wrong_form_is_refused(people, effects, wrong):
    answer = people.ask(
        "POST", PATH, people.token("both"), {"amount": 1}, headers={"Idempotency-Key": wrong.encode("latin-1")}
    )
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["Idempotency-Key"]
    assert effects() == 0


def test_ten_requests_at_once_with_one_key_have_one_effect_and_one_answer(people, effects, key):
    token, answers, start = people.token("both"), [], threading.Barrier(10)

    def one():
        with people.market.client(token) as http:
            start.wait(10)
            answers.append(http.post(PATH, json={"amount": 1}, headers={"Idempotency-Key": key}))

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 9
    assert effects() == 1


def test_every_view_that_moves_money_or_stock_takes_keys(people):
    views = people.market.registry.introspector.get_category("views")
    taking = {v["introspectable"]["route_name"] for v in views if v["introspectable"].get("idempotent")}
    assert {"orders.checkouts", "orders.steps", "payments.payments"} <= taking
