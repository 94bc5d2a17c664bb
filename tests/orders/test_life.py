"""The life of an order: who takes which step, when its money moves, and when its time is up."""

from __future__ import annotations

import pytest

from marketcore.orders.rules import OF_WORK, STEPS
from marketcore.orders.schemas import ASKABLE
from marketcore.states import ORDER_TRANSITIONS, OrderState
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import Shop

# A dispute leaves the money where it found it.
_INTO = """UPDATE orders SET state = CAST(:s AS text),
                             disputed_from = CASE WHEN CAST(:s AS text) = 'disputed' THEN 'paid' END
           WHERE id = :id"""
HELD = {"paid", "processing", "confirmed", "packed", "shipped", "delivered", "disputed"}
# Odd totals at every kind of share: minor units, basis points, what the platform keeps (ties go to it).
SPLITS = [
    (1, 0, 0),
    (1, 1, 0),
    (1, 200, 0),
    (1, 333, 0),
    (1, 10_000, 1),
    (3, 0, 0),
    (3, 200, 0),
    (3, 333, 0),
    (3, 10_000, 3),
    (99, 1, 0),
    (99, 200, 2),
    (99, 333, 3),
    (99, 10_000, 99),
    (10_001, 0, 0),
    (10_001, 1, 1),
    (10_001, 200, 200),
    (10_001, 333, 333),
    (10_001, 10_000, 10_001),
]


def decimal(minor):
    return f"{minor // 100}.{minor % 100:02}"


def step(client, order_id, to):
    body = {"to": to, **({"carrier": "Posta"} if to == "shipped" else {})}
    return client.post(f"/api/v1/orders/{order_id}/steps", json=body)


def test_K5_M15_S10_M8_an_order_goes_from_paid_to_completed_and_its_money_is_split(bazaar):
    assert bazaar.money_arrives()
    assert bazaar.shares() == (50_000, 0, 0)
    bazaar.to_state("shipped")
    assert bazaar.read_order()["carrier"] == "Posta"
    bazaar.step(bazaar.buyer, "delivered", note="thank you")
    assert bazaar.shares() == (0, 49_000, 1_000)
    states = ["pending_payment", "paid", "confirmed", "packed", "shipped", "delivered", "completed"]
    assert bazaar.history() == bazaar.announced() == states
    shown = bazaar.read_order()
    assert shown["held"] == {"amount": "0.00", "currency": "KES"}
    assert shown["stream"]["offset"] == len(states)
    actors = [change["actor"] for change in shown["history"]]
    buyer, seller = shown["buyer"]["username"], shown["seller"]["username"]
    assert actors == [buyer, None, seller, seller, seller, buyer, buyer]
    codes = [item["code"] for item in bazaar.seller.get(f"/api/v1/orders/{bazaar.order_id}/ledger").json()["items"]]
    assert codes == ["capture", "release", "commission"]
    assert bazaar.buyer.get(f"/api/v1/orders/{bazaar.order_id}/ledger").status_code == 404


@pytest.mark.parametrize("basis_points", sorted({bp for _minor, bp, _fee in SPLITS}))
def test_M8_odd_totals_are_split_without_losing_or_making_a_unit(make_bazaar, basis_points):
    bazaar = make_bazaar({"orders__commission_bp": str(basis_points)}, stock=50)
    kept = owed = 0
    for minor, fee in [(minor, fee) for minor, bp, fee in SPLITS if bp == basis_points]:
        bazaar.put(bazaar.publish(decimal(minor), "KES", 1))
        bazaar.checkout = bazaar.place().json()
        assert bazaar.money_arrives()
        bazaar.to_state("shipped")
        bazaar.step(bazaar.buyer, "delivered")
        kept, owed = kept + fee, owed + minor - fee
        assert bazaar.shares() == (0, owed, kept), minor


def test_the_share_is_the_one_of_the_moment_of_ordering(bazaar):
    bazaar.market.query("UPDATE orders SET commission_minor = 5000")
    bazaar.money_arrives()
    bazaar.to_state("shipped")
    bazaar.step(bazaar.buyer, "delivered")
    assert bazaar.shares() == (0, 45_000, 5_000)


def expected(current, target, role):
    if role == "stranger":
        return 404
    if target not in ORDER_TRANSITIONS.get(current, frozenset()):
        return 409
    if role not in STEPS.get((current, target), frozenset()):
        return 403
    return 409 if target in OF_WORK else 200


