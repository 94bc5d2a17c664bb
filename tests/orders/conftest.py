"""A served marketplace with a seller and a buyer, money without a provider, and the books checked at the end."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from marketcore.ledger.accounts import commission as commission_account
from marketcore.ledger.accounts import order_held, seller_payable
from marketcore.ledger.services import LedgerService
from marketcore.ledger.verify import verify
from marketcore.orders.jobs import release_delivered
from marketcore.testing.shop import ADDRESS, PASSWORD, Shop, money_arrives, register


class Bazaar(Shop):
    """A shop whose checkouts are paid without a provider."""

    def put(self, listing, quantity=1, who=None):
        return (who or self.buyer).post("/api/v1/cart/items", json={"listing_id": listing["id"], "quantity": quantity})

    def place(self, who=None, **options):
        return (who or self.buyer).post("/api/v1/checkouts", json={"ship_to": ADDRESS}, **options)

    def money_arrives(self, checkout=None):
        """Let the whole total of a checkout be captured; return whether it could be used."""
        return money_arrives(self.market, (checkout or self.checkout)["id"])

    def released(self):
        """Let the job release what was delivered long enough ago."""
        self.market.perform(release_delivered)

    def person(self, role="buyer"):
        """Return a client of somebody new."""
        user = register(self.market, "buyer" if role == "admin" else role)["user"]
        if role == "admin":
            self.market.query("UPDATE users SET roles = '{admin}' WHERE id = :id", id=user["id"])
        login = {"email": user["email"], "password": PASSWORD}
        answer = self.market.client().post("/api/v1/auth/login", json=login)
        assert answer.status_code == 200, answer.text
        return self.market.client(answer.json()["access"])

    def order(self):
        (row,) = self.market.query("SELECT * FROM orders WHERE id = :id", id=self.order_id)
        return row

    def history(self, order_id=None):
        rows = self.market.query(
            "SELECT seq, state FROM order_history WHERE order_id = :id ORDER BY seq", id=order_id or self.order_id
        )
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        return [row.state for row in rows]

    def announced(self, order_id=None):
        rows = self.market.query(
            'SELECT "offset", type FROM live_events WHERE channel = :name ORDER BY "offset"',
            name=f"order:{order_id or self.order_id}",
        )
        assert [row.offset for row in rows] == list(range(1, len(rows) + 1))
        return [row.type.removeprefix("order.") for row in rows]

    def shares(self):
        """Return what is held for the order, owed to the seller and kept by the platform, in minor units."""
        order = self.order()
        accounts = (
            order_held(order.id, order.currency),
            seller_payable(order.seller_id, order.currency),
            commission_account(order.currency),
        )

        def read(request):
            balances = request.find_service(LedgerService).balances(accounts)
            return tuple(balances[account].available_minor for account in accounts)

        return self.market.perform(read)

    def to_state(self, target):
        """Take the paid order to ``target`` by its seller's steps."""
        for step in ("confirmed", "packed", "shipped", "delivered"):
            self.step(self.seller, step, **({"carrier": "Posta"} if step == "shipped" else {}))
            if step == target:
                return


class Collisions(list):
    """The deadlocks and serialization failures that the engine has met, whether or not somebody tried again."""

    def watch(self, market):
        event.listen(market.registry["engine"], "handle_error", self._note)

    def _note(self, context):
        if getattr(context.original_exception, "sqlstate", None) in ("40P01", "40001"):
            self.append(str(context.original_exception))


@pytest.fixture
def collisions(bazaar):
    """What the bazaar's transactions collide with during the test."""
    found = Collisions()
    found.watch(bazaar.market)
    return found


@pytest.fixture
def make_bazaar(make_market):
    """Return ``bazaar(settings, **shop_options)``; the books are checked at the end."""
    made = []

    def make(settings=None, **options):
        made.append(Bazaar(make_market(**(settings or {})), **options))
        return made[-1]

    yield make
    for bazaar in made:
        with bazaar.market.registry["engine"].connect() as connection:
            assert verify(connection) == []


@pytest.fixture
def bazaar(make_bazaar):
    """A bazaar whose buyers may let as much expire as they like."""
    return make_bazaar({"violations__limit": "0"})
