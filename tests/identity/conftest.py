"""People of a test: registered, logged in, with clients of their own."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

import pytest

from marketcore.identity.services import create_user

PASSWORD = "correct horse battery"
# Logging in costs real hashing; these tests are about what happens around it.
QUICK = {
    "web__rate_limit__login": "off",
    "web__rate_limit__register": "off",
    "identity__login_attempts": "off",
    "identity__argon2_memory_kib": 1024,
    "identity__argon2_time_cost": 1,
}


@dataclass
class Person:
    """Somebody with an account and, usually, a session."""

    id: int
    email: str
    access: str
    refresh: str


class People:
    """Makes people of one marketplace and sends requests for them."""

    password = PASSWORD

    def __init__(self, market):
        self.market = market

    def call(self, method, path, token=None, **options):
        with self.market.client(token) as http:
            return http.request(method, path, **options)

    def register(self, **given):
        body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, **given}
        answer = self.call("POST", "/api/v1/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        told = answer.json()
        return Person(told["user"]["id"], told["user"]["email"], told["access"], told["refresh"])

    def log_in(self, email, password=PASSWORD):
        answer = self.call("POST", "/api/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token):
        return self.call("POST", "/api/v1/auth/refresh", json={"refresh": token})

    def me(self, token):
        return self.call("GET", "/api/v1/users/me", token)

    def admin(self, *other_roles):
        email = f"{uuid.uuid4().hex}@example.com"
        user_id = self.market.perform(create_user, email, PASSWORD, ["admin", *other_roles])
        told = self.log_in(email)
        return Person(user_id, email, told["access"], told["refresh"])

    def block(self, person, reason="unpaid bids"):
        answer = self.call("POST", f"/api/v1/users/{person.id}/block", self.admin().access, json={"reason": reason})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def quick():
    """Settings without rate limits and with cheap hashes."""
    return QUICK


@pytest.fixture
def market(make_market):
    """A served marketplace in which logging in is cheap and not limited."""
    return make_market(**QUICK)


@pytest.fixture
def people(market):
    """The people of ``market``."""
    return People(market)


@pytest.fixture
def people_of():
    """Return ``people_of(market)``, for tests with a marketplace of their own."""
    return People


@pytest.fixture
def eventually():
    """Return ``eventually(condition)``: ask again until it holds, for at most ten seconds."""

    def ask(condition):
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it never came to hold"
            time.sleep(0.02)

    return ask


TRADING_POST = """
from marketcore.plugins import Plugin

plugin = Plugin("trading_post", "Rights of every kind")


def answer(request):
    return {}


def includeme(config):
    rights = {
        "buy": ("buyer", True),
        "sell": ("seller", True),
        "talk": ("member", True),
        "look": ("buyer seller", False),
        "audit": ("admin", False),
        "glance": ("anyone", False),
    }
    for deed, (to, trade) in rights.items():
        config.declare_permission(f"trading_post.{deed}", to, trade=trade)
        config.add_route(f"trading_post.{deed}", f"/api/v1/trading_post/{deed}")
        config.add_view(
            answer, route_name=f"trading_post.{deed}", permission=f"trading_post.{deed}", renderer="json"
        )
"""


@pytest.fixture
def trading_post(make_market, tmp_path, monkeypatch):
    """A marketplace with a small plugin that has one address for each kind of right."""
    (tmp_path / "trading_post_plugin.py").write_text(TRADING_POST)
    metadata = tmp_path / "trading_post_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: trading-post-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[marketcore.plugins]\ntrading_post = trading_post_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return make_market("trading_post", **QUICK)
