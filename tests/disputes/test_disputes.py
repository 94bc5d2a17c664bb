"""Disputes: what a bank contests is set apart wherever it is by then, and ends where it belongs, once."""

from __future__ import annotations

import httpx
import pytest
from back_office import decimal
from gateway import call, deliver

from marketcore.orders.jobs import release_delivered
from marketcore.testing.contracts import at_once

CHARGE = 50_000
FEE = 1_000


def dispute_row(office, reference="dp-1"):
    (row,) = office.market.query("SELECT * FROM disputes WHERE provider_reference = :r", r=reference)
    return row


def inbox(office):
    return [row.status for row in office.market.query("SELECT status FROM webhook_inbox ORDER BY id")]


def announced(office):
    rows = office.market.query(
        'SELECT type FROM live_events WHERE channel = :name ORDER BY "offset"', name=f"order:{office.order_id}"
    )
    return [row.type for row in rows]


# Where the money is when the bank contests it: (held, payable, debt, commission) before, while open, lost, won.
PLACES = {
    "held": ((CHARGE, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (CHARGE, 0, 0, 0)),
    "released": ((0, 49_000, 0, FEE), (0, 0, 0, 0), (0, 0, 0, 0), (0, 49_000, 0, FEE)),
    "paid out": ((0, 0, 0, FEE), (0, 0, 49_000, 0), (0, 0, 49_000, 0), (0, 0, 0, FEE)),
    "half paid out": ((0, 19_000, 0, FEE), (0, 0, 30_000, 0), (0, 0, 30_000, 0), (0, 19_000, 0, FEE)),
}


def bring_to(office, place):
    payment = office.paid()
    if place != "held":
        office.complete()
    if place.endswith("paid out"):
        office.pay_out(49_000 if place == "paid out" else 30_000)
    return payment


@pytest.mark.parametrize("place", PLACES)
def test_contested_money_is_set_apart_wherever_it_is_and_goes_where_the_dispute_ends(office, place):
    payment, (before, apart, lost, won) = bring_to(office, place), PLACES[place]
    state, clearing = office.order_state(), office.clearing()
    assert office.money() == before
    for reference, end, after, gone in (("dp-1", "won", won, 0), ("dp-2", "lost", lost, CHARGE)):
        office.contest(reference, "open", CHARGE, id=payment["id"], reason="fraudulent")
        assert (office.order_state(), office.money(), office.clearing()) == ("disputed", apart, clearing)
        assert (office.order().disputed_from, office.order().disputed_minor) == (state, CHARGE)
        office.assert_books_are_right()
        office.contest(reference, end, CHARGE, id=payment["id"])
        assert (office.money(), office.clearing()) == (after, clearing - gone)
        order = office.order()
        assert (order.state, order.refunded_minor) == ("refunded" if gone else state, gone)
        assert (order.disputed_minor, order.disputed_from) == (0, None)
        assert (dispute_row(office, reference).state, dispute_row(office, reference).taken_minor) == (end, CHARGE)
        assert dispute_row(office, reference).closed_at is not None
    assert announced(office).count("order.dispute") == 4
    steps = office.market.query("SELECT previous, state FROM operation_history WHERE subject = 'dispute' ORDER BY id")
    assert [tuple(step) for step in steps] == [("new", "open"), ("open", "won"), ("new", "open"), ("open", "lost")]


ORDERS = [["end"], ["end", "open"], ["open", "open", "end", "end"], ["end", "end", "open"]]


@pytest.mark.parametrize("end", ["lost", "won"])
def test_reports_in_any_order_and_number_end_the_same(office, end):
    for number, order in enumerate(ORDERS):
        payment, before = office.paid(1), office.money()
        office.complete()
        for word in order:
            office.contest(f"dp-{number}", "open" if word == "open" else end, 20_000, id=payment["id"])
        # 2 % of what the bank took is the platform's loss, the rest the seller's.
        gained = (0, 29_400, 0, 600) if end == "lost" else (0, 49_000, 0, FEE)
        assert tuple(now - then for now, then in zip(office.money(), (0, *before[1:]), strict=True)) == gained
        assert office.history()[-3:] == ["completed", "disputed", "completed"]
        assert office.order().refunded_minor == (20_000 if end == "lost" else 0)
        moved = office.market.query(
            """SELECT code FROM ledger_transfers WHERE code LIKE 'dispute%' AND ref_id IN (:order, :dispute)
               ORDER BY code""",
            order=str(office.order_id),
            dispute=str(dispute_row(office, f"dp-{number}").id),
        )
        back = ["dispute_lost"] if end == "lost" else ["dispute_restored", "dispute_restored_commission"]
        assert [code for (code,) in moved] == ["dispute", "dispute_commission", *back]
    assert set(inbox(office)) == {"done"}


def test_a_dispute_that_has_ended_does_not_end_otherwise(office, capsys):
    payment = office.paid()
    office.contest("dp-1", "won", CHARGE, id=payment["id"])
    capsys.readouterr()
    office.contest("dp-1", "lost", CHARGE, id=payment["id"])
    assert "dispute_step_refused" in capsys.readouterr().out
    assert (dispute_row(office).state, office.order_state()) == ("won", "paid")
    refused = office.market.query("SELECT state FROM operation_history WHERE subject = 'dispute' AND NOT applied")
    assert [state for (state,) in refused] == ["lost"]


def test_the_first_amount_of_a_dispute_counts_and_another_is_loud(office, capsys):
    payment = office.paid()
    office.contest("dp-1", "open", 20_000, id=payment["id"])
    capsys.readouterr()
    office.contest("dp-1", "open", 30_000, id=payment["id"], reason="more of it")
    assert "dispute_amount_differs" in capsys.readouterr().out
    office.contest("dp-1", "lost", 30_000, id=payment["id"])
    assert (dispute_row(office).amount_minor, office.money()[0]) == (20_000, 30_000)
    assert dispute_row(office).reason == "more of it"


def test_a_payment_is_found_by_our_id_or_by_what_the_provider_calls_it(office):
    payment = office.paid()
    row = office.row(payment)
    known = {"id": payment["id"], "reference": row.provider_reference, "receipt": row.provider_receipt}
    for name, value in known.items():
        office.contest(f"by {name}", "open", 1_000, **{name: value})
        assert str(dispute_row(office, f"by {name}").payment_id) == payment["id"]


def test_a_dispute_about_no_payment_of_ours_is_tried_again_and_in_the_end_dead_and_loud(office, capsys):
    payment = office.pay({})
    office.contest("dp-1", "open", CHARGE, reference="nobody's")
    office.contest("dp-2", "open", CHARGE, id=payment["id"])  # whose money has not come yet
    assert inbox(office) == ["failed", "failed"]
    office.tell(payment, "captured")
    for _time in range(10):
        office.market.query("UPDATE webhook_inbox SET next_at = market_clock(), lease_until = NULL")
        office.sweep()
    assert inbox(office) == ["dead", "done", "done"]
    assert "webhook_dead" in capsys.readouterr().out
    assert office.order_state() == "disputed"


def test_a_dispute_that_nobody_signed_changes_nothing_and_is_loud(office, capsys):
    payment = office.paid()
    event = office.gateway.dispute_event("dp-1", "lost", CHARGE, "KES", id=payment["id"])
    body, headers = call({**event, "trusted": False})
    address = office.gateway.payments[payment["id"]]["callback_url"]
    assert httpx.post(address, content=body, headers=headers, trust_env=False).status_code == 200
    office.work()
    assert "dispute_not_believed" in capsys.readouterr().out
    assert (office.market.query("SELECT * FROM disputes"), office.order_state()) == ([], "paid")


def test_a_disputed_order_is_neither_stepped_nor_released_nor_refunded(office):
    payment = office.paid()
    office.walk("confirmed", "packed", "shipped", "delivered")
    office.market.query("UPDATE orders SET release_at = market_clock()")
    due = office.order().release_at
    office.contest("dp-1", "open", 10_000, id=payment["id"])
    office.release()
    for who in (office.buyer, office.seller, office.admin):
        for to in ("completed", "cancelled", "delivered", "confirmed"):
            body = {"to": to}
            assert who.post(f"/api/v1/orders/{office.order_id}/steps", json=body).status_code in (403, 409)
    assert office.refund("1.00").status_code == 409
    assert office.refund("1.00", who=office.admin).status_code == 409
    assert (office.order_state(), office.money()) == ("disputed", (40_000, 0, 0, 0))
    office.contest("dp-1", "won", 10_000, id=payment["id"])
    assert (office.order_state(), office.order().release_at) == ("delivered", due)
    office.release()
    assert office.money() == (0, 49_000, 0, FEE)


def test_what_is_left_after_a_lost_dispute_is_refunded_and_released_as_ever(office):
    payment = office.paid()
    office.contest("dp-1", "lost", 20_001, id=payment["id"])
    assert office.refund("300.00").status_code == 409
    office.refunded("99.99")
    office.complete()
    # The platform keeps 2 % of the 200.00 that stay, of which the seller has the rest.
    assert office.money() == (0, 19_600, 0, 400)
    office.refunded()
    assert (office.order_state(), office.money()) == ("refunded", (0, 0, 0, 0))
    assert office.clearing() == 0


def test_a_dispute_takes_at_most_what_is_left_and_the_rest_is_loud(office, capsys):
    payment = office.paid()
    office.refunded("450.00")
    capsys.readouterr()
    office.contest("dp-1", "open", CHARGE, id=payment["id"])
    assert "dispute_exceeds_orders" in capsys.readouterr().out
    assert (dispute_row(office).amount_minor, dispute_row(office).taken_minor) == (CHARGE, 5_000)
    office.contest("dp-1", "lost", CHARGE, id=payment["id"])
    assert (office.order_state(), office.clearing()) == ("refunded", 0)


def test_two_disputes_of_one_payment_share_it_and_the_order_waits_for_both(office):
    payment = office.paid()
    office.walk("confirmed")
    office.contest("dp-1", "open", 30_000, id=payment["id"])
    office.contest("dp-2", "open", 30_000, id=payment["id"])
    assert (office.order().disputed_minor, office.money()[0]) == (CHARGE, 0)
    office.contest("dp-1", "won", 30_000, id=payment["id"])
    assert (office.order_state(), office.order().disputed_from) == ("disputed", "confirmed")
    office.contest("dp-2", "lost", 30_000, id=payment["id"])
    assert (office.order_state(), office.money()[0]) == ("confirmed", 30_000)
    assert office.history()[-3:] == ["confirmed", "disputed", "confirmed"]


def test_which_of_two_disputes_ends_first_makes_no_difference_to_a_unit(make_office):
    """Odd parts of an odd total at an odd rate: the platform's share is rounded for all that is gone, not for each."""
    office = make_office({"orders__commission_bp": "3333"}, price="1.01", stock=100)
    for ends in (("won", "lost"), ("lost", "won")):
        found = set()
        for first, second in ((0, 1), (1, 0)):
            payment, start = office.paid(1), (0, *office.money()[1:])
            office.complete()
            opened = [(f"dp-{payment['id']}-{n}", minor) for n, minor in enumerate((1, 1))]
            for reference, minor in opened:
                office.contest(reference, "open", minor, id=payment["id"])
            for n in (first, second):
                office.contest(opened[n][0], ends[n], opened[n][1], id=payment["id"])
            found.add(tuple(now - then for now, then in zip(office.money(), start, strict=True)))
            office.refunded()
            assert office.money() == start
        assert len(found) == 1


def test_a_debt_is_settled_by_the_next_release_and_a_dispute_won_after_that_pays_the_seller(office):
    payment = office.paid()
    office.complete()
    office.pay_out(49_000)
    office.contest("dp-1", "open", CHARGE, id=payment["id"])
    contested = office.checkout
    office.paid(2)
    office.complete()
    assert office.money() == (0, 49_000, 0, 2_000)
    office.contest("dp-1", "won", CHARGE, id=payment["id"])
    assert office.money() == (0, 98_000, 0, 3_000)
    office.checkout = contested
    assert office.order_state() == "completed"


def test_money_of_several_sellers_is_contested_in_proportion_to_what_is_left_of_each(office):
    other, third = office.another_shop("250.00"), office.another_shop("250.01")
    mine, theirs, last = office.baskets(other, third)
    payment = office.paid()
    office.complete(theirs, other.seller)
    office.refunded("100.00", order_id=mine)
    office.contest("dp-1", "open", 30_000, id=payment["id"])
    parts = office.market.query("SELECT order_id, amount_minor FROM dispute_parts ORDER BY order_id")
    assert [tuple(part) for part in parts] == [(mine, 13_333), (theirs, 8_333), (last, 8_334)]
    assert [office.order(id).state for id in (mine, theirs, last)] == ["disputed"] * 3
    office.contest("dp-1", "lost", 30_000, id=payment["id"])
    assert [office.order(id).state for id in (mine, theirs, last)] == ["paid", "completed", "paid"]
    assert [office.order(id).refunded_minor for id in (mine, theirs, last)] == [23_333, 8_333, 8_334]


def test_the_whole_of_a_basket_may_be_lost(office):
    other = office.another_shop("0.01")
    orders = office.baskets(other)
    payment = office.paid()
    office.contest("dp-0", "open", 1, id=payment["id"])
    assert [office.order(id).state for id in orders] == ["disputed", "paid"]
    office.contest("dp-1", "lost", 50_000, id=payment["id"])
    office.contest("dp-0", "lost", 1, id=payment["id"])
    assert [office.order(id).state for id in orders] == ["refunded", "refunded"]
    assert office.clearing() == 0


@pytest.mark.parametrize(("currency", "price", "minor"), [("KWD", "1.005", 502), ("JPY", "1005", 502)])
def test_currencies_with_three_and_no_decimals(make_office, currency, price, minor):
    office = make_office(price=price, currency=currency)
    payment = office.paid()
    office.complete()
    assert office.money() == (0, 985, 0, 20)
    office.contest("dp-1", "lost", minor, currency, id=payment["id"])
    assert office.money() == (0, 493, 0, 10)
    assert office.clearing(currency=currency) == 503
    shown = office.admin.get("/api/v1/disputes").json()["items"][0]
    assert shown["amount"] == {"amount": decimal(minor, currency), "currency": currency}


def test_a_dispute_in_another_currency_is_kept_and_takes_nothing(office, capsys):
    payment = office.paid()
    office.contest("dp-1", "open", 300, "USD", id=payment["id"])
    assert "dispute_takes_nothing" in capsys.readouterr().out
    office.contest("dp-1", "lost", 300, "USD", id=payment["id"])
    assert (dispute_row(office).state, dispute_row(office).taken_minor) == ("lost", 0)
    assert office.money() == (CHARGE, 0, 0, 0)


def test_a_dispute_about_something_that_cannot_be_contested_is_kept_and_loud(office, capsys):
    payment = office.paid()
    office.market.query("UPDATE payments SET purpose = 'of a plugin switched off'")
    office.contest("dp-1", "open", CHARGE, id=payment["id"])
    assert "dispute_takes_nothing" in capsys.readouterr().out
    office.contest("dp-1", "lost", CHARGE, id=payment["id"])
    assert (dispute_row(office).state, dispute_row(office).taken_minor, office.order_state()) == ("lost", 0, "paid")


def test_money_that_was_set_aside_contests_no_order_that_another_payment_has_paid(office, capsys):
    late = office.pay({})
    office.tell(late, "failed")
    payment = office.paid()
    office.market.query(
        "UPDATE payments SET state = 'captured', received_minor = amount_minor WHERE id = :i", i=late["id"]
    )
    office.contest("dp-1", "open", CHARGE, id=late["id"])
    assert "dispute_takes_nothing" in capsys.readouterr().out
    assert (office.order_state(), str(office.order().payment_id)) == ("paid", payment["id"])


def races(office, other):
    """Let a dispute and ``other`` meet; return the orders' states of each round and the answers of ``other``."""
    met = []
    for number in range(3):
        payment = office.paid(1)
        office.walk("confirmed", "packed", "shipped", "delivered")
        event = office.gateway.dispute_event(f"dp-{number}", "open", 20_000, "KES", id=payment["id"])
        assert deliver(office.market.url, event).status_code == 200
        office.market.query("UPDATE orders SET release_at = market_clock() WHERE state = 'delivered'")
        _heard, answer = at_once([office.work, other])
        assert (office.order_state(), dispute_row(office, f"dp-{number}").taken_minor) == ("disputed", 20_000)
        office.assert_books_are_right()
        office.contest(f"dp-{number}", "won", 20_000, id=payment["id"])
        met.append((office.order_state(), answer))
    return met


def test_reports_of_one_payment_that_are_read_at_one_instant_count_once_each(office):
    payment = office.paid()
    office.complete()
    for reference in ("dp-1", "dp-2", "dp-1", "dp-2"):
        event = office.gateway.dispute_event(reference, "open", 30_000, "KES", id=payment["id"])
        assert deliver(office.market.url, event).status_code == 200
    at_once([office.work] * 4)
    while "failed" in inbox(office):  # two that met at the very first report: the second is tried again
        office.market.query("UPDATE webhook_inbox SET next_at = market_clock()")
        office.sweep()
    taken = office.market.query("SELECT taken_minor FROM disputes ORDER BY taken_minor")
    assert [minor for (minor,) in taken] == [20_000, 30_000]
    assert (office.order().disputed_minor, office.money()) == (CHARGE, (0, 0, 0, 0))


def test_a_dispute_and_the_job_that_releases_at_one_instant(office):
    met = races(office, lambda: office.market.perform(release_delivered))
    assert {state for state, _answer in met} <= {"delivered", "completed"}


def test_a_dispute_and_the_buyers_word_at_one_instant(office):
    word = lambda: office.buyer.post(f"/api/v1/orders/{office.order_id}/steps", json={"to": "completed"})  # noqa: E731
    for state, answer in races(office, word):
        assert answer.status_code == (200 if state == "completed" else 403), answer.text


def test_a_dispute_and_a_refund_at_one_instant(office):
    for state, answer in races(office, lambda: office.refund("300.00")):
        assert state == "delivered"
        assert answer.status_code in (201, 409), answer.text
