"""A thousand reports, three times each, in any order, with forgeries among them: a thousand effects."""

from __future__ import annotations

import http.client
import os
import random
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from gateway import call
from pile import attempts_for, order_many
from structlog.testing import capture_logs

EVENTS, SENDERS, WORKERS = 1000, 4, 4


def send(url, pile):
    """Send ``(body, headers)`` one after another over one connection; return the statuses."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    statuses = []
    for body, headers in pile:
        connection.request("POST", "/hooks/fp", body, headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return statuses


def together(function, things):
    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(function, things))


def forged(call_):
    """The same money under a new name: believed, it would be an event of its own."""
    body, headers = call_
    return body.replace(b'"evt-', b'"EVT-'), headers


def test_a_thousand_events_three_times_each_shuffled_with_forgeries_have_a_thousand_effects(make_till):
    till = make_till(stock=EVENTS + 1)
    seed = int(os.environ.get("MARKETCORE_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed={seed}")
    dice = random.Random(seed)
    payments = attempts_for(till, order_many(till, EVENTS))
    true = [call(till.gateway.event(payment, "captured")) for payment in payments]
    pile = [(call_, 200) for call_ in true * 3]
    pile += [(forged(call_), 401) for call_ in dice.sample(true, 3 * EVENTS // 100)]
    dice.shuffle(pile)
    shares = [pile[number::SENDERS] for number in range(SENDERS)]
    with capture_logs():
        told = together(lambda share: send(till.market.url, [call_ for call_, _expected in share]), shares)
        ran = together(lambda _worker: till.work(), range(WORKERS))
    assert told == [[expected for _call, expected in share] for share in shares]
    query = till.market.query
    ((letters,),) = query("SELECT count(*) FROM letters")
    assert sum(ran) == EVENTS + letters

    assert query("SELECT status, count(*) FROM webhook_inbox GROUP BY status") == [("done", EVENTS)]
    assert query("SELECT state, count(*) FROM payments GROUP BY state") == [("captured", EVENTS)]
    assert till.transfers() == [("capture", 50000)] * EVENTS
    once = "SELECT count(*), count(DISTINCT {}) FROM {} WHERE state = '{}'"
    assert query(once.format("order_id", "order_history", "paid")) == [(EVENTS, EVENTS)]
    assert query(once.format("payment_id", "payment_history", "captured")) == [(EVENTS, EVENTS)]
    assert query(once.format("line_id", "stock_reservations", "sold")) == [(EVENTS, EVENTS)]
    assert query("SELECT count(*) FROM live_events WHERE type = 'order.paid'") == [(EVENTS,)]
