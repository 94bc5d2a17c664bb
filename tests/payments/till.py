"""A till: purchases paid through fakepay, with everything that happens to their money afterwards."""

from __future__ import annotations

import pytest
from gateway import SECRET, Gateway, deliver

from marketcore.jobs.running import run_waiting
from marketcore.ledger.verify import verify
from marketcore.payments.reconciler import reconcile
from marketcore.testing.shop import Shop


class Till(Shop):
    """A shop whose payments go through fakepay: purchases, webhooks, background work and the books."""

    def __init__(self, market, gateway, **options):
        super().__init__(market, **options)
        self.gateway = gateway

    def buy(self, quantity=1):
        """Let the buyer order again and start to pay; return the payment. ``checkout`` is the new one."""
        self.checkout = self.check_out(quantity)
        return self.pay({})

    def tell(self, payment, state, **fields):
        """Let fakepay report a state by webhook, and process it."""
        answer = deliver(self.market.url, self.gateway.event(payment, state, **fields))
        assert answer.status_code == 200, answer.text
        self.work()

    def work(self):
        return run_waiting(self.market.registry)

    def ask_now(self):
        """Make every open payment due, and let the reconciler ask."""
        self.market.query("UPDATE payments SET next_check_at = market_clock() WHERE next_check_at IS NOT NULL")
        return reconcile(self.market.registry)

    def row(self, payment):
        (row,) = self.market.query("SELECT * FROM payments WHERE id = :id", id=payment["id"])
        return row

    def states(self, payment, *, applied=True):
        """Return the states a payment went through, or those of the reports that changed nothing."""
        rows = self.market.query(
            "SELECT state FROM payment_history WHERE payment_id = :id AND applied = :applied ORDER BY id",
            id=payment["id"],
            applied=applied,
        )
        return [state for (state,) in rows]

    def transfers(self):
        rows = self.market.query("SELECT code, amount FROM ledger_transfers ORDER BY code, amount")
        return [(row.code, row.amount) for row in rows]

    def order_state(self):
        return self.read_order()["state"]

    def assert_books_are_right(self):
        with self.market.registry["engine"].connect() as connection:
            assert verify(connection) == []


@pytest.fixture
def gateway():
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def make_till(make_market, gateway):
    """Return ``till(**shop_options)`` over a marketplace with ``settings``; the books are checked at the end."""
    tills = []

    def make(settings=None, **options):
        market = make_market(
            "fakepay",
            **{
                "fakepay__base_url": gateway.url,
                "fakepay__secret": SECRET,
                "payments__route__KES": "fakepay",
                **(settings or {}),
            },
        )
        tills.append(Till(market, gateway, **options))
        return tills[-1]

    yield make
    for till in tills:
        till.assert_books_are_right()


@pytest.fixture
def till(make_till):
    return make_till()
