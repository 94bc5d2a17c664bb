"""A shop whose buyer breaks their word, and an admin who judges it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from marketcore.db import clock
from marketcore.ledger.verify import verify
from marketcore.orders.checkout import CheckoutService
from marketcore.testing.shop import PASSWORD, Shop
from marketcore.violations.services import ViolationService


class Court(Shop):
    """A shop with many pieces, whose buyer is awarded some and pays for few."""

    def __init__(self, market):
        super().__init__(market, stock=100)
        self.judge = self.admin()
        self.buyer_id = self.buyer_user["user"]["id"]
        self.step(self.seller, "cancelled")

    def award(self, **options):
        """Return the id of an order that the buyer has been awarded."""

        def give(request):
            due = clock.now(request.db) + timedelta(hours=1)
            checkouts = request.find_service(CheckoutService)
            return checkouts.award(self.buyer_id, self.listing["id"], 500, due, **options).id

        return self.market.perform(give)

    def order(self):
        """Return the id of an order from the buyer's cart."""
        return self.check_out()["orders"][0]["id"]

    def overdue(self):
        """Let the time of every unpaid order be up, without a journey that ends all sessions."""
        self.market.query("UPDATE orders SET payment_due_at = market_clock() WHERE state = 'pending_payment'")

    def expire(self, *orders):
        """Let the unpaid orders expire; return them."""
        self.overdue()
        self.run_deadlines()
        return list(orders)

    def take(self, who, order_id, to):
        return who.post(f"/api/v1/orders/{order_id}/steps", json={"to": to})

    def record(self, order_id, kind="unpaid"):
        service = ViolationService
        return self.market.perform(lambda r: r.find_service(service).record(self.buyer_id, order_id, kind))

    def violations(self):
        rows = self.market.query("SELECT order_id, kind FROM violations WHERE pardoned_at IS NULL ORDER BY id")
        return [tuple(row) for row in rows]

    def pardon(self, violation_id, note="the bank was closed", who=None):
        return (who or self.judge).post(f"/api/v1/violations/{violation_id}/pardon", json={"note": note})

    def ids(self):
        return [row.id for row in self.market.query("SELECT id FROM violations ORDER BY id")]

    def account(self):
        (row,) = self.market.query("SELECT * FROM users WHERE id = :id", id=self.buyer_id)
        return row

    def again(self):
        """Log the buyer in again and return a client."""
        login = {"email": self.buyer_user["user"]["email"], "password": PASSWORD}
        return self.market.client(self.market.client().post("/api/v1/auth/login", json=login).json()["access"])

    def block(self, reason="sold stolen goods"):
        answer = self.judge.post(f"/api/v1/users/{self.buyer_id}/block", json={"reason": reason})
        assert answer.status_code == 200, answer.text


@pytest.fixture
def collisions(court):
    """The deadlocks that the court's transactions meet, whether or not somebody tries again."""
    found = []

    def note(context):
        if getattr(context.original_exception, "sqlstate", None) == "40P01":
            found.append(str(context.original_exception))

    event.listen(court.market.registry["engine"], "handle_error", note)
    return found


@pytest.fixture
def make_court(make_market):
    """Return ``court(**settings)``; the books are checked at the end."""
    made = []

    def make(**settings):
        made.append(Court(make_market(**settings)))
        return made[-1]

    yield make
    for court in made:
        with court.market.registry["engine"].connect() as connection:
            assert verify(connection) == []


@pytest.fixture
def court(make_court):
    return make_court()
