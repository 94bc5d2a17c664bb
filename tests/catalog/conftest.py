"""A served marketplace with people who say who they are in a header, and jobs that run when a test says so."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from marketcore.directives import table
from marketcore.exceptions import Blocked, Forbidden, NotAuthenticated
from marketcore.testing.market import Market

INCLUDE = "marketcore_catalog_tests"
sys.modules[INCLUDE] = sys.modules[__name__]


@dataclass(frozen=True)
class Identity:
    """Who is asking."""

    user_id: int
    roles: frozenset[str]
    session_id: uuid.UUID
    blocked: bool


class HeaderPolicy:
    """Believes ``X-Test-User: id:role,role`` (``!`` before the id: blocked)."""

    def identity(self, request: Any) -> Identity | None:
        number, _colon, roles = request.headers.get("X-Test-User", "").partition(":")
        if not number:
            return None
        return Identity(int(number.lstrip("!")), frozenset(roles.split(",")), uuid.uuid4(), number.startswith("!"))

    def authenticated_userid(self, request: Any) -> int | None:
        return request.identity.user_id if request.identity else None

    def permits(self, request: Any, context: Any, permission: str) -> bool:
        right = table(request.registry, "permissions declared")[permission]
        if "anyone" in right.to:
            return True
        if request.identity is None or (right.trade and request.identity.blocked):
            return False
        return "member" in right.to or bool(right.to & request.identity.roles)


def denied(request: Any) -> Exception:
    if request.identity is None:
        return NotAuthenticated()
    return Blocked() if request.identity.blocked else Forbidden()


def enqueue(request: Any, name: str, **arguments: Any) -> None:
    queue = request.registry["test_queue"]
    request.tm.get().addAfterCommitHook(lambda committed: committed and queue.append((name, arguments)))


def includeme(config: Any) -> None:
    config.set_security_policy(HeaderPolicy())
    config.registry["denied"] = denied
    config.registry["test_queue"] = []
    config.add_request_method(enqueue)


@dataclass
class Person:
    """Somebody with an account and a client of their own."""

    id: int
    http: httpx.Client


class Shop:
    """A marketplace with sign-up and jobs in the hands of the test."""

    def __init__(self, market: Market, stack: ExitStack) -> None:
        self.market = market
        self._stack = stack
        self.guest = stack.enter_context(market.client())

    def person(self, *roles: str, blocked: bool = False) -> Person:
        """Return somebody new with ``roles``."""
        name = f"p{uuid.uuid4().hex[:12]}"
        ((user_id,),) = self.market.query(
            """INSERT INTO users (email, username, password_hash, roles)
               VALUES (:email, :name, '!', CAST(:roles AS varchar[])) RETURNING id""",
            email=f"{name}@example.com",
            name=name,
            roles=list(roles),
        )
        header = f"{'!' if blocked else ''}{user_id}:{','.join(roles)}"
        client = self.market.client()
        client.headers["X-Test-User"] = header
        return Person(user_id, self._stack.enter_context(client))

    def run_jobs(self) -> list[str]:
        """Run what has been enqueued, as a worker would; return the names."""
        queue, done = self.market.registry["test_queue"], []
        while queue:
            name, arguments = queue.pop(0)
            self.market.perform(table(self.market.registry, "jobs")[name].run, **arguments)
            done.append(name)
        return done

    def run_periodic(self, name: str) -> None:
        """Run a periodic job once."""
        self.market.perform(table(self.market.registry, "jobs")[name].run)

    def product(self, seller: Person, title: str = "Teapot", **fields: Any) -> int:
        """Add a product and return its id."""
        answer = seller.http.post("/api/v1/products", json={"title": title, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def listing(self, seller: Person, product_id: int, amount: str = "500.00", **fields: Any) -> int:
        """Put a product on sale at a fixed price and return the listing's id."""
        offer = {"price": {"amount": amount, "currency": fields.pop("currency", "KES")}, "quantity": 3, **fields}
        answer = seller.http.post("/api/v1/listings", json={"product_id": product_id, "fixed_price": offer})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def category(self, admin: Person, name: str, parent_id: int | None = None) -> dict[str, Any]:
        """Add a category and return its document."""
        body = {"name": name} | ({"parent_id": parent_id} if parent_id else {})
        answer = admin.http.post("/api/v1/categories", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def count(self, relation: str) -> int:
        """Return the number of rows of a table."""
        return self.market.query(f"SELECT count(*) FROM {relation}")[0][0]


@pytest.fixture
def make_shop(make_market: Callable[..., Market]) -> Iterator[Callable[..., Shop]]:
    """Return ``shop(**settings)``: a served marketplace with those settings."""
    with ExitStack() as stack:

        def shop(**settings: Any) -> Shop:
            options = {"pyramid__includes": INCLUDE, "web__rate_limit__upload": "off", **settings}
            return Shop(make_market(**options), stack)

        yield shop


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A marketplace with the core's defaults."""
    return make_shop()
