"""Deadlines of payments pass while the workers that see to them die: each order expires once.

``MARKETCORE_LONG=1`` lets a hundred and seventy workers die.
"""

from __future__ import annotations

import os

import pytest

from marketcore.testing.dying import DyingWorkers

DEATHS = 170 if os.environ.get("MARKETCORE_LONG") else 12
EACH = 3  # orders whose time is over at every death


@pytest.mark.timeout(900)
def test_R28_an_unpaid_order_expires_once_and_is_one_violation_however_many_workers_die(make_bazaar):
    bazaar = make_bazaar({"violations__limit": "0", "violations__for_checkouts": "true"}, stock=10_000)
    orders = [bazaar.check_out()["orders"][0]["id"] for _ in range(DEATHS * EACH)]
    waiting, deaths = list(orders), 0
    with DyingWorkers(bazaar.market.settings) as workers:
        while deaths < DEATHS:
            make_overdue(bazaar, [waiting.pop() for _ in range(min(EACH, len(waiting)))])
            deaths += workers.die("orders.expire_unpaid")
    make_overdue(bazaar, orders)
    for _again in range(2 + len(orders) // 100):  # a hundred at a time
        bazaar.run_deadlines()
    for order_id in orders:
        assert bazaar.history(order_id) == bazaar.announced(order_id) == ["pending_payment", "expired"]
    charged = bazaar.market.query("SELECT order_id, count(*) FROM violations GROUP BY order_id")
    assert sorted(charged) == [(order_id, 1) for order_id in sorted(orders)]
    assert bazaar.stock_left() == 9_999  # the shop's own checkout still has time


def make_overdue(bazaar, order_ids):
    """Let the time to pay these orders be over."""
    bazaar.market.query(
        "UPDATE orders SET payment_due_at = market_clock() WHERE id = ANY(:ids) AND payment_due_at > market_clock()",
        ids=order_ids,
    )
