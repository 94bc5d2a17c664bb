"""Transactions that collide are run again: injected at every statement, with one effect and few attempts."""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from marketcore.testing.shop import money_arrives

from .tables import counts
from .world import SHIP_TO, World

COLLISIONS = ("40001", "40P01")
RAISE = "DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '{}'; END $$"


class Trap:
    """Counts the statements of transactions and lets one of them collide, once or always, as the server would."""

    def __init__(self, sqlstate="", at=-1, times=1):
        self.sqlstate, self.at, self.times = sqlstate, at, times
        self.seen = self.sprung = 0
        self._lock = threading.Lock()

    def __call__(self, connection, _cursor, statement, parameters, _context, _many):
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return statement, parameters
        with self._lock:
            place, self.seen = self.seen, self.seen + 1
            spring = place >= self.at >= 0 and self.sprung < self.times
            self.sprung += spring
        return (RAISE.format(self.sqlstate), {}) if spring else (statement, parameters)


@contextmanager
def trapped(market, trap):
    engine = market.registry["engine"]
    event.listen(engine, "before_cursor_execute", trap, retval=True)
    try:
        yield trap
    finally:
        event.remove(engine, "before_cursor_execute", trap)


@pytest.fixture(scope="module")
def world(people):
    return World(people)


@pytest.fixture
def waits(monkeypatch):
    """How often a collision was waited for; the wait itself is the real one."""
    from marketcore.web import tweens

    counted, real = [], tweens.wait_before_retry
    monkeypatch.setattr(tweens, "wait_before_retry", lambda: counted.append(real()))
    return counted


class Checkout:
    """A checkout of one piece, with a key."""

    path, status = "/api/v1/checkouts", 201
    grown = {"checkouts": 1, "orders": 1, "order_lines": 1, "stock_reservations": 1, "idempotency_keys": 1}

    def __init__(self, people, world):
        self.people, self.who = people, world.buyer
        self.body = {"ship_to": SHIP_TO}
        listed = {"listing_id": world.listing["id"]}
        people.market.query("UPDATE listings SET quantity = 9, state = 'active' WHERE kind = 'fixed_price'")
        people.ask("DELETE", f"/api/v1/cart/items/{world.listing['id']}", self.who.access)
        assert people.ask("POST", "/api/v1/cart/items", self.who.access, listed).status_code == 200

    def send(self):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self.people.ask("POST", self.path, self.who.access, self.body, headers=key)

    def check(self):
        assert self.people.market.query("SELECT quantity FROM listings ORDER BY id LIMIT 1")[0][0] == 8


class Receipt(Checkout):
    """The buyer's word that the goods have arrived, which pays the seller."""

    status = 200
    grown = {"ledger_transfers": 2, "idempotency_keys": 1}

    def __init__(self, people, world):
        super().__init__(people, world)
        checkout = self.send().json()
        self.order_id = checkout["orders"][0]["id"]
        self.path, self.body = f"/api/v1/orders/{self.order_id}/steps", {"to": "delivered"}
        money_arrives(people.market, checkout["id"], "mpesa")
        people.market.query("UPDATE orders SET state = 'shipped' WHERE id = :id", id=self.order_id)

    def check(self):
        rows = self.people.market.query("SELECT state FROM orders WHERE id = :id", id=self.order_id)
        assert rows[0][0] == "completed"


@pytest.fixture(params=[Checkout, Receipt], ids=["checkout", "receipt"])
def purchase(request, people, world):
    return lambda: request.param(people, world)


def statements_of(people, purchase):
    tried = purchase()
    with trapped(people.market, Trap()) as trap:
        assert tried.send().status_code == tried.status
    return trap.seen


def difference(before, after):
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


@pytest.mark.parametrize("sqlstate", COLLISIONS)
def test_a_collision_at_any_statement_is_retried_with_one_effect(people, purchase, waits, sqlstate):
    statements = statements_of(people, purchase)
    assert statements >= 5
    for place in range(statements):
        tried = purchase()
        before = counts(people.market)
        with trapped(people.market, Trap(sqlstate, place)) as trap:
            answer = tried.send()
        assert trap.sprung == 1
        assert answer.status_code == tried.status, (place, answer.text)
        grown = difference(before, counts(people.market))
        assert {name: grown.get(name) for name in tried.grown} == tried.grown, place
        tried.check()
    assert len(waits) == statements


def test_a_transaction_that_collides_three_times_is_given_up_as_unavailable_and_writes_nothing(people, purchase, waits):
    tried = purchase()
    before = counts(people.market)
    with trapped(people.market, Trap("40001", 2, times=100)) as trap:
        answer = tried.send()
    assert trap.sprung == 3
    assert len(waits) == 2
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert counts(people.market) == before
    assert tried.send().status_code == tried.status


def test_attempts_of_one_request_share_its_id_and_count_as_one_answer(people, purchase, log_lines):
    tried = purchase()
    before = len(log_lines())
    with trapped(people.market, Trap("40001", 3)):
        answer = tried.send()
    assert answer.status_code == tried.status
    told = [line for line in log_lines()[before:] if line.get("event") in ("transaction_collided", "request")]
    assert [line["event"] for line in told] == ["transaction_collided", "request"]
    assert {line["request_id"] for line in told} == {answer.headers["X-Request-Id"]}
    assert told[-1]["status"] == tried.status
