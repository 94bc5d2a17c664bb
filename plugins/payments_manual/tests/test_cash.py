"""Cash on delivery: the goods leave first, and what the seller holds is settled to the last unit."""

from __future__ import annotations

from marketcore.testing.contracts import at_once
from marketcore.testing.shop import register

from .people import Counter


def test_cash_from_the_order_to_the_commission_owed(cash):
    payment = cash.pay({})
    assert (payment["state"], payment["provider"]) == ("authorized", "cash_on_delivery")
    assert cash.state() == "confirmed"
    cash.deliver()
    refused = cash.buyer.post(f"/api/v1/orders/{cash.order_id}/steps", json={"to": "completed"})
    assert (refused.status_code, cash.state()) == (409, "delivered")
    confirmed = cash.confirm(cash.seller, payment)
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "captured")
    order = cash.read_order()
    assert (order["state"], order["held"]) == ("delivered", order["total"])
    assert cash.books() == (0, 0, 0, 50_000, 0)
    cash.step(cash.buyer, "completed")
    assert cash.books() == (0, 1_000, 1_000, 0, 0)
    assert cash.stock_left() == 49


# Of 50 000 units two percent are the platform's. What the seller owed before, what goes back before the end by the
# seller's hand and to the buyer's wallet, and after the end by hand; and the platform's share of what is left.
ORDERS = (
    (700, 0, 0, 0, 1_000),
    (0, 10_000, 0, 0, 800),
    (0, 25, 0, 25, 999),
    (300, 10_000, 5_000, 0, 700),
    (0, 33_333, 0, 16_667, 0),
    (49_000, 0, 0, 0, 1_000),
    (80_000, 0, 20_000, 0, 600),
    (0, 0, 0, 50_000, 0),
)


CURRENCIES = (("KES", "500.00", ORDERS), ("UGX", "50000", ORDERS[:3]), ("KWD", "50.000", ORDERS[:3]))


def test_the_seller_ends_up_owing_the_commission_whatever_came_before_or_goes_back(make_counter):
    market = make_counter(plugins=("payments_manual", "wallet")).market
    for currency, price, orders in CURRENCIES:
        owe_the_commission(Counter(market, price=price, currency=currency), orders)


def owe_the_commission(cash, orders):
    """Sell for cash under each of the conditions, and in the end once for money that the platform gets."""
    owed = earned = 0
    for older, by_hand, to_wallet, after, fee in orders:
        cash.owe(older) if older else None
        payment = cash.order()
        assert cash.confirm(cash.seller, payment).status_code == 200
        if by_hand:
            cash.paid_back(cash.refund(by_hand))
        if to_wallet:
            cash.refund(to_wallet, "wallet")
        cash.deliver()
        cash.complete()
        if after:
            cash.paid_back(cash.refund(after))
        earned, owed = earned + fee, owed + older + fee + to_wallet
        assert cash.books() == (0, owed, earned, 0, 0), (older, by_hand, to_wallet, after)
    cash.sell_online()
    assert cash.books() == (max(0, 49_000 - owed), max(0, owed - 49_000), earned + 1_000, 0, 0)


def test_a_refund_of_everything_leaves_nobody_owing_anything(cash):
    cash.confirm(cash.seller, cash.pay({}))
    cash.step(cash.seller, "cancelled")
    assert cash.state() == "cancelled"
    assert cash.books() == (0, 50_000, 0, 0, 0)
    (refund,) = cash.seller.get(f"/api/v1/orders/{cash.order_id}/refunds").json()["items"]
    assert refund["state"] == "by_hand"
    cash.paid_back(refund)
    assert cash.books() == (0, 0, 0, 0, 0)


