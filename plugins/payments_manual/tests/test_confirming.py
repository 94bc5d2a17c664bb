"""Who may say that money came, and what of it is believed."""

from __future__ import annotations

import httpx
import pytest

from marketcore.exceptions import ConfigurationError
from marketcore.payments.reconciler import reconcile
from marketcore.testing.contracts import at_once
from marketcore.testing.market import Market
from marketcore.testing.shop import register

LATER = "4321 minutes"


def ask_when_due(shop):
    """Let the reconciler ask about whatever is due."""
    return reconcile(shop.market.registry)


def test_a_transfer_is_explained_and_confirmed_by_an_admin(bank):
    payment = bank.pay({})
    assert payment["state"] == "pending"
    assert payment["next_action"] == {
        "kind": "instructions",
        "data": {
            "account": "Equity 0123",
            "account_of": "platform",
            "amount": "500.00",
            "currency": "KES",
            "reference": payment["code"],
        },
    }
    assert ask_when_due(bank) == 0
    bank.assert_unpaid()
    assert bank.confirm(bank.boss, payment, "FT42").json()["receipt"] == "FT42"
    bank.assert_paid_once()
    bank.deliver()
    assert bank.books("bank_transfer") == (49_000, 0, 1_000, 50_000, 0)
    acts = bank.market.query("SELECT act, subject_id, detail FROM audit_log")
    assert acts == [("payment.confirm", payment["id"], {"amount": "500.00 KES", "receipt": "FT42"})]


def test_nobody_but_who_receives_the_money_says_that_it_came(bank):
    payment = bank.pay({})
    stranger = bank.market.client(register(bank.market, "both")["access"])
    asked = {who: bank.confirm(who, payment).status_code for who in (bank.market.client(), bank.buyer, stranger)}
    assert list(asked.values()) == [401, 403, 404]
    assert bank.confirm(bank.seller, payment).status_code == 403
    assert bank.reject(bank.seller, payment).status_code == 403
    bank.market.query("UPDATE users SET roles = '{buyer,seller}' WHERE id = :id", id=bank.buyer_user["user"]["id"])
    bank.log_in()
    assert bank.confirm(bank.buyer, payment).status_code == 403
    bank.assert_unpaid()
    assert bank.market.query("SELECT * FROM audit_log") == []


def test_another_amount_is_refused_before_anything_changes(bank):
    payment = bank.pay({})
    for amount, currency, field in (
        ("499.99", "KES", "amount.amount"),
        ("500.01", "KES", "amount.amount"),
        ("500.00", "USD", "amount.currency"),
        ("0.00", "KES", "amount.amount"),
    ):
        refused = bank.confirm(bank.boss, payment, amount={"amount": amount, "currency": currency})
        assert (refused.status_code, list(refused.json()["errors"])) == (422, [field]), amount
    bank.assert_unpaid()
    assert bank.payment_row(payment).state == "pending"


def test_saying_it_twice_is_harmless_and_saying_otherwise_is_refused(bank):
    payment = bank.pay({})
    first, second = bank.confirm(bank.boss, payment, "FT1"), bank.confirm(bank.boss, payment, "FT1")
    assert (first.status_code, second.json()) == (200, first.json())
    assert bank.confirm(bank.boss, payment, "FT2").status_code == 409
    assert bank.reject(bank.boss, payment).status_code == 409
    bank.assert_paid_once()
    other = bank.order()
    assert bank.confirm(bank.boss, other, "FT1").status_code == 409
    assert bank.payment_row(other).state == "pending"
    assert len(bank.market.query("SELECT * FROM audit_log")) == 1


def test_every_seller_counts_receipts_from_one(cash):
    first, second = cash.pay({}), cash.order()
    assert [cash.confirm(cash.seller, payment, "1").status_code for payment in (first, second)] == [200, 200]
    assert cash.payment_row(second).provider_receipt == f"{second['code']}:1"


