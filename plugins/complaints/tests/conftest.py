"""A marketplace with complaints, and an order that has arrived and is paid, its money still held."""

from __future__ import annotations

import pytest

from marketcore.ledger.verify import verify
from marketcore.orders.jobs import release_delivered
from marketcore.testing.shop import Shop, money_arrives

PAID, FEE = 50_000, 1_000
TOLD = {"category": "damaged", "subject": "It is torn", "body": "The handle came off at once."}


class Counter(Shop):
    """A shop at whose counter people complain."""

    def deliver(self):
        """Let the money arrive and the seller say that the goods have; the time for objections is over."""
        assert money_arrives(self.market, self.checkout["id"])
        for to in ("confirmed", "packed", "shipped", "delivered"):
            self.step(self.seller, to, **({"carrier": "Posta"} if to == "shipped" else {}))
        self.market.query("UPDATE orders SET release_at = market_clock() WHERE id = :id", id=self.order_id)

    def complain(self, who=None, **told):
        about = {} if {"product_id", "user_id"} & set(told) else {"order_id": self.order_id}
        return (who or self.buyer).post("/api/v1/complaints", json={**about, **TOLD, **told})

    def decide(self, complaint, admin, outcome="resolved", **more):
        body = {"outcome": outcome, "reason": "We have seen the pictures.", **more}
        return admin.post(f"/api/v1/complaints/{complaint['id']}/decision", json=body)

    def release(self):
        self.market.perform(release_delivered)

    def order(self):
        (row,) = self.market.query("SELECT * FROM orders WHERE id = :id", id=self.order_id)
        return row

    def books(self):
        """Return what is wrong with the ledger."""
        with self.market.registry["engine"].connect() as connection:
            return verify(connection)

    def standing(self, purpose):
        """Return what stands on all accounts of a purpose, in minor units."""
        rows = self.market.query(
            """SELECT coalesce(sum(credits_posted - debits_posted), 0) AS minor FROM ledger_accounts
               WHERE purpose = :purpose""",
            purpose=purpose,
        )
        return int(rows[0].minor)

    def told(self, type):
        rows = self.market.query("SELECT user_id FROM notifications WHERE type = :type ORDER BY user_id", type=type)
        return [row.user_id for row in rows]

    @property
    def buyer_id(self):
        return self.buyer_user["user"]["id"]

    @property
    def seller_id(self):
        return self.seller_user["user"]["id"]


@pytest.fixture
def counter(make_market):
    """A counter with a delivered order; the books are right in the end."""
    counter = Counter(make_market("complaints"))
    counter.deliver()
    yield counter
    assert counter.books() == []