def test_cash_handed_back_after_the_debt_was_settled_is_the_sellers_again(cash):
    payment = cash.order()
    cash.confirm(cash.seller, payment)
    refund = cash.refund(50_000)
    assert cash.books() == (0, 50_000, 0, 0, 0)
    cash.sell_online()
    assert cash.books() == (0, 1_000, 1_000, 0, 0)
    cash.paid_back(refund)
    assert cash.books() == (49_000, 0, 1_000, 0, 0)


def test_a_cancelled_order_ends_the_promise_and_returns_the_goods(cash):
    payment = cash.pay({})
    assert cash.buyer.post(f"/api/v1/orders/{cash.order_id}/steps", json={"to": "cancelled"}).status_code == 403
    cash.step(cash.seller, "cancelled")
    row = cash.payment_row(payment)
    assert (row.state, row.reason, cash.stock_left()) == ("failed", "order_cancelled", 50)
    assert cash.confirm(cash.seller, payment).status_code == 409
    assert cash.market.query("SELECT * FROM ledger_transfers") == []


def test_goods_nobody_paid_for_at_the_door_come_back(cash):
    for steps in ((), ("packed",), ("packed", "shipped")):
        payment = cash.order()
        for target in steps:
            cash.step(cash.seller, target, **({"carrier": "Posta"} if target == "shipped" else {}))
        before = cash.stock_left()
        assert cash.reject(cash.buyer, payment).status_code == 403
        assert cash.reject(cash.seller, payment).json()["state"] == "failed"
        assert (cash.state(), cash.stock_left()) == ("cancelled", before + 1)
        assert cash.payment_row(payment).reason == "not_received"
        assert cash.reject(cash.seller, payment).status_code == 409
    payment = cash.order()
    cash.deliver()
    assert cash.reject(cash.seller, payment).status_code == 409
    assert (cash.state(), cash.payment_row(payment).state) == ("delivered", "authorized")


def test_a_checkout_of_two_sellers_is_not_paid_at_the_door(cash):
    mine, cash.seller = cash.seller, cash.market.client(register(cash.market, "seller")["access"])
    theirs = cash.publish("20.00", "KES", 5)
    cash.seller = mine
    assert cash.buyer.post("/api/v1/cart/items", json={"listing_id": theirs["id"]}).status_code == 200
    payment = cash.order()
    assert (payment["state"], payment["reason"]) == ("voided", "not_possible_here")
    assert {order["state"] for order in cash.checkout["orders"]} == {"pending_payment"}
    assert cash.confirm(cash.boss, payment).status_code == 409


def test_cash_is_no_way_to_recharge_a_wallet(make_counter):
    cash = make_counter(plugins=("payments_manual", "wallet"))
    amount = {"amount": {"amount": "5.00", "currency": "KES"}}
    assert cash.buyer.post("/api/v1/wallet/recharges", json=amount).status_code == 422


def test_confirming_cancelling_and_rejecting_at_once_leave_one_end(cash):
    ends = set()
    for _round in range(6):
        payment = cash.order()
        confirmed, rejected, cancelled = at_once(
            [
                lambda payment=payment: cash.confirm(cash.market.client(cash.seller_user["access"]), payment),
                lambda payment=payment: cash.reject(cash.boss, payment),
                lambda: cash.seller.post(f"/api/v1/orders/{cash.order_id}/steps", json={"to": "cancelled"}),
            ]
        )
        assert {answer.status_code for answer in (confirmed, rejected, cancelled)} <= {200, 409}
        row = cash.payment_row(payment)
        assert row.state == ("captured" if confirmed.status_code == 200 else "failed")
        # Cancelled after the cash was confirmed, the order owes its buyer a refund.
        assert cash.state() == ("cancelled" if cancelled.status_code == 200 or row.state == "failed" else "confirmed")
        ends.add(row.state)
    assert ends <= {"captured", "failed"}
    assert cash.books()[3:] == (cash.market.query(_HELD)[0][0], 0)


_HELD = "SELECT coalesce(sum(total_minor), 0)::bigint FROM orders WHERE paid_at IS NOT NULL AND state = 'confirmed'"
