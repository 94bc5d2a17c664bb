"""Numbers: none is left out, none given twice, whoever fails meanwhile.

``MARKETCORE_LONG=1`` draws ten thousand.
"""

from __future__ import annotations

import itertools
import os
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import event, text

from marketcore.ledger.accounts import provider_clearing
from marketcore.ledger.verify import verify
from marketcore.money import Money
from marketcore.orders.services import OrderService
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import register
from marketcore_invoices.rules import Kind, Series, file_name, next_in, number_of

NUMBERS = 10_000 if os.environ.get("MARKETCORE_LONG") else 600
CLIENTS, SELLERS = 16, 3
NAIROBI = timezone(timedelta(hours=3))


class Failure(Exception):
    """What the test lets transactions fail with."""


def awaiting_payment(market, sellers, buyer, count):
    """Write ``count`` checkouts of one order per seller, in every order of sellers; return their ids."""
    turns = list(itertools.permutations(sellers))
    ids = []
    with market.registry["engine"].begin() as connection:
        product, listing = connection.execute(
            text(
                """WITH made AS (INSERT INTO products (seller_id, title) VALUES (:seller, 'Basket') RETURNING id)
                   INSERT INTO listings (product_id, seller_id, kind, state, currency, price_minor, quantity)
                   SELECT id, :seller, 'fixed_price', 'active', 'KES', 100, 1 FROM made RETURNING product_id, id"""
            ),
            {"seller": sellers[0]},
        ).one()
        for number in range(count):
            values = {"buyer": buyer, "sellers": list(turns[number % len(turns)])}
            ids.append(connection.execute(_CHECKOUT, {**values, "product": product, "listing": listing}).scalar_one())
    return ids


_CHECKOUT = text(
    """WITH placed AS (
         INSERT INTO checkouts (buyer_id, currency, total_minor, expires_at)
         VALUES (:buyer, 'KES', 300, market_clock() + interval '1 day') RETURNING id),
       ordered AS (
         INSERT INTO orders (checkout_id, buyer_id, seller_id, state, currency, total_minor, commission_minor,
                             payment_due_at)
         SELECT placed.id, :buyer, s.id, 'pending_payment', 'KES', 100, 2, market_clock() + interval '1 day'
         FROM placed, unnest(CAST(:sellers AS bigint[])) WITH ORDINALITY AS s(id, place) ORDER BY place
         RETURNING id),
       lines AS (
         INSERT INTO order_lines (order_id, listing_id, product_id, title, quantity, unit_minor, total_minor,
                                  commission_bp)
         SELECT id, :listing, :product, 'Basket', 1, 100, 100, 200 FROM ordered)
       SELECT id FROM placed"""
)

_PAYMENT = text(
    """INSERT INTO payments (code, user_id, purpose, reference, provider, currency, amount_minor, received_minor, state,
                             expires_at)
       SELECT substr(md5(id::text || random()), 1, 12), buyer_id, 'checkout', id::text, 'cash', 'KES', 300, 300,
              'captured', expires_at FROM checkouts WHERE id = :id RETURNING id"""
)


def fail():
    raise Failure


def lose_connection(request):
    request.db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def pay(request, checkout_id):
    payment_id = request.db.execute(_PAYMENT, {"id": checkout_id}).scalar_one()
    clearing = provider_clearing("cash", "KES")
    assert request.find_service(OrderService).pay(checkout_id, payment_id, Money(300, "KES"), clearing)


def pay_and_fail(request, checkout_id):
    pay(request, checkout_id)
    fail()


def pay_and_fail_after_the_draw(request, checkout_id):
    pay(request, checkout_id)
    request.tm.get().addBeforeCommitHook(fail)


def pay_and_lose_the_connection(request, checkout_id):
    pay(request, checkout_id)
    request.tm.get().addBeforeCommitHook(lose_connection, args=(request,))


def pay_in_a_savepoint_that_is_taken_back(request, checkout_id):
    with pytest.raises(Failure), request.db.begin_nested():
        pay_and_fail(request, checkout_id)


FAILING = (pay_and_fail, pay_and_fail_after_the_draw, pay_and_lose_the_connection)


