"""Every route that moves money or stock, sent ten times at once under one key: written is what one request writes."""

from __future__ import annotations

import uuid

from marketcore.testing.contracts import at_once

from .once import SENDINGS
from .tables import counts

TIMES = 10


def send(people, sending, key, body=None, path=None):
    body = body or sending.body
    with people.market.client(sending.who.access) as http:
        given = {} if body is None else {"json": body}
        return http.post(path or sending.path, headers={"Idempotency-Key": key}, **given)


def growth(market, work):
    """Do ``work`` and return what it returned, and the rows that it wrote by table."""
    before = counts(market)
    returned = work()
    after = counts(market)
    return returned, {name: after[name] - before[name] for name in after if after[name] != before[name]}


def idempotent_routes(registry):
    views = [item["introspectable"] for item in registry.introspector.get_category("views")]
    return {view["route_name"] for view in views if view.get("idempotent")}


def test_every_route_that_takes_keys_is_tried_here(whole):
    routes = idempotent_routes(whole.registry)
    assert len(routes) >= 7
    assert routes - SENDINGS.keys() == set(), "say in once.py how a request to it comes to have an effect"


def test_ten_requests_at_once_under_one_key_write_what_one_writes(people):
    for route in sorted(idempotent_routes(people.market.registry)):
        key, market = uuid.uuid4().hex, people.market
        # What only the first request of all writes, such as the accounts of the market, is written beforehand.
        earlier, alone, together, elsewhere = (SENDINGS[route](people) for _ in range(4))
        assert send(people, earlier, key).status_code == earlier.status, route
        first, written = growth(market, lambda: send(people, alone, uuid.uuid4().hex))  # noqa: B023
        assert first.status_code == alone.status, (route, first.text)
        assert written["idempotency_keys"] == 1, route

        answers, grown = growth(market, lambda: at_once([lambda: send(people, together, key)] * TIMES))  # noqa: B023
        assert {answer.status_code for answer in answers} <= {together.status, 409}, route
        given = {answer.content for answer in answers if answer.status_code == together.status}
        assert (len(given), grown) == (1, written), route

        again, nothing = growth(market, lambda: send(people, together, key))  # noqa: B023
        assert (again.content, again.headers["Idempotency-Replayed"], nothing) == (*given, "true", {}), route
        path = together.path if together.other else alone.path
        other, nothing = growth(market, lambda: send(people, together, key, together.other, path))  # noqa: B023
        assert (other.status_code, nothing) == (422, {}), (route, other.text)
        assert other.json()["type"] == "urn:marketcore:problem:idempotency-mismatch", route

        theirs, grown = growth(market, lambda: send(people, elsewhere, key))  # noqa: B023
        assert (theirs.status_code, grown) == (elsewhere.status, written), (route, theirs.text)
        assert theirs.content not in given, route
