"""Checkouts of two lines, and the provider's report that a payment has come, over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

from bench import goods, market
from bench.databases import one
from bench.http_load import WARM_SECONDS, Request, drive, request_bytes
from bench.measuring import DJANGO, MARKETCORE, Target, Workload
from bench.stage import Stage

CONNECTIONS = 16
ADDRESS = {"name": "A Buyer", "phone": "0700000000", "line1": "1 Market Street", "city": "Nairobi", "country": "KE"}
_CARTS = {
    MARKETCORE: ("cart_items (user_id, listing_id, quantity)", "cart_items"),
    DJANGO: ("shop_cartitem (user_id, product_id, quantity)", "shop_cartitem"),
}


def fill_carts(side: Any, name: str, turn: int) -> None:
    """Put two lines into the cart of every buyer."""
    into, table = _CARTS[name]
    first, second = goods.cart_lines(turn)
    buyers = f"generate_series({goods.USERS + 1}, {goods.USERS + goods.BUYERS}) u"
    with side.connect() as connection:
        connection.execute(f"TRUNCATE {table}".encode())
        lines = f"SELECT u, {first}, 1 FROM {buyers} UNION ALL SELECT u, {second}, 1 FROM {buyers}"
        connection.execute(f"INSERT INTO {into} {lines}".encode())
        connection.execute(f"ANALYZE {table}".encode())


def checkouts(side: Any, path: str) -> Request:
    """Return requests that check out the cart of one buyer after the other; none when all have bought."""
    body = json.dumps({"ship_to": ADDRESS}).encode()
    buyers = iter(range(goods.USERS + 1, goods.USERS + goods.BUYERS + 1))

    def next_request(_slot: int) -> bytes | None:
        buyer = next(buyers, None)
        return request_bytes("POST", path, side.bearer(buyer), body) if buyer else None

    return next_request


class CheckingOut:
    """One side of the checkout: ``round`` measures it, ``accepted`` counts what was answered with 201."""

    def __init__(self, name: str, side: Any, path: str) -> None:
        self.accepted = 0
        self._name, self._side, self._path = name, side, path
        self._turns = count(1)
        for buyer in range(goods.USERS + 1, goods.USERS + goods.BUYERS + 1):
            side.bearer(buyer)

    def round(self, seconds: float) -> float:
        """Return accepted checkouts per second."""
        fill_carts(self._side, self._name, next(self._turns))
        outcome = drive(self._side.web_ports(), CONNECTIONS, checkouts(self._side, self._path), seconds).require()
        self.accepted += outcome.accepted
        return outcome.rate


_SOLD = {
    MARKETCORE: (
        "SELECT count(*) FROM orders",
        "SELECT count(*) FROM order_lines",
        f"SELECT sum({goods.STOCK} - quantity) FROM listings WHERE kind = 'fixed_price'",
    ),
    DJANGO: (
        "SELECT count(*) FROM shop_order",
        "SELECT count(*) FROM shop_orderline",
        f"SELECT sum({goods.STOCK} - stock) FROM shop_product",
    ),
}


def sold(side: Any, name: str) -> tuple[int, ...]:
    """Return how many orders and lines there are, and how many pieces have left the stock."""
    with side.connect() as connection:
        return tuple(int(one(connection, sql)) for sql in _SOLD[name])


def checkout(stage: Stage) -> Workload:
    """Return the workload of checkouts; afterwards orders, lines and stock have to fit what was accepted."""
    sides = {MARKETCORE: stage.market, DJANGO: stage.peer}
    paths = {MARKETCORE: "/api/v1/checkouts", DJANGO: "/api/checkout"}
    before = {name: sold(side, name) for name, side in sides.items()}
    runs = {name: CheckingOut(name, side, paths[name]) for name, side in sides.items()}

    def check() -> str:
        for name, side in sides.items():
            orders, lines, pieces = (now - then for now, then in zip(sold(side, name), before[name], strict=True))
            if not orders == runs[name].accepted or not lines == pieces == 2 * orders:
                raise SystemExit(
                    f"{name}: {runs[name].accepted} accepted, but {orders} orders, {lines} lines, {pieces}"
                )
        return f"every accepted checkout is an order of two lines, and as many pieces have left the stock ({orders})"

    return Workload(
        name="checkout",
        title="Checkout of 2 lines: stock reserved under row locks, order, live event",
        unit="accepted/s",
        sides={name: run.round for name, run in runs.items()},
        targets=[Target("marketcore : Django", MARKETCORE, DJANGO, at_least=5)],
        check=check,
    )


def signed(path: str, event: dict[str, Any]) -> bytes:
    """Return a call as Stripe signs it."""
    body, at = json.dumps(event).encode(), str(int(time.time()))
    mac = hmac.new(market.HOOK_SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return request_bytes("POST", path, {"Stripe-Signature": f"t={at},v1={mac}"}, body)


def succeeded(reference: str, payment_id: uuid.UUID, minor: int) -> dict[str, Any]:
    """Return the event that the payment ``reference`` of ours has come."""
    intent: dict[str, Any] = {"id": reference, "object": "payment_intent", "status": "succeeded", "currency": "kes"}
    intent |= {"amount": minor, "amount_received": minor}
    about = {"metadata": {"marketcore_payment": str(payment_id), "marketcore_by": "intent"}}
    event = {"id": f"evt_{uuid.uuid4().hex}", "object": "event", "type": "payment_intent.succeeded"}
    return {**event, "data": {"object": intent | about}}


_PAYMENTS = 60_000
MOST_CALLS = 4_000  # in a second
_PEER_PAYMENTS = f"""
    WITH ordered AS (
        INSERT INTO shop_order (buyer_id, state, total, currency, ship_to, created_at)
        SELECT 1 + n % {goods.USERS}, 'pending_payment', 100, 'KES', '{{}}', now()
        FROM generate_series(1, {_PAYMENTS}) n RETURNING id)
    INSERT INTO shop_payment (order_id, reference, state, amount)
    SELECT id, 'pi_bench_' || row_number() OVER (), 'pending', 100 FROM ordered
