"""A served marketplace, people who are logged in, and jobs that run when a test says so."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from marketcore.directives import table
from marketcore.identity.sessions import Caller, SessionService
from marketcore.jobs.running import run_waiting
from marketcore.testing.market import Market


@dataclass
class Person:
    """Somebody with an account and a client of their own."""

    id: int
    token: str
    http: httpx.Client


class Shop:
    """A marketplace with sign-up and jobs in the hands of the test."""

    def __init__(self, market: Market, stack: ExitStack) -> None:
        self.market = market
        self._stack = stack
        self.guest = stack.enter_context(market.client())

    def person(self, *roles: str, blocked: bool = False) -> Person:
        """Return somebody new with ``roles``, logged in."""
        name = f"p{uuid.uuid4().hex[:12]}"
        ((user_id,),) = self.market.query(
            """INSERT INTO users (email, username, password_hash, roles, blocked_at)
               VALUES (:email, :name, '!', CAST(:roles AS varchar[]), CASE WHEN :blocked THEN market_clock() END)
               RETURNING id""",
            email=f"{name}@example.com",
            name=name,
            roles=list(roles),
            blocked=blocked,
        )
        with self.market.work() as request:
            tokens = request.find_service(SessionService).open(user_id, "!", Caller("tests", "127.0.0.1"))
        return Person(user_id, tokens.access, self._stack.enter_context(self.market.client(tokens.access)))

    def run_jobs(self) -> int:
        """Run what has been enqueued, as a worker would; return how many jobs that were."""
        return run_waiting(self.market.registry)

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
            return Shop(make_market(**{"web__rate_limit__upload": "off", **settings}), stack)

        yield shop


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A marketplace with the core's defaults."""
    return make_shop()