def collisions_of(market):
    """Return a list that fills with the deadlocks and serialization failures the engine meets."""
    found = []

    def note(context):
        if getattr(context.original_exception, "sqlstate", None) in ("40P01", "40001"):
            found.append(str(context.original_exception))

    event.listen(market.registry["engine"], "handle_error", note)
    return found


@pytest.mark.timeout(1800)
def test_L7_sixteen_clients_and_rollbacks_leave_no_gap_and_give_no_number_twice(make_market):
    market = make_market("invoices", marketcore__database_pool_size=str(CLIENTS))
    sellers = [register(market, "seller")["user"]["id"] for _number in range(SELLERS)]
    buyer = register(market, "buyer")["user"]["id"]
    waiting = awaiting_payment(market, sellers, buyer, -(-NUMBERS // SELLERS))
    unpaid, lock, collisions = iter(enumerate(waiting)), threading.Lock(), collisions_of(market)

    def client():
        while True:
            with lock:
                number, checkout_id = next(unpaid, (0, None))
            if checkout_id is None:
                return
            if number % 3 == 0:
                with pytest.raises(Exception):  # noqa: B017 - a lost connection has many names
                    market.perform(FAILING[number // 3 % 3], checkout_id)
            if number % 5 == 0:
                market.perform(pay_in_a_savepoint_that_is_taken_back, checkout_id)
            market.perform(pay, checkout_id)

    at_once([client] * CLIENTS)
    rows = market.query("SELECT seller_id, sequence, number, issued_at FROM invoices_documents ORDER BY sequence")
    for seller in sellers:
        mine = [row for row in rows if row.seller_id == seller]
        assert [row.sequence for row in mine] == list(range(1, len(waiting) + 1))
        assert [row.issued_at for row in mine] == sorted(row.issued_at for row in mine)
    assert len({row.number for row in rows}) == len(rows) == len(waiting) * SELLERS
    assert market.query("SELECT count(*) FROM jobs WHERE name = 'invoices.make_pdf'") == [(len(rows),)]
    assert collisions == []
    with market.registry["engine"].connect() as connection:
        assert verify(connection) == []


def test_a_new_year_begins_with_one_and_each_kind_counts_alone(make_trade):
    trade = make_trade()
    trade.pay_for()
    trade.give_back("10.00")
    trade.give_back("20.00")
    year = int(trade.invoice()["issued_on"][:4])
    trade.market.travel("366 days")
    trade.give_back("30.00")
    seller = trade.seller_user["user"]["id"]
    assert trade.numbers() == [f"S{seller}-{year}-000001"]
    assert trade.numbers(Kind.CREDIT_NOTE) == [
        f"S{seller}-C-{year}-000001",
        f"S{seller}-C-{year}-000002",
        f"S{seller}-C-{year + 1}-000001",
    ]


def moment(text):
    return datetime.fromisoformat(text)


def test_the_time_zone_decides_which_year_it_is():
    now, series = moment("2026-12-31T21:30:00+00:00"), Series(2026, 41)
    assert next_in(series, now, UTC) == Series(2026, 42, now)
    assert next_in(series, now, NAIROBI) == Series(2027, 1, now)


def test_the_first_number_of_all_is_one():
    now = moment("2026-03-01T00:00:00+00:00")
    assert next_in(Series(0, 0), now, UTC) == Series(2026, 1, now)


def test_a_clock_that_steps_back_takes_neither_numbers_nor_days_back():
    midnight = moment("2027-01-01T00:00:00+00:00")
    first = next_in(Series(2026, 9, midnight - timedelta(days=1)), midnight, UTC)
    again = next_in(first, midnight - timedelta(milliseconds=5), UTC)
    assert (first, again) == (Series(2027, 1, midnight), Series(2027, 2, midnight))


@pytest.mark.parametrize(
    ("prefix", "number"),
    [("S{seller}-", "S7-2026-000042"), ("", "2026-000042"), ("INV/", "INV/2026-000042"), ("{seller}", "72026-000042")],
)
def test_a_number_is_a_prefix_a_year_and_at_least_six_digits(prefix, number):
    assert number_of(prefix, 7, Series(2026, 42)) == number
    assert number_of(prefix, 7, Series(2026, 1_000_042)).endswith("2026-1000042")


def test_a_file_name_is_safe_whatever_the_number_looks_like():
    assert file_name("INV/2026-000042") == "INV-2026-000042.pdf"
