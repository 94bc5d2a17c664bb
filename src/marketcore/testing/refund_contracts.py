"""The contract of providers that give money back, as tests; see ``contracts`` for how to run it."""

from __future__ import annotations

import time
from typing import Any, Protocol

import pytest

from marketcore.testing.contracts import Gateway, PaymentProviderContract, at_once, background_round, settle
from marketcore.testing.shop import Shop

REFUND_SCRIPTS = ("ok", "http_500", "http_429", "drop_before", "drop_after", "hang", "html_error")


class RefundGateway(Gateway, Protocol):
    """A gateway whose refunds are scripted too."""

    def script_refund(self, name: str) -> None:
        """Let the next refund follow the failure script ``name`` (one of ``REFUND_SCRIPTS``)."""
        ...

    def finish_refund(self, refund: dict[str, Any], *, well: bool = True) -> None:
        """Let a recorded refund end; nothing to do where the gateway ends it at once."""
        ...

    def refunds(self) -> int:
        """Return how many refunds the gateway has recorded."""
        ...


class RefundingProviderContract(PaymentProviderContract):
    """All of ``PaymentProviderContract``, and what is owed about refunds.

    ``partial`` says whether the provider can refund a part.
    """

    partial = True

    @pytest.fixture
    def paid(self, shop: Shop, gateway: RefundGateway, payer: dict[str, Any]) -> Shop:
        """Return a shop whose order is paid through the provider."""
        payment = shop.pay(payer)
        gateway.approve(payment)
        assert settle(shop, payment) == "captured"
        return shop

    def test_a_refund_goes_back_the_way_the_money_came(self, paid: Shop, gateway: RefundGateway) -> None:
        refund = paid.refund(target="original")
        background_round(paid.market)
        gateway.finish_refund(refund)
        assert refunded(paid, refund) == "succeeded"
        assert gateway.refunds() == 1
        assert paid.codes().count("refund_sent") == 1
        assert paid.read_order()["state"] == "refunded"

    def test_several_refunds_never_exceed_what_was_paid(self, paid: Shop, gateway: RefundGateway) -> None:
        amounts = _thirds(paid) if self.partial else [paid.read_order()["total"]]
        for amount in amounts:
            refund = paid.refund(target="original", amount=amount)
            background_round(paid.market)
            gateway.finish_refund(refund)
            assert refunded(paid, refund) == "succeeded"
        more = {"target": "original", "reason": "again", "amount": amounts[0]}
        assert paid.seller.post(f"/api/v1/orders/{paid.order_id}/refunds", json=more).status_code == 409
        assert gateway.refunds() == len(amounts)

    def test_refunds_of_the_whole_at_one_instant_are_one(self, paid: Shop, gateway: RefundGateway) -> None:
        def wish() -> Any:
            with paid.market.client(paid.seller_user["access"]) as http:
                return http.post(f"/api/v1/orders/{paid.order_id}/refunds", json={"reason": "all of it"})

        answers = at_once([wish] * 8)
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
        at_once([lambda: background_round(paid.market)] * 3)
        assert gateway.refunds() == 1

    @pytest.mark.parametrize("script", REFUND_SCRIPTS)
    def test_whatever_goes_wrong_a_refund_leaves_at_most_once(
        self, paid: Shop, gateway: RefundGateway, script: str
    ) -> None:
        gateway.script_refund(script)
        refund = paid.refund(target="original")
        for _ in range(4):
            background_round(paid.market)
        if gateway.refunds():
            gateway.finish_refund(refund)
            assert refunded(paid, refund) == "succeeded"
        state = paid.read_refund(refund)["state"]
        assert gateway.refunds() <= 1, "the money went back twice"
        assert state in ("requested", "submitting", "pending", "unknown", "failed", "succeeded")
        assert paid.codes().count("refund_sent") == (state == "succeeded") == gateway.refunds()

    def test_a_refund_that_fails_is_still_owed_and_can_go_another_way(self, paid: Shop, gateway: RefundGateway) -> None:
        refund = paid.refund(target="original")
        background_round(paid.market)
        gateway.finish_refund(refund, well=False)
        if refunded(paid, refund) == "succeeded":
            # Where refunds end at once nothing is left to fail, and nothing may go out again.
            again = paid.admin().post(f"/api/v1/refunds/{refund['id']}/retries", json={"target": "by_hand"})
            assert again.status_code == 409
            assert paid.codes().count("refund_sent") == 1
            return
        admin = paid.admin()
        again = admin.post(f"/api/v1/refunds/{refund['id']}/retries", json={"target": "by_hand"})
        assert again.status_code == 201, again.text
        done = admin.post(f"/api/v1/refunds/{again.json()['id']}/confirmation", json={"receipt": "cheque 12"})
        assert done.json()["state"] == "succeeded"
        assert paid.codes().count("refund_sent") == 1


def refunded(shop: Shop, refund: dict[str, Any], *, within: float = 20) -> str:
    """Do the platform's background work until the refund has ended; return its state."""
    deadline = time.monotonic() + within
    while True:
        state: str = shop.read_refund(refund)["state"]
        if state in ("succeeded", "failed") or time.monotonic() > deadline:
            return state
        background_round(shop.market)
        time.sleep(0.05)


def _thirds(shop: Shop) -> list[dict[str, str]]:
    from marketcore.money import Money, allocate

    total = shop.read_order()["total"]
    whole = Money.parse(total["amount"], total["currency"])
    step = 100 if whole.minor % 100 == 0 else 1
    parts = [part * step for part in allocate(whole.minor // step, [1, 1, 1])]
    return [{"amount": Money(part, whole.currency).amount, "currency": whole.currency} for part in parts if part]
