"""From a provider's report to the buyer's socket: a hundred payments a second through webhook, worker and ledger."""

from __future__ import annotations

import json
import select
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from bench import goods
from bench.databases import one
from bench.http_load import drive, request_bytes
from bench.measuring import MARKETCORE, Target, Workload
from bench.socket_load import RawSocket, first_text
from bench.stage import Stage
from bench.workloads.buying import ADDRESS, fill_carts, signed, succeeded

PER_SECOND = 100
SECONDS = 4
SENDERS = 8
PATIENCE = 20  # seconds for what is late; later it is lost

_PENDING = """
    INSERT INTO payments (id, code, user_id, purpose, reference, provider, currency, amount_minor, state,
                          provider_reference, expires_at)
    SELECT p.id, substr(md5(p.id::text), 1, 12), c.buyer_id, 'checkout', c.id::text, 'stripe', c.currency,
           c.total_minor, 'pending', 'pi_' || c.id, c.expires_at
    FROM unnest(%s::uuid[], %s::bigint[]) AS p(id, checkout_id) JOIN checkouts c ON c.id = p.checkout_id
    RETURNING id, reference, amount_minor
"""


@dataclass(slots=True)
class Purchase:
    """An order that awaits its payment."""

    buyer_id: int
    order_id: int
    call: bytes
    due: float = 0.0


def order(stage: Stage, turn: int, number: int) -> list[Purchase]:
    """Return so many orders, checked out over HTTP, whose payments are on their way."""
    fill_carts(stage.market, MARKETCORE, turn)
    body = json.dumps({"ship_to": ADDRESS}).encode()
    buyers = range(goods.USERS + 1, goods.USERS + number + 1)
    coming = (request_bytes("POST", "/api/v1/checkouts", stage.market.bearer(buyer), body) for buyer in buyers)
    drive(stage.market.web_ports(), SENDERS, lambda _slot: next(coming, None), PATIENCE).require()
    with stage.market.connect() as connection:
        rows = connection.execute(
            "SELECT checkout_id, id, buyer_id FROM orders ORDER BY id DESC LIMIT %s", [number]
        ).fetchall()
        ids = [uuid.uuid4() for _ in rows]
        paid = connection.execute(_PENDING.encode(), [ids, [row[0] for row in rows]]).fetchall()
    payments = {int(reference): (payment_id, minor) for payment_id, reference, minor in paid}
    return [
        Purchase(buyer_id, order_id, signed("/hooks/stripe", succeeded(f"pi_{checkout_id}", *payments[checkout_id])))
        for checkout_id, order_id, buyer_id in rows
    ]


def watch(stage: Stage, purchases: Sequence[Purchase]) -> dict[int, RawSocket]:
    """Return each buyer's socket, which tracks the order."""
    port = stage.market.live().port
    sockets = {}
    for slot, purchase in enumerate(purchases):
        socket = RawSocket(port, f"/track_order/{purchase.order_id}", stage.market.bearer(purchase.buyer_id), slot)
        first_text(socket)
        sockets[socket.fileno()] = socket
    return sockets


def report(stage: Stage, purchases: Sequence[Purchase]) -> list[threading.Thread]:
    """Send the reports at their times, whether or not earlier ones have been answered."""
    begin = time.perf_counter() + 0.5
    for number, purchase in enumerate(purchases):
        purchase.due = begin + number / PER_SECOND
    ports = stage.market.web_ports()

    def send(first: int) -> None:
        coming = iter(purchases[first::SENDERS])

        def call(_slot: int) -> bytes | None:
            purchase = next(coming, None)
            if purchase is None:
                return None
            time.sleep(max(0.0, purchase.due - time.perf_counter()))
            return purchase.call

        drive([ports[first % len(ports)]], 1, call, PER_SECOND * SECONDS).require()

    threads = [threading.Thread(target=send, args=(first,)) for first in range(SENDERS)]
    for thread in threads:
        thread.start()
    return threads


def hear(sockets: dict[int, RawSocket], purchases: Sequence[Purchase]) -> list[float]:
    """Return the milliseconds from when each report was due to when its buyer's socket said that the order is paid."""
    poll = select.epoll()
    for number in sockets:
        poll.register(number, select.EPOLLIN)
    waits: dict[int, float] = {}
    deadline = time.perf_counter() + SECONDS + PATIENCE
    while len(waits) < len(purchases) and time.perf_counter() < deadline:
        for number, _event in poll.poll(0.5):
            socket = sockets[number]
            for text in socket.texts():
                if b'"order.paid"' in text:
                    waits[socket.slot] = (time.perf_counter() - purchases[socket.slot].due) * 1000
    poll.close()
    if len(waits) < len(purchases):
        raise SystemExit(f"of {len(purchases)} paid orders, {len(purchases) - len(waits)} were not heard of")
    return list(waits.values())


def paying(stage: Stage) -> Workload:
    """Return the workload; afterwards each order has to be paid and its money held, once."""
    turns = count(1000)
    orders: list[int] = []

    def measure(_seconds: float) -> float:
        stage.market.worker()
        purchases = order(stage, next(turns), PER_SECOND * SECONDS)
        sockets = watch(stage, purchases)
        try:
            senders = report(stage, purchases)
            waits = sorted(hear(sockets, purchases))
            for thread in senders:
                thread.join()
        finally:
            for socket in sockets.values():
                socket.close()
        orders.extend(purchase.order_id for purchase in purchases)
        return waits[len(waits) * 99 // 100]

    def check() -> str:
        stage.market.stop("worker")
        with stage.market.connect() as connection:
            paid = one(connection, "SELECT count(*) FROM orders WHERE id = ANY(%s) AND state = 'paid'", orders)
            held = one(
                connection,
                """SELECT count(*) FROM ledger_transfers WHERE code = 'capture' AND ref_type = 'order'
                     AND ref_id = ANY(%s)""",
                [str(order_id) for order_id in orders],
            )
        if not paid == held == len(orders):
            raise SystemExit(f"of {len(orders)} orders {paid} are paid, with {held} captures")
        return f"{paid} orders paid, each captured once, each heard of by its buyer"

    return Workload(
        name="paid-to-socket",
        title=f"Payment reported to buyer's socket, p99 at {PER_SECOND} orders/s (webhook, worker, ledger, live)",
        unit="ms",
        sides={MARKETCORE: measure},
        targets=[Target("marketcore, p99 in ms, none lost", MARKETCORE, at_most=250)],
        check=check,
        most_rounds=5,
        warm=True,
    )


WORKLOADS = {"paid-to-socket": paying}
