"""The daily comparison with Daraja's list, which has payments only, of two days only."""

from __future__ import annotations

import pytest

from marketcore.reconciliation.services import reconcile_all
from marketcore.testing.contracts import settle
from marketcore.testing.refund_contracts import refunded
from marketcore.testing.shop import Shop
from marketcore_simulator.daraja import credentials

from .attempts import approve

OPEN = "SELECT kind, what FROM reconciliation_differences WHERE resolved_at IS NULL ORDER BY id"


@pytest.fixture
def market(make_market, simulator, mpesa_settings):
    simulator.world.settings.update({"result_after": 0.02})
    more = {
        "payments_mpesa__initiator": credentials.INITIATOR_NAME,
        "payments_mpesa__security_credential": credentials.SECURITY_CREDENTIAL,
        "payments_mpesa__pull": "true",
        "payments_mpesa__pull_number": "0712345678",
    }
    return make_market("payments_mpesa", payments__route__KES="mpesa", **mpesa_settings, **more)


@pytest.fixture
def simulated_day(market, simulator):
    """Let time pass here and at the gateway."""

    def pass_by(hours):
        market.travel(f"{hours} hours")
        simulator.world.clock.reset()
        simulator.world.clock.shift(hours * 3600)
        simulator.app.daraja.tokens.revoke()

    return pass_by


@pytest.fixture(autouse=True)
def one_clock(monkeypatch, simulator, market):
    """The provider goes by the gateway's clock."""
    provider = market.registry["payment_routing"].by_name("mpesa")
    monkeypatch.setattr(provider, "_clock", simulator.world.clock.now)


def test_what_the_list_cannot_have_is_no_difference(market, simulator, simulated_day):
    shop = Shop(market, price="500.00")
    payment = shop.pay({"phone": "0712 345 678"})
    approve(simulator)
    assert settle(shop, payment) == "captured"
    refund = shop.refund(target="original")
    assert refunded(shop, refund) == "succeeded"
    for hours in (3, 27, 51):
        simulated_day(hours)
        assert reconcile_all(market.registry) == 0


def test_money_that_only_the_list_has_stays_a_difference_when_the_list_forgets_it(market, simulator, simulated_day):
    made = simulator.app.daraja.office.paybill.pay("254712345678", 75, "WHOKNOWS")
    for hours in (3, 27, 51, 75):
        simulated_day(hours)
        reconcile_all(market.registry)
        assert [tuple(row) for row in market.query(OPEN)] == [("only_there", f"payment:{made.receipt}")]


def test_a_difference_that_has_been_put_right_is_gone(market, simulator, simulated_day):
    shop = Shop(market, price="500.00")
    payment = shop.pay({"phone": "0712 345 678"})
    prompt = simulator.app.daraja.desk.prompts.all()[-1]
    simulator.app.daraja.desk.decide(prompt, "cancel")
    assert settle(shop, payment) == "failed"
    made = simulator.app.daraja.office.paybill.pay("254712345678", 500, payment["code"])
    simulated_day(3)
    assert reconcile_all(market.registry) == 1
    found = "UPDATE payments SET provider_receipt = :receipt, state = 'captured', received_minor = 50000"
    market.query(found, receipt=made.receipt)
    reconcile_all(market.registry)
    # Nobody has booked it, which is another difference.
    assert [tuple(row) for row in market.query(OPEN)] == [("ledger", f"payment:{payment['id']}")]
