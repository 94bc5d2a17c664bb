"""A back office: a till whose provider sends money back and reports disputes, with the people who decide."""

from __future__ import annotations

from functools import cached_property

import pytest
from gateway import SECRET, deliver
from till import Till

from marketcore.ledger.accounts import commission, order_held, provider_clearing, seller_debt, seller_payable
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money
from marketcore.orders.jobs import release_delivered
from marketcore.payments.jobs import sweep_webhooks
from marketcore.testing.shop import ADDRESS, PASSWORD, Shop, register

BANK = "the_bank"
# Hashing as such is proved elsewhere.
QUICK = {"identity__argon2_memory_kib": "1024", "identity__argon2_time_cost": "1"}


class BackOffice(Till):
    """Refunds by HTTP, disputes by webhook, and where an order's money is."""

    def person(self, role):
        user = register(self.market, "buyer" if role == "admin" else role)["user"]
        self.market.query("UPDATE users SET roles = :roles WHERE id = :id", id=user["id"], roles=[role])
        answer = self.market.client().post("/api/v1/auth/login", json={"email": user["email"], "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return self.market.client(answer.json()["access"])

    @cached_property
    def admin(self):
        return self.person("admin")

    def paid(self, quantity=None):
        """Let the buyer order (again, where ``quantity`` is given) and pay; return the payment."""
        payment = self.pay({}) if quantity is None else self.buy(quantity)
        self.tell(payment, "captured")
        return payment

    def baskets(self, *others):
        """Let one checkout hold this shop's goods and those of ``others``; return the ids of its orders."""
        for shop in (self, *others):
            body = {"listing_id": shop.listing["id"]}
            assert self.buyer.post("/api/v1/cart/items", json=body).status_code == 200
        answer = self.buyer.post("/api/v1/checkouts", json={"ship_to": ADDRESS})
        assert answer.status_code == 201, answer.text
        self.checkout = answer.json()
        return [order["id"] for order in self.checkout["orders"]]

    def another_shop(self, price, currency="KES"):
        return Shop(self.market, price=price, currency=currency)

    def walk(self, *steps, order_id=None, seller=None):
        for to in steps:
            body = {"to": to, **({"carrier": "Posta"} if to == "shipped" else {})}
            who = seller or self.seller
            answer = who.post(f"/api/v1/orders/{order_id or self.order_id}/steps", json=body)
            assert answer.status_code == 200, answer.text

    def complete(self, order_id=None, seller=None):
        """Let an order be delivered and its buyer say so: its money is released."""
        self.walk("confirmed", "packed", "shipped", order_id=order_id, seller=seller)
        self.walk("delivered", order_id=order_id, seller=self.buyer)

    def release(self):
        """Let the time for objections pass for whatever is delivered."""
        self.market.query("UPDATE orders SET release_at = market_clock() WHERE state = 'delivered'")
        self.market.perform(release_delivered)

    def refund(self, amount=None, *, who=None, order_id=None, currency="KES", **body):
        """Ask for a refund of an order and return the answer; nothing is handed to the provider yet."""
        wish = {"reason": "as agreed", **({"amount": {"amount": amount, "currency": currency}} if amount else {})}
        path = f"/api/v1/orders/{order_id or self.order_id}/refunds"
        with self.market.client(dict((who or self.seller).headers)["authorization"].removeprefix("Bearer ")) as http:
            return http.post(path, json={**wish, **body})

    def refunded(self, amount=None, **options):
        """Ask for a refund, let it be sent, and return it as it stands."""
        answer = self.refund(amount, **options)
        assert answer.status_code == 201, answer.text
        self.work()
        return self.read_refund(answer.json())

    def read_refund(self, refund):
        return self.admin.get(f"/api/v1/refunds/{refund['id']}").json()

    def ask_about_refunds(self):
        self.market.query("UPDATE refunds SET next_check_at = market_clock() WHERE next_check_at IS NOT NULL")
        return self.ask_now()

    def hear_of_refund(self, refund, state):
        assert deliver(self.market.url, self.gateway.refund_event(refund, state)).status_code == 200
        self.work()

    def contest(self, dispute, state, minor, currency="KES", /, **payment):
        """Let fakepay report a dispute, and process that."""
        event = self.gateway.dispute_event(dispute, state, minor, currency, **payment)
        assert deliver(self.market.url, event).status_code == 200
        self.work()

    def sweep(self):
        """Let what was put off in the inbox be tried again."""
        sweep_webhooks(self.market.registry)

    def order(self, order_id=None):
        (row,) = self.market.query("SELECT * FROM orders WHERE id = :id", id=order_id or self.order_id)
        return row

    def history(self, order_id=None):
        rows = self.market.query(
            "SELECT state FROM order_history WHERE order_id = :id ORDER BY seq", id=order_id or self.order_id
        )
        return [state for (state,) in rows]

    def money(self, order_id=None):
        """Return what is held for the order, what its seller has earned and owes, and what the platform keeps."""
        order = self.order(order_id)
        accounts = (
            order_held(order.id, order.currency),
            seller_payable(order.seller_id, order.currency),
            seller_debt(order.seller_id, order.currency),
            commission(order.currency),
        )
        balances = self.market.perform(lambda request: request.find_service(LedgerService).balances(accounts))
        return tuple(balances[account].posted_minor for account in accounts)

    def clearing(self, provider="fakepay", currency="KES"):
        account = provider_clearing(provider, currency)
        return self.market.perform(lambda request: request.find_service(LedgerService).balance(account)).posted_minor

    def pay_out(self, minor, order_id=None):
        """Let ``minor`` units leave the seller's earnings for the bank."""
        order = self.order(order_id)
        id = business_id("test_payout", order.id, minor)
        source, bank = seller_payable(order.seller_id, order.currency), provider_clearing(BANK, order.currency)
        transfer = Transfer(id, source, bank, minor, "test_payout", "test", str(order.id))
        self.market.perform(lambda request: request.find_service(LedgerService).transfer([transfer], event_id=id))


def decimal(minor, currency="KES"):
    return Money(minor, currency).amount


@pytest.fixture
def make_office(make_market, gateway):
    """Return ``office(settings, **shop_options)``; the books are checked at the end."""
    offices = []

    def make(settings=None, **options):
        market = make_market(
            "fakepay",
            **{
                "fakepay__base_url": gateway.url,
                "fakepay__secret": SECRET,
                "fakepay__features": "refund partial_refund",
                **{f"payments__route__{currency}": "fakepay" for currency in ("KES", "JPY", "KWD")},
                **QUICK,
                **(settings or {}),
            },
        )
        offices.append(BackOffice(market, gateway, **options))
        return offices[-1]

    yield make
    for office in offices:
        office.assert_books_are_right()


@pytest.fixture
def office(make_office):
    return make_office(stock=100)