def test_K5_M15_every_step_in_every_state_by_everybody(make_bazaar):
    bazaar = make_bazaar(stock=1000)
    clients = {
        "buyer": bazaar.buyer,
        "seller": bazaar.seller,
        "stranger": bazaar.person(),
        "admin": bazaar.person("admin"),
    }
    differences, taken = [], 0
    for current in OrderState:
        for target in ASKABLE:
            for role, client in clients.items():
                status = expected(current, target, role)
                if status == 200 or not bazaar.checkout or bazaar.order().state != current:
                    bazaar.checkout = bazaar.check_out()
                    if current in HELD:
                        bazaar.money_arrives()
                    bazaar.market.query(_INTO, s=current, id=bazaar.order_id)
                answer = step(client, bazaar.order_id, target)
                taken += answer.status_code == 200
                if answer.status_code != status:
                    differences.append((str(current), str(target), role, status, answer.status_code))
    assert differences == []
    assert taken == sum(len(actors) for (_current, target), actors in STEPS.items() if target not in OF_WORK)
    bazaar.market.query("UPDATE orders SET state = disputed_from WHERE state = 'disputed'")
    bazaar.market.query(
        "UPDATE orders SET state = 'cancelled' WHERE state NOT IN ('completed') AND id NOT IN "
        "(SELECT CAST(ref_id AS bigint) FROM ledger_transfers WHERE ref_type = 'order')"
    )


def test_the_table_of_steps_names_only_steps_there_are():
    for current, target in STEPS:
        assert target in ORDER_TRANSITIONS[current]


@pytest.mark.parametrize(
    "to", ["paid", "expired", "refunded", "disputed", "pending_payment", "created", "", "PAID", None, 1]
)
def test_nobody_asks_for_a_step_that_is_the_platforms_own(bazaar, to):
    assert step(bazaar.seller, bazaar.order_id, to).status_code == 422


def test_K5_a_parcel_is_shipped_with_a_carrier(bazaar):
    bazaar.money_arrives()
    bazaar.to_state("packed")
    answer = bazaar.seller.post(f"/api/v1/orders/{bazaar.order_id}/steps", json={"to": "shipped"})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["carrier"]


def test_what_the_seller_calls_delivered_is_released_by_the_job_after_its_days_and_not_before(bazaar):
    bazaar.money_arrives()
    bazaar.to_state("delivered")
    assert bazaar.order().state == "delivered"
    bazaar.market.travel("7 days -5 seconds")
    bazaar.released()
    assert bazaar.shares() == (50_000, 0, 0)
    bazaar.market.travel("7 days 5 seconds")
    bazaar.released()
    bazaar.released()
    assert bazaar.order().state == "completed"
    assert bazaar.shares() == (0, 49_000, 1_000)
    assert bazaar.history()[-2:] == ["delivered", "completed"]


def test_the_buyers_word_may_be_set_to_release_nothing_at_once(make_bazaar):
    bazaar = make_bazaar({"orders__release_on_confirmation": "false"})
    bazaar.money_arrives()
    bazaar.to_state("shipped")
    bazaar.step(bazaar.buyer, "delivered")
    assert bazaar.order().state == "delivered"
    assert bazaar.shares() == (50_000, 0, 0)
    bazaar.step(bazaar.buyer, "completed")
    assert bazaar.shares() == (0, 49_000, 1_000)


def test_one_order_that_cannot_be_released_holds_up_no_other(bazaar, capsys):
    first = bazaar.checkout
    second = bazaar.check_out()
    for checkout in (first, second):
        bazaar.checkout = checkout
        bazaar.money_arrives()
        bazaar.to_state("delivered")
    bazaar.market.query("UPDATE orders SET total_minor = total_minor + 1 WHERE checkout_id = :id", id=first["id"])
    bazaar.market.travel("8 days")
    capsys.readouterr()
    bazaar.released()
    assert "order_deadline_failed" in capsys.readouterr().out
    assert bazaar.order().state == "completed"
    bazaar.checkout = first
    assert bazaar.order().state == "delivered"
    assert bazaar.history()[-1] == "delivered"
    bazaar.market.query("UPDATE orders SET total_minor = total_minor - 1 WHERE checkout_id = :id", id=first["id"])
    bazaar.released()
    assert bazaar.order().state == "completed"


def test_M7_M14_an_unpaid_order_expires_at_its_deadline_and_not_before(bazaar):
    bazaar.market.travel("24 hours -5 seconds")
    bazaar.run_deadlines()
    assert (bazaar.order().state, bazaar.stock_left()) == ("pending_payment", 4)
    bazaar.market.travel("24 hours 1 second")
    bazaar.run_deadlines()
    assert (bazaar.order().state, bazaar.stock_left()) == ("expired", 5)
    assert bazaar.history() == bazaar.announced() == ["pending_payment", "expired"]


def test_stock_returns_once_however_many_look_at_the_clock(make_bazaar):
    bazaar = make_bazaar(stock=100)
    for _number in range(9):
        bazaar.check_out(2)
    bazaar.market.travel("25 hours")
    at_once([bazaar.run_deadlines] * 4)
    assert bazaar.stock_left() == 100
    ((expired,),) = bazaar.market.query("SELECT count(*) FROM order_history WHERE state = 'expired'")
    assert expired == 10


