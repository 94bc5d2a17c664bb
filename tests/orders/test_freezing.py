"""Frozen orders: their money stands still until somebody has decided, whoever wants it meanwhile."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest

from marketcore.disputes.services import DisputeService
from marketcore.exceptions import Conflict
from marketcore.interfaces import DisputeReport
from marketcore.ledger.accounts import frozen
from marketcore.ledger.services import LedgerService
from marketcore.ledger.verify import verify
from marketcore.money import Money
from marketcore.orders.freezing import FrozenOrders
from marketcore.testing.contracts import at_once

PAID, FEE = 50_000, 1_000


@pytest.fixture
def delivered(bazaar):
    """A paid order whose seller says that it has arrived, the time for objections over."""
    assert bazaar.money_arrives()
    bazaar.to_state("delivered")
    bazaar.market.query("UPDATE orders SET release_at = market_clock() WHERE id = :id", id=bazaar.order_id)
    return bazaar


def freeze(bazaar, **options):
    def do(request):
        return request.find_service(FrozenOrders).freeze(bazaar.order_id, "complaint 7", **options)

    return bazaar.market.perform(do)


def lift(bazaar, freeze_id):
    return bazaar.market.perform(lambda request: request.find_service(FrozenOrders).lift(freeze_id))


def set_apart(bazaar, freeze_id):
    def read(request):
        return request.find_service(LedgerService).balance(frozen(freeze_id, "KES")).available_minor

    return bazaar.market.perform(read)


def books_are_right(bazaar):
    with bazaar.market.registry["engine"].connect() as connection:
        return verify(connection) == []


def test_M12_frozen_money_is_released_to_nobody_until_the_freeze_is_lifted(delivered):
    freeze_id = freeze(delivered)
    assert (delivered.shares(), set_apart(delivered, freeze_id)) == ((0, 0, 0), PAID)
    delivered.released()
    assert delivered.order().state == "disputed"
    assert delivered.shares() == (0, 0, 0)
    assert books_are_right(delivered)
    assert delivered.read_order()["history"][-1]["note"] == "frozen: complaint 7"
    assert lift(delivered, freeze_id) is True
    assert (delivered.shares(), set_apart(delivered, freeze_id)) == ((PAID, 0, 0), 0)
    delivered.released()
    assert delivered.order().state == "completed"
    assert delivered.shares() == (0, PAID - FEE, FEE)
    assert lift(delivered, freeze_id) is False
    assert delivered.announced().count("delivered") == 2
    told = delivered.market.query("SELECT type FROM notifications WHERE type = 'order.delivered'")
    assert len(told) == 1, "an order that goes on where it stood is no news"


def test_M12_while_frozen_no_step_and_no_refund_reaches_the_money(delivered):
    freeze_id = freeze(delivered)
    for who, step in ((delivered.buyer, "completed"), (delivered.seller, "delivered"), (delivered.buyer, "cancelled")):
        answer = who.post(f"/api/v1/orders/{delivered.order_id}/steps", json={"to": step})
        assert answer.status_code in (403, 409), step
    wish = {"reason": "changed my mind", "target": "by_hand"}
    assert delivered.seller.post(f"/api/v1/orders/{delivered.order_id}/refunds", json=wish).status_code == 409
    with pytest.raises(Conflict, match="set apart already"):
        freeze(delivered)
    codes = delivered.seller.get(f"/api/v1/orders/{delivered.order_id}/ledger").json()["items"]
    assert [(one["code"], one["debit"], one["credit"]) for one in codes][-1] == ("freeze", "held", "frozen")
    lift(delivered, freeze_id)


def test_M12_money_that_the_seller_has_is_frozen_only_where_that_is_allowed_and_comes_back(delivered):
    delivered.released()
    with pytest.raises(Conflict, match="gone to its seller"):
        freeze(delivered)
    freeze_id = freeze(delivered, released=True)
    assert (delivered.shares(), set_apart(delivered, freeze_id)) == ((0, 0, 0), PAID)
    available = delivered.seller.get("/api/v1/balances").json()
    assert not [one for one in available["items"] if one.get("available", {}).get("amount", "0.00") != "0.00"]
    assert books_are_right(delivered)
    lift(delivered, freeze_id)
    assert delivered.shares() == (0, PAID - FEE, FEE)
    assert delivered.order().state == "completed"


def test_M12_an_order_without_money_cannot_be_frozen(bazaar):
    with pytest.raises(Conflict, match="no money"):
        freeze(bazaar)


def test_M12_a_freeze_and_the_release_job_at_once_end_one_way_or_the_other(make_bazaar, collisions):
    for _ in range(2):
        bazaar = make_bazaar({"violations__limit": "0"})
        assert bazaar.money_arrives()
        bazaar.to_state("delivered")
        bazaar.market.query("UPDATE orders SET release_at = market_clock() WHERE id = :id", id=bazaar.order_id)
        outcomes = []

        def complain(bazaar=bazaar, outcomes=outcomes):
            try:
                outcomes.append(freeze(bazaar))
            except Conflict:
                outcomes.append(None)

        at_once([complain, bazaar.released])
        (freeze_id,) = outcomes
        if freeze_id is None:
            assert (bazaar.order().state, bazaar.shares()) == ("completed", (0, PAID - FEE, FEE))
        else:
            assert (bazaar.order().state, bazaar.shares()) == ("disputed", (0, 0, 0))
            assert set_apart(bazaar, freeze_id) == PAID
        assert books_are_right(bazaar)


def test_M12_a_freeze_that_comes_first_makes_the_release_job_pass_the_order_over(delivered):
    frozen_already, go_on = threading.Event(), threading.Event()

    def slowly(request):
        freeze_id = request.find_service(FrozenOrders).freeze(delivered.order_id, "complaint 7")
        frozen_already.set()
        assert go_on.wait(20)
        return freeze_id

    thread = threading.Thread(target=delivered.market.perform, args=(slowly,))
    thread.start()
    assert frozen_already.wait(20)
    delivered.released()
    go_on.set()
    thread.join()
    delivered.released()
    assert delivered.order().state == "disputed"


def test_M12_a_bank_that_contests_the_payment_takes_frozen_money_too(delivered):
    freeze_id = freeze(delivered)
    payment_id = delivered.order().payment_id

    def report(state):
        said = DisputeReport("dp-1", state, Money(PAID, "KES"), UUID(str(payment_id)))
        return delivered.market.perform(lambda request: request.find_service(DisputeService).apply("cash", said))

    report("open")
    ((state,),) = delivered.market.query("SELECT state FROM order_freezes WHERE id = :id", id=freeze_id)
    assert (state, set_apart(delivered, freeze_id)) == ("yielded", 0)
    assert delivered.order().disputed_minor == PAID
    assert books_are_right(delivered)
    assert lift(delivered, freeze_id) is False
    report("won")
    assert (delivered.order().state, delivered.shares()) == ("delivered", (PAID, 0, 0))


def test_M12_verify_finds_a_freeze_whose_money_is_not_there(delivered):
    freeze_id = freeze(delivered)
    delivered.market.query("UPDATE order_freezes SET state = 'lifted' WHERE id = :id", id=freeze_id)
    with delivered.market.registry["engine"].connect() as connection:
        found = {difference.check for difference in verify(connection)}
    assert {"freezes hold their money", "disputes hold their money"} <= found
    delivered.market.query("UPDATE order_freezes SET state = 'open' WHERE id = :id", id=freeze_id)