"""


def _calls(path: str) -> Callable[[], Iterator[bytes]]:
    numbers = count(1)
    ours = uuid.uuid4()
    return lambda: (signed(path, succeeded(f"pi_bench_{number}", ours, 10_000)) for number in numbers)


def webhook(stage: Stage) -> Workload:
    """Return the workload of payment reports: verified and stored; applied at once by the peer, by a job here."""
    with stage.peer.connect() as connection:
        if not one(connection, "SELECT count(*) FROM shop_payment"):
            connection.execute(_PEER_PAYMENTS.encode())
        connection.execute("UPDATE shop_payment SET state = 'pending' WHERE state <> 'pending'")
        connection.execute("VACUUM ANALYZE shop_payment")
    with stage.market.connect() as connection:
        connection.execute("DELETE FROM jobs WHERE name = 'payments.process_webhook'")
        before = one(connection, "SELECT count(*) FROM webhook_inbox")
    totals = {MARKETCORE: 0, DJANGO: 0}
    calls = {MARKETCORE: _calls("/hooks/stripe"), DJANGO: _calls("/hooks/payments")}
    sides: dict[str, Any] = {MARKETCORE: stage.market, DJANGO: stage.peer}

    def side(name: str) -> Callable[[float], float]:
        def measure(seconds: float) -> float:
            # Signed before time runs: that is the provider's work.
            coming = iter(list(islice(calls[name](), int(MOST_CALLS * (WARM_SECONDS + seconds)))))
            ports = sides[name].web_ports()
            outcome = drive(ports, CONNECTIONS, lambda _slot: next(coming, None), seconds).require()
            totals[name] += outcome.accepted
            return outcome.rate

        return measure

    def check() -> str:
        with stage.market.connect() as ours, stage.peer.connect() as theirs:
            stored = one(ours, "SELECT count(*) FROM webhook_inbox") - before
            jobs = one(ours, "SELECT count(*) FROM jobs WHERE name = 'payments.process_webhook'")
            applied = one(theirs, "SELECT count(*) FROM shop_payment WHERE state = 'captured'")
            ours.execute("DELETE FROM jobs WHERE name = 'payments.process_webhook'")
            ours.execute("UPDATE webhook_inbox SET status = 'ignored' WHERE status = 'received'")
        if not stored == jobs == totals[MARKETCORE] or applied != totals[DJANGO]:
            raise SystemExit(f"acknowledged {totals}, but {stored} stored with {jobs} jobs, and {applied} applied")
        return f"everything acknowledged is stored with its job ({stored}), and at the peer applied ({applied})"

    return Workload(
        name="webhook",
        title="Payment webhook: signature checked, stored, acknowledged",
        unit="acknowledged/s",
        sides={name: side(name) for name in sides},
        targets=[Target("marketcore : Django", MARKETCORE, DJANGO, at_least=4)],
        check=check,
    )


WORKLOADS = {"checkout": checkout, "webhook": webhook}