def test_an_order_with_an_open_attempt_waits_for_the_attempts_own_end(bazaar):
    bazaar.market.query(
        """INSERT INTO payments (code, user_id, purpose, reference, provider, currency, amount_minor, state,
                                 expires_at)
           SELECT 'ABC', buyer_id, 'checkout', id::text, 'cash', 'KES', total_minor, 'pending',
                  market_clock() + interval '24 hours 10 minutes' FROM checkouts"""
    )
    bazaar.market.travel("24 hours 9 minutes")
    bazaar.run_deadlines()
    assert bazaar.order().state == "pending_payment"
    bazaar.market.travel("24 hours 11 minutes")
    bazaar.run_deadlines()
    assert bazaar.order().state == "expired"


def test_cancelling_returns_the_stock_once(bazaar):
    bazaar.step(bazaar.seller, "cancelled", note="sold out in the shop")
    assert bazaar.stock_left() == 5
    assert step(bazaar.buyer, bazaar.order_id, "cancelled").status_code == 409
    bazaar.market.travel("25 hours")
    bazaar.run_deadlines()
    assert bazaar.stock_left() == 5
    assert bazaar.history() == ["pending_payment", "cancelled"]
    assert not bazaar.money_arrives()


def test_of_two_steps_at_once_one_is_taken(bazaar):
    for _round in range(10):
        bazaar.market.query("UPDATE listings SET quantity = 5")
        bazaar.checkout = bazaar.check_out()
        bazaar.money_arrives()
        order_id = bazaar.order_id
        answers = at_once([lambda order_id=order_id: step(bazaar.seller, order_id, "confirmed")] * 4)
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        assert bazaar.history() == bazaar.announced() == ["pending_payment", "paid", "confirmed"]


def test_the_buyers_word_and_the_job_at_once_release_the_money_once(bazaar):
    for _round in range(10):
        bazaar.market.query("UPDATE listings SET quantity = 5")
        bazaar.checkout = bazaar.check_out()
        bazaar.money_arrives()
        bazaar.to_state("delivered")
        bazaar.market.query("UPDATE orders SET release_at = market_clock() WHERE id = :id", id=bazaar.order_id)
        order_id = bazaar.order_id
        answer, _released = at_once(
            [lambda order_id=order_id: step(bazaar.buyer, order_id, "completed"), bazaar.released]
        )
        assert answer.status_code in (200, 409)
        assert bazaar.history().count("completed") == 1
        releases = bazaar.market.query(
            "SELECT 1 FROM ledger_transfers WHERE code = 'release' AND ref_id = :id", id=str(order_id)
        )
        assert len(releases) == 1


def walk(client, **query):
    """Return the ids of every page of a list of orders."""
    found, cursor = [], None
    while True:
        page = client.get(
            "/api/v1/orders", params={**query, "limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        found += [order["id"] for order in page["items"]]
        if not (cursor := page["next"]):
            return found


def test_lists_show_ones_own_orders_on_either_side_newest_first(make_bazaar):
    bazaar = make_bazaar(stock=100)
    other = Shop(bazaar.market)
    mine = [bazaar.order_id, *(bazaar.check_out()["orders"][0]["id"] for _ in range(4))]
    assert walk(bazaar.buyer) == walk(bazaar.seller, role="seller") == mine[::-1]
    assert walk(bazaar.buyer, role="seller") == walk(bazaar.seller, role="buyer") == []
    assert walk(other.buyer) == walk(other.seller, role="seller") == [other.order_id]
    bazaar.step(bazaar.buyer, "cancelled")
    assert walk(bazaar.buyer, state="cancelled") == [bazaar.order_id]
    assert bazaar.order_id not in walk(bazaar.buyer, state="pending_payment")


def test_a_cursor_serves_only_whose_it_is_and_the_list_it_came_from(make_bazaar):
    bazaar = make_bazaar(stock=100)
    bazaar.check_out()
    cursor = bazaar.buyer.get("/api/v1/orders", params={"limit": 1}).json()["next"]
    assert bazaar.person().get("/api/v1/orders", params={"cursor": cursor}).status_code == 422
    assert bazaar.buyer.get("/api/v1/orders", params={"cursor": cursor, "role": "seller"}).status_code == 422


def test_an_order_is_seen_by_its_parties_and_admins_alone(bazaar):
    url = f"/api/v1/orders/{bazaar.order_id}"
    seen = {role: client.get(url).status_code for role, client in {
        "buyer": bazaar.buyer, "seller": bazaar.seller, "admin": bazaar.person("admin"), "stranger": bazaar.person(),
        "guest": bazaar.market.client(),
    }.items()}  # fmt: skip
    assert seen == {"buyer": 200, "seller": 200, "admin": 200, "stranger": 404, "guest": 401}
