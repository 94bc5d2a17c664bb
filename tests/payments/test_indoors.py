"""Payments that no gateway is called for: within the marketplace, on delivery, and by hand."""

from __future__ import annotations

import pytest

from marketcore.directives import table
from marketcore.exceptions import Invalid
from marketcore.interfaces import Outcome, ProviderResult
from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money
from marketcore.payments.services import PaymentService
from marketcore.refunds.services import RefundService
from marketcore.testing.shop import register

KES = Money(50_000, "KES")


@pytest.fixture
def routed(make_till):
    """Return ``till(provider)``: a till whose route leads to one of the indoor providers."""

    def make(provider, **options):
        return make_till({"payments__route__KES": provider, "orders__release_days": "0"}, **options)

    return make


def fill(till, minor):
    """Give the buyer ``minor`` in the wallet."""
    account = wallet(till.buyer_user["user"]["id"], "KES")
    id = business_id("gift", account.id)
    gift = Transfer(id, provider_clearing("gift", "KES"), account, minor, "gift", "test", "1")
    till.market.perform(lambda request: request.find_service(LedgerService).transfer([gift], event_id=id))


def left(till):
    account = wallet(till.buyer_user["user"]["id"], "KES")
    return till.market.perform(lambda request: request.find_service(LedgerService).balance(account).available_minor)


def report(till, payment, result):
    """Apply what a person says."""
    return till.market.perform(
        lambda request: request.find_service(PaymentService).apply_provider_state(
            till.row(payment).id, result, "by_hand"
        )
    )


def test_money_within_the_marketplace_is_collected_at_once(routed):
    till = routed("purse")
    fill(till, 60_000)
    assert till.pay({})["state"] == "captured"
    till.assert_paid_once()
    assert left(till) == 10_000


def test_too_little_money_within_the_marketplace_declines_and_moves_nothing(routed):
    till = routed("purse")
    fill(till, 49_999)
    payment = till.pay({})
    assert (payment["state"], payment["reason"]) == ("failed", "insufficient_funds")
    assert (till.order_state(), left(till)) == ("pending_payment", 49_999)


def test_a_refund_within_the_marketplace_is_back_at_once(routed):
    till = routed("purse")
    fill(till, 50_000)
    till.pay({})

    def refund(request):
        service = request.find_service(RefundService)
        return service.read(service.request(service.payment_of(till.order_id), 20_000, order_id=till.order_id))

    assert till.market.perform(refund).state == "succeeded"
    assert left(till) == 20_000
    till.step(till.seller, "cancelled")
    assert left(till) == 50_000


def test_goods_leave_before_the_money_and_the_order_waits_for_it(routed):
    till = routed("doorstep")
    payment = till.pay({})
    assert payment["state"] == "authorized"
    assert till.transfers() == []
    assert till.ask_now() == 0
    for target in ("packed", "shipped"):
        till.step(till.seller, target, **({"carrier": "Posta"} if target == "shipped" else {}))
    assert till.step(till.buyer, "delivered")["state"] == "delivered"
    refused = till.buyer.post(f"/api/v1/orders/{till.order_id}/steps", json={"to": "completed"})
    assert (refused.status_code, "cash" in refused.text) == (409, True)
    assert report(till, payment, ProviderResult(Outcome.SUCCEEDED, receipt="7", amount=KES)) == "captured"
    order = till.read_order()
    assert (order["state"], order["held"]) == ("delivered", order["total"])
    assert till.step(till.buyer, "completed")["state"] == "completed"


def test_a_promise_is_not_taken_from_a_checkout_of_two_sellers(routed):
    till = routed("doorstep")
    other = till.market.client(register(till.market, "seller")["access"])
    seller, till.seller = till.seller, other
    listing = till.publish("20.00", "KES", 5)
    till.seller = seller
    till.step(till.buyer, "cancelled")
    assert till.buyer.post("/api/v1/cart/items", json={"listing_id": listing["id"]}).status_code == 200
    payment = till.buy()
    assert (payment["state"], payment["reason"]) == ("voided", "not_possible_here")
    assert till.states(payment) == ["submitting", "authorized", "voided"]
    assert {order["state"] for order in till.checkout["orders"]} == {"pending_payment"}
    assert till.start_payment({}).status_code == 202


def test_somebody_who_confirms_is_not_asked_before_the_payers_time_is_over(routed):
    till = routed("counter")
    payment = till.pay({})
    assert payment["next_action"] == {"kind": "instructions", "data": {"code": payment["code"]}}
    row = till.row(payment)
    assert (row.state, row.next_check_at) == ("pending", row.expires_at)
    till.ask_now()
    assert till.row(payment).state == "pending"
    till.market.travel("16 minutes")
    till.log_in()
    till.ask_now()
    assert till.row(payment).state == "expired"
    assert report(till, payment, ProviderResult(Outcome.SUCCEEDED, receipt="7", amount=KES)) == "captured"
    till.assert_paid_once()


class Recharge:
    """A purpose that neither the purse nor a promise can serve."""

    excluded_providers = ("purse",)

    def amount_due(self, _request, _reference, _user_id):
        return KES


def test_a_purpose_keeps_unfit_providers_away_and_promises_are_no_money(routed):
    till = routed("purse doorstep counter")
    table(till.market.registry, "payment purposes")["recharge"] = Recharge()

    def ask(request):
        payments = request.find_service(PaymentService)
        with pytest.raises(Invalid, match="purse cannot collect for this"):
            payments.open(till.buyer_user["user"]["id"], "recharge", "1", provider="purse", payer={})
        return [provider.name for provider in payments.options("recharge", "1", 1)[1]]

    assert till.market.perform(ask) == ["counter"]
