"""A counter where money is confirmed by hand: the shop, its seller, an admin, and the books."""

from __future__ import annotations

import uuid

from marketcore.ledger.accounts import commission, provider_clearing, seller_debt, seller_payable
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money
from marketcore.orders.jobs import release_delivered
from marketcore.testing.shop import Shop, money_arrives


class Counter(Shop):
    """A shop whose purchases are paid by hand."""

    def __init__(self, market, **options):
        super().__init__(market, stock=50, **options)
        self.seller_id = self.seller_user["user"]["id"]
        self.currency = self.listing["price"]["currency"]
        self.boss = self.admin()

    def order(self):
        """Let the buyer order again and choose how to pay; return the payment."""
        self.checkout = self.check_out()
        return self.pay({})

    def confirm(self, who, payment, receipt="1", **changed):
        body = {"amount": payment["amount"], "receipt": receipt, **changed}
        return who.post(f"/api/v1/payments/{payment['id']}/confirmation", json=body)

    def reject(self, who, payment):
        return who.post(f"/api/v1/payments/{payment['id']}/rejection", json={"reason": "nobody opened"})

    def deliver(self):
        """Let the seller take the order to its buyer, who says that it came."""
        for target in ("confirmed", "packed", "shipped"):
            if self.state() != target:
                self.step(self.seller, target, **({"carrier": "Posta"} if target == "shipped" else {}))
        self.step(self.buyer, "delivered")

    def complete(self):
        """Let the order be completed after its time for objections."""
        self.market.query("UPDATE orders SET release_at = market_clock() WHERE state = 'delivered'")
        self.market.perform(release_delivered)
        assert self.state() == "completed"

    def sell_online(self):
        """Let the same seller sell one for money that the platform gets, to the end."""
        self.checkout = self.check_out()
        assert money_arrives(self.market, self.checkout["id"])
        self.deliver()

    def owe(self, minor):
        """Let the seller owe something from before."""
        id = business_id("older", uuid.uuid4())
        debt, lost = seller_debt(self.seller_id, self.currency), provider_clearing("gift", self.currency)
        older = Transfer(id, debt, lost, minor, "older", "test", "1")
        self.market.perform(lambda request: request.find_service(LedgerService).transfer([older], event_id=id))

    def refund(self, minor, target="by_hand"):
        """Let an admin give part of the order back; return the refund."""
        amount = {"amount": Money(minor, self.currency).amount, "currency": self.currency}
        body = {"amount": amount, "target": target, "reason": "scratched"}
        answer = self.boss.post(f"/api/v1/orders/{self.order_id}/refunds", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def paid_back(self, refund):
        """Let an admin say that a refund by hand was made."""
        answer = self.boss.post(f"/api/v1/refunds/{refund['id']}/confirmation", json={"receipt": "back"})
        assert answer.status_code == 200, answer.text

    def state(self):
        return self.read_order()["state"]

    def payment_row(self, payment):
        (row,) = self.market.query("SELECT * FROM payments WHERE id = :id", id=payment["id"])
        return row

    def books(self, provider="cash_on_delivery"):
        """Return what the seller can be paid, what the seller owes, the commission, and both clearing accounts."""
        accounts = (
            seller_payable(self.seller_id, self.currency),
            seller_debt(self.seller_id, self.currency),
            commission(self.currency),
            provider_clearing(provider, self.currency),
            provider_clearing("by_hand", self.currency),
        )

        def read(request):
            found = request.find_service(LedgerService).balances(accounts)
            return tuple(found[account].posted_minor for account in accounts)

        return self.market.perform(read)
