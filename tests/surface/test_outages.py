"""A database or a Redis that goes away: what is answered meanwhile, and that everything comes back by itself."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from marketcore.testing.market import Market

from .cable import Cable
from .people import People


def through(url: str, default_port: int) -> tuple[Cable, str]:
    """Return a cable to the server of ``url``, and the URL through it."""
    parsed = make_url(url)
    cable = Cable(parsed.host, parsed.port or default_port)
    return cable, parsed.set(host="127.0.0.1", port=cable.port).render_as_string(hide_password=False)


@pytest.fixture
def plugged(make_settings):
    """A market whose database and Redis hang on cables: ``(people, database cable, Redis cable)``."""
    settings = make_settings(
        identity__argon2_memory_kib=1024, identity__argon2_time_cost=1, web__rate_limit__register="1000/minute"
    )
    database, database_url = through(settings["marketcore.database_url"], 5432)
    redis, redis_url = through(settings["marketcore.redis_url"], 6379)
    market = Market({**settings, "marketcore.database_url": database_url, "marketcore.redis_url": redis_url})
    with market.serving():
        yield People(market), database, redis
    market.close()
    database.close()
    redis.close()


def newcomer(n: int) -> dict[str, str]:
    return {"email": f"newcomer-{n}@example.test", "password": "correct horse battery staple"}


def test_without_its_database_the_process_lives_is_not_ready_and_recovers(plugged):
    people, database, _redis = plugged
    token = people.known("both").access
    assert people.http.get("/readyz").status_code == 200
    database.cut()
    assert people.http.get("/healthz").status_code == 200
    for method, path, body in (
        ("GET", "/readyz", None),
        ("GET", "/api/v1/categories", None),
        ("GET", "/api/v1/orders", None),
        ("POST", "/api/v1/products", {"title": "A kiondo"}),
        ("POST", "/api/v1/auth/login", {"email": "a@b", "password": "x"}),
    ):
        answer = people.ask(method, path, token, body)
        assert answer.status_code == 503, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:marketcore:problem:unavailable"
        assert "127.0.0.1" not in answer.text
    database.mend()
    for path in ("/readyz", "/api/v1/orders"):
        assert people.ask("GET", path, token).status_code == 200, path


def test_connections_that_broke_while_idle_are_replaced_unseen(plugged):
    people, database, _redis = plugged
    token = people.known("both").access
    database.cut()
    database.mend()
    assert people.ask("GET", "/api/v1/orders", token).status_code == 200
    assert people.http.get("/readyz").status_code == 200


def test_without_redis_everything_is_served_and_nothing_is_limited(plugged):
    people, _database, redis = plugged
    limited = people.ask("POST", "/api/v1/auth/register", None, newcomer(1))
    assert limited.status_code == 201
    assert "RateLimit" in limited.headers
    redis.cut()
    free = people.ask("POST", "/api/v1/auth/register", None, newcomer(2))
    assert free.status_code == 201
    assert "RateLimit" not in free.headers
    token = free.json()["access"]
    assert people.ask("GET", "/api/v1/orders", token).status_code == 200
    assert people.http.get("/readyz").status_code == 200
    redis.mend()
    assert "RateLimit" in people.ask("POST", "/api/v1/auth/register", None, newcomer(3)).headers