def test_the_seller_and_two_admins_at_once_have_one_effect(cash):
    payment = cash.pay({})
    tokens = [cash.seller_user["access"], *(cash.admin().headers["Authorization"].split()[1] for _admin in range(2))]

    def confirm(token, headers=None):
        body = {"amount": payment["amount"], "receipt": "7"}
        with cash.market.client(token) as http:
            return http.post(f"/api/v1/payments/{payment['id']}/confirmation", json=body, headers=headers or {})

    key = {"Idempotency-Key": "ten-times-one-key"}
    answers = at_once([lambda token=token: confirm(token) for token in tokens] + [lambda: confirm(tokens[0], key)] * 10)
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert cash.payment_row(payment).state == "captured"
    assert cash.codes() == ["capture"]
    assert len(cash.market.query("SELECT * FROM audit_log")) == 1


def test_a_transfer_that_nobody_saw_expires_and_counts_when_it_comes_after_all(bank):
    payment = bank.pay({})
    bank.market.travel(LATER)
    assert ask_when_due(bank) == 1
    assert (bank.payment_row(payment).state, bank.payment_row(payment).reason) == ("expired", "not_received")
    bank.run_deadlines()
    bank.log_in()
    assert bank.state() == "expired"
    assert bank.confirm(bank.admin(), payment).status_code == 200
    bank.assert_paid_once()


def test_a_transfer_for_goods_that_are_gone_is_set_aside(bank):
    payment = bank.pay({})
    bank.step(bank.buyer, "cancelled")
    assert bank.confirm(bank.boss, payment).json()["state"] == "captured"
    assert bank.codes() == ["unapplied"]
    decision = {"action": "refund", "target": "by_hand", "reason": "the order was cancelled"}
    answer = bank.boss.post(f"/api/v1/payments/{payment['id']}/set-aside", json=decision)
    assert answer.json()["refund"]["state"] == "by_hand"
    bank.paid_back(answer.json()["refund"])


def test_a_rejected_transfer_leaves_the_order_to_be_paid_otherwise(bank):
    first = bank.pay({})
    assert bank.start_payment({}).status_code == 409
    rejected = bank.reject(bank.boss, first).json()
    assert (rejected["state"], rejected["reason"]) == ("failed", "not_received")
    second = bank.pay({})
    assert bank.confirm(bank.boss, second).status_code == 200
    bank.assert_paid_once()


def test_an_interrupted_start_is_made_up_for(bank):
    """As if the process had died between writing the attempt and answering the payer."""
    payment = bank.pay({})
    bank.market.query("UPDATE payments SET state = 'submitting', next_action = NULL, next_check_at = market_clock()")
    assert bank.confirm(bank.boss, payment).status_code == 409
    assert ask_when_due(bank) == 1
    row = bank.payment_row(payment)
    assert (row.state, row.next_action["data"]["reference"], row.next_check_at) == (
        "pending",
        payment["code"],
        row.expires_at,
    )


def test_the_sellers_account_is_confirmed_by_the_seller_and_settled_like_cash(make_counter):
    shop = make_counter("bank_transfer", {"payments_manual__bank_account_of": "seller"})
    payment = shop.pay({})
    assert payment["next_action"]["data"]["account_of"] == "seller"
    assert shop.confirm(shop.seller, payment).status_code == 200
    shop.deliver()
    assert shop.books("bank_transfer") == (0, 1_000, 1_000, 0, 0)


def test_payments_that_gateways_report_are_not_confirmed_by_hand(cash):
    payment = cash.pay({})
    cash.market.query("UPDATE payments SET provider = 'mpesa'")
    assert cash.confirm(cash.boss, payment).status_code == 409
    assert cash.confirm(cash.seller, payment).status_code == 404
    cash.market.query("UPDATE payments SET provider = 'cash_on_delivery'")
    for slug in ("cash", "transfer"):
        assert httpx.post(f"{cash.market.url}/hooks/{slug}", content=b"{}", trust_env=False).status_code == 401


def test_a_route_to_an_account_that_nobody_has_named_stops_the_start(make_settings):
    with pytest.raises(ConfigurationError, match=r"payments_manual\.bank_account is not set, and payments\.route\.KES"):
        Market(make_settings("payments_manual", payments__route__KES="cash_on_delivery bank_transfer"))
    Market(make_settings("payments_manual", payments__route__KES="cash_on_delivery")).close()
