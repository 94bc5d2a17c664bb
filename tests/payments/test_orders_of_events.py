"""Signed reports in every order, before and after the attempt they are about is known: one end, money once."""

from __future__ import annotations

import os
from itertools import permutations

import pytest
from gateway import call
from pile import at_fakepay, order_many, write
from structlog.testing import capture_logs

from marketcore.payments import inbox
from marketcore.states import PAYMENT_TRANSITIONS, PaymentState

LONG = bool(os.environ.get("MARKETCORE_LONG"))

WORDS = ("pending", "authorized", "failed", "expired", "captured")
ORDERS = [words for length in range(1, 6) for words in permutations(WORDS, length)]


class Story:
    """The reports about one payment in the order they come, of which ``early`` come before it is written down."""

    def __init__(self, till, checkout, words, early):
        self.till, self.words, self.early = till, words, early
        self.payment = at_fakepay(till, checkout)

    def ends_as(self):
        """Return the states in which it may end: money that came outweighs everything, whenever it is heard of.

        Else the table decides, as far as the order is known: what comes early waits, and is tried again in any order.
        """
        if "captured" in self.words:
            return {"captured"}
        if self.early:
            return set(self.words)
        state = PaymentState.PENDING
        for word in self.words:
            state = PaymentState(word) if word in PAYMENT_TRANSITIONS[state] else state
        return {state}


def hear(till, http, stories, place):
    """Let the report at ``place`` of every story come, and be worked off."""
    for story in stories:
        if place < len(story.words):
            body, headers = call(till.gateway.event(story.payment, story.words[place]))
            assert http.post("/hooks/fp", content=body, headers=headers).status_code == 200
    till.work()


def retry_what_waits(till):
    till.market.query("UPDATE webhook_inbox SET next_at = market_clock() WHERE status = 'failed'")
    for inbox_id in till.market.perform(inbox.due, 10_000):
        inbox.process(till.market.registry, inbox_id)


_ENDS = """
    SELECT p.id, p.state, o.state AS order_state,
           (SELECT count(*) FROM ledger_transfers WHERE ref_type = 'order' AND ref_id = CAST(o.id AS text)) AS moved,
           (SELECT count(*) FROM payment_history h WHERE h.payment_id = p.id AND h.applied AND h.state = 'captured')
             AS captures
    FROM payments p JOIN orders o ON CAST(o.checkout_id AS text) = p.reference
"""


@pytest.mark.parametrize("shift", range(len(WORDS) + 1) if LONG else [0])
def test_events_in_every_order_lead_to_one_end(make_till, shift):
    """Each order once, cut at one place between early and late reports; the long form cuts each at every place."""
    with capture_logs():
        tell_every_story(make_till, shift)


def tell_every_story(make_till, shift):
    till = make_till(stock=len(ORDERS) + 1)
    checkouts = order_many(till, len(ORDERS))
    stories = [
        Story(till, checkout, words, (number + shift) % (len(words) + 1))
        for number, (checkout, words) in enumerate(zip(checkouts, ORDERS, strict=True))
    ]
    http = till.market.client()
    for place in range(len(WORDS) + 1):
        write(till, [story.payment for story in stories if story.early == place])
        hear(till, http, stories, place)
    retry_what_waits(till)

    ends = {str(row.id): row for row in till.market.query(_ENDS)}
    assert len(ends) == len(stories) == 325
    for story in stories:
        end, paid = ends[story.payment["id"]], "captured" in story.words
        assert end.state in story.ends_as(), (story.words, story.early, end.state)
        assert (end.order_state, end.moved, end.captures) == (("paid", 1, 1) if paid else ("pending_payment", 0, 0)), (
            story.words
        )
    told = sum(map(len, ORDERS))
    assert till.market.query("SELECT status, count(*) FROM webhook_inbox GROUP BY status") == [("done", told)]
