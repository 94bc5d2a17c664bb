"""One payment, everybody at once: one capture, one paid order, one line of history."""

from __future__ import annotations

from gateway import deliver

from marketcore.payments.asking import ask
from marketcore.testing.contracts import at_once

ROUNDS = 50


def captures(till):
    return till.market.query("SELECT ref_id, count(*) AS times FROM ledger_transfers GROUP BY ref_id")


def test_webhook_question_reconciler_and_retry_at_one_instant_capture_once(make_till):
    till = make_till(stock=1000)
    registry = till.market.registry
    for round_ in range(ROUNDS):
        payment = till.buy()
        till.gateway.settle(payment, "captured")
        event = till.gateway.event(payment, "captured")

        def hear(event=event):
            answer = deliver(till.market.url, event)
            till.work()
            return answer.status_code

        def wonder(payment=payment):
            return ask(registry, till.row(payment).id, "fetch")

        heard, asked, _reconciled, retried = at_once([hear, wonder, till.ask_now, lambda: till.start_payment({})])
        assert (heard, asked, retried.status_code) == (200, "captured", 409)
        assert till.states(payment).count("captured") == 1
        assert till.order_state() == "paid"
        assert len(captures(till)) == round_ + 1
    assert {row.times for row in captures(till)} == {1}
    ((paid,),) = till.market.query("SELECT count(*) FROM order_history WHERE state = 'paid'")
    assert paid == ROUNDS
    assert till.stock_left() == 1000 - 1 - ROUNDS


def test_paying_cancelling_and_expiring_at_one_instant_leave_one_winner(make_till):
    till = make_till({"orders__payment_minutes": "15"}, stock=1000)
    ends = {"paid": 0, "cancelled": 0, "expired": 0}
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
        # Money that finds its order expired takes the goods again, so that an expired order may still end paid.
        assert history in (
            ["pending_payment", "paid"],
            ["pending_payment", "cancelled"],
            ["pending_payment", "expired", "paid"],
        )
        held = till.market.query("SELECT state FROM stock_reservations WHERE order_id = :id", id=till.order_id)
        assert [state for (state,) in held] == ["sold" if end == "paid" else "released"]
    assert till.stock_left() == 1000 - ends["paid"]
    codes = [code for code, _amount in till.transfers()]
    assert codes.count("capture") == ends["paid"]
    assert codes.count("unapplied") == ends["cancelled"]
