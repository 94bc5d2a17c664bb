"""Between the approval and the first answer: one hand-over, whoever else asks meanwhile."""

from __future__ import annotations

import threading

from marketcore.payouts.operation import PAYOUTS
from marketcore.testing.contracts import at_once


def test_only_the_hand_over_itself_knows_meanwhile_that_nothing_began(desk):
    """A question asked while the hand-over runs hears of nothing: that is not believed."""
    payout = desk.approved()
    desk.bank.scripts.append("hang")
    hand_over = threading.Thread(target=desk.work)
    hand_over.start()
    assert desk.bank.hanging.wait(20)
    seen = desk.bank.payouts.pop(payout["id"])
    desk.ask_now()
    assert desk.bank.asked == {payout["id"]: 1}
    assert desk.state(payout) == "submitting"
    assert desk.decide(payout, approve=False).status_code == 409
    desk.bank.payouts[payout["id"]] = seen
    desk.bank.released.set()
    hand_over.join(20)
    assert desk.state(payout) == "sent"
    assert desk.states(payout, applied=False) == []


def test_job_and_reconcilers_at_one_instant_hand_over_once(desk):
    registry = desk.market.registry
    for _round in range(5):
        payout = desk.approved("10.00")
        desk.market.query("UPDATE payouts SET next_check_at = market_clock() WHERE state = 'approved'")
        payout_id = desk.row(payout).id
        at_once([desk.work, desk.ask_now, lambda i=payout_id: PAYOUTS.hand_over(registry, i), desk.ask_now])
        assert desk.state(payout) == "sent"
        assert desk.bank.moved[payout["id"]] == 1


def test_a_hand_over_whose_job_was_lost_is_made_by_the_reconciler(desk):
    payout = desk.approved()
    desk.market.query("DELETE FROM jobs")
    desk.later()
    desk.ask_now()
    assert desk.state(payout) == "sent"
