"""One payment, everybody at once: one capture, one paid order, one line of history."""

from __future__ import annotations

from uuid import UUID

from gateway import call, deliver
from pile import attempts_for, order_many
from structlog.testing import capture_logs

from marketcore.payments.asking import ask
from marketcore.payments.reconciler import reconcile
from marketcore.testing.contracts import at_once

RACES = 500


def captures(till):
    return till.market.query("SELECT ref_id, count(*) AS times FROM ledger_transfers GROUP BY ref_id")


class Race:
    """One payment whose money has come, and everybody who may notice, each with a connection of its own."""

    def __init__(self, till):
        self.till = till
        self.hook, self.reader, self.payer = (till.market.client(till.buyer_user["access"]) for _ in range(3))

    def run(self, payment):
        """Let the webhook, the browser's return, the reconciler and a retry meet; return what the last was told."""
        till = self.till
        till.gateway.settle(payment, "captured")
        body, headers = call(till.gateway.event(payment, "captured"))
        till.market.query("UPDATE payments SET next_check_at = market_clock() WHERE id = :id", id=payment["id"])

        def hear():
            told = self.hook.post("/hooks/fp", content=body, headers=headers)
            till.work()
            return told.status_code

        def come_back():
            seen = self.reader.get(f"/api/v1/payments/{payment['id']}").json()["state"]
            return seen, ask(till.market.registry, UUID(payment["id"]), "fetch")

        def pay_again():
            again = {"purpose": "checkout", "reference": str(payment["checkout"]), "payer": {}}
            return self.payer.post("/api/v1/payments", json=again).status_code

        return at_once([hear, come_back, lambda: reconcile(till.market.registry), pay_again])


def test_webhook_returning_browser_reconciler_and_retry_at_one_instant_capture_once(make_till):
    till = make_till(stock=RACES + 1)
    orders = order_many(till, RACES)
    payments = attempts_for(till, orders)
    race = Race(till)
    with capture_logs():
        ended = [race.run(payment) for payment in payments]
    for heard, (seen, asked), reconciled, retried in ended:
        assert (heard, asked, retried) == (200, "captured", 409)
        assert seen in ("pending", "captured")
        assert reconciled <= 1
    query = till.market.query
    assert query("SELECT state, count(*) FROM payments GROUP BY state") == [("captured", RACES)]
    assert till.transfers() == [("capture", 50000)] * RACES
    assert {(row.ref_id, row.times) for row in captures(till)} == {(str(order), 1) for order in orders.values()}
    once = "SELECT count(*), count(DISTINCT {}) FROM {} WHERE state = '{}'"
    assert query(once.format("payment_id", "payment_history", "captured")) == [(RACES, RACES)]
    assert query(once.format("order_id", "order_history", "paid")) == [(RACES, RACES)]
    assert query(once.format("line_id", "stock_reservations", "sold")) == [(RACES, RACES)]
    assert query("SELECT count(*) FROM live_events WHERE type = 'order.paid'") == [(RACES,)]
    assert till.stock_left() == 0


def test_paying_cancelling_and_expiring_at_one_instant_leave_one_winner(make_till):
    till = make_till({"orders__payment_minutes": "15"}, stock=1000)
    ends = {"paid": 0, "cancelled": 0, "expired": 0}
    bought = 0
    till.step(till.buyer, "cancelled")
    for _round in range(30):
        payment = till.buy()
        till.market.query("UPDATE orders SET payment_due_at = market_clock() WHERE id = :id", id=till.order_id)
        till.market.query("UPDATE payments SET expires_at = market_clock() WHERE id = :id", id=payment["id"])
        event = till.gateway.event(payment, "captured")
        _heard, cancelled, _expired = at_once(
            [
                lambda event=event: (deliver(till.market.url, event), till.work()),
                lambda order=till.order_id: till.buyer.post(f"/api/v1/orders/{order}/steps", json={"to": "cancelled"}),
                till.run_deadlines,
            ]
        )
        assert cancelled.status_code in (200, 409)
        history = [change["state"] for change in till.read_order()["history"]]
        end = history[-1]
        ends[end] += 1
        bought += "paid" in history
        # Money that finds its order expired takes the goods again, so that an expired order may still end paid; and
        # what is paid can be cancelled still, for its money back.
        assert history in (
            ["pending_payment", "paid"],
            ["pending_payment", "cancelled"],
            ["pending_payment", "paid", "cancelled"],
            ["pending_payment", "expired", "paid"],
            ["pending_payment", "expired", "paid", "cancelled"],
        )
        assert bool(till.market.query("SELECT 1 FROM refunds WHERE order_id = :id", id=till.order_id)) == (
            history[-2:] == ["paid", "cancelled"]
        )
        held = till.market.query("SELECT state FROM stock_reservations WHERE order_id = :id", id=till.order_id)
        assert [state for (state,) in held] == ["sold" if end == "paid" else "released"]
    assert till.stock_left() == 1000 - ends["paid"]
    codes = [code for code, _amount in till.transfers()]
    assert codes.count("capture") == bought
    assert codes.count("refund") == bought - ends["paid"]
    assert codes.count("unapplied") == sum(ends.values()) - bought
