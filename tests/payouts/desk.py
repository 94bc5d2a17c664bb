"""A seller who wants to be paid, an admin who decides, and what the tests do with both."""

from __future__ import annotations

import uuid

from bank import deliver

from marketcore.identity.services import create_user
from marketcore.jobs.running import run_waiting
from marketcore.ledger.accounts import provider_clearing, seller_debt, seller_payable, wallet
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.ledger.verify import verify
from marketcore.payments.reconciler import reconcile
from marketcore.testing.shop import PASSWORD

ACCOUNTS = {"earnings": seller_payable, "wallet": wallet, "debt": seller_debt}


class Person:
    """Somebody with an account and a client."""

    def __init__(self, market, *roles):
        self.market = market
        self.email = f"{'-'.join(roles)}-{uuid.uuid4().hex[:10]}@example.test"
        self.id = market.perform(create_user, self.email, PASSWORD, list(roles))
        self.log_in()

    def log_in(self):
        """Begin a new session."""
        with self.market.client(verify=False) as http:
            login = http.post("/api/v1/auth/login", json={"email": self.email, "password": PASSWORD})
        assert login.status_code == 200, login.text
        self.token = login.json()["access"]
        self.http = self.alone()

    def alone(self):
        """Return a client of its own, for a thread."""
        return self.market.client(self.token, verify=False)


class Desk:
    """Where a seller with 1000.00 KES and a destination at fakebank asks to be paid, and an admin decides."""

    def __init__(self, market, bank):
        self.market = market
        self.bank = bank
        self.seller, self.admin = Person(market, "seller"), Person(market, "admin")
        self.give(100_000)
        self.destination = self.add_destination()

    def give(self, minor, *, account="earnings", currency="KES", user_id=None):
        """Let money arrive on one of the seller's accounts (or leave it: a debt)."""
        theirs, till = ACCOUNTS[account](user_id or self.seller.id, currency), provider_clearing("cash", currency)
        debit, credit = (theirs, till) if account == "debt" else (till, theirs)
        gift = Transfer(uuid.uuid4(), debit, credit, minor, "gift", "test", "gift")
        self.market.perform(lambda request: request.find_service(LedgerService).transfer([gift], event_id=gift.id))

    def add_destination(self, provider="fakebank", who=None, **body):
        answer = self.try_destination(provider, who, **body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def try_destination(self, provider="fakebank", who=None, headers=None, **body):
        wish = {"provider": provider, "label": "Savings", "details": {"account": "123456"}, **body}
        return (who or self.seller).http.post("/api/v1/payout-destinations", json=wish, headers=headers)

    def wish(self, amount="1000.00", currency="KES", **body):
        money = {"amount": amount, "currency": currency}
        return {"destination_id": self.destination["id"], "amount": money, **body}

    def ask(self, amount="1000.00", http=None, headers=None, **body):
        return (http or self.seller.http).post("/api/v1/payouts", json=self.wish(amount, **body), headers=headers)

    def request(self, amount="1000.00", **body):
        answer = self.ask(amount, **body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def decide(self, payout, *, approve=True, who=None, reason="checked"):
        http = who or self.admin.http
        return http.post(f"/api/v1/payouts/{payout['id']}/decision", json={"approve": approve, "reason": reason})

    def cancel(self, payout, http=None):
        return (http or self.seller.http).post(f"/api/v1/payouts/{payout['id']}/cancellation")

    def approved(self, amount="1000.00", **body):
        """Return a payout that was approved and not handed over."""
        payout = self.request(amount, **body)
        answer = self.decide(payout)
        assert answer.status_code == 200, answer.text
        return payout

    def submitted(self, amount="1000.00", *scripts, **body):
        """Return a payout that was approved and handed over; ``scripts`` are the bank's."""
        self.bank.scripts.extend(scripts)
        payout = self.approved(amount, **body)
        self.work()
        return payout

    def work(self):
        return run_waiting(self.market.registry)

    def tell(self, payout, state, **fields):
        """Let the bank report a state by webhook, and process it."""
        slug = "fw" if self.read(payout)["provider"] == "fakewire" else "fb"
        assert deliver(self.market.url, self.bank.event(payout, state, **fields), slug=slug).status_code == 200
        self.work()

    def ask_now(self):
        """Make every payout that has not ended due, and let the reconciler ask."""
        self.market.query("UPDATE payouts SET next_check_at = market_clock() WHERE next_check_at IS NOT NULL")
        return reconcile(self.market.registry)

    def later(self):
        """Let the time pass in which a hand-over may still be running."""
        self.market.travel("61 seconds")

    def read(self, payout):
        answer = self.seller.http.get(f"/api/v1/payouts/{payout['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self, payout):
        return self.read(payout)["state"]

    def row(self, payout):
        (row,) = self.market.query("SELECT * FROM payouts WHERE id = :id", id=payout["id"])
        return row

    def states(self, payout, *, applied=True):
        rows = self.market.query(
            "SELECT state FROM operation_history WHERE subject_id = :id AND applied = :applied ORDER BY id",
            id=payout["id"],
            applied=applied,
        )
        return [state for (state,) in rows]

    def codes(self):
        """Return kind and code of every transfer of a payout, in order."""
        rows = self.market.query(
            """SELECT t.kind, t.code FROM ledger_transfers t JOIN payouts p ON p.id::text = t.ref_id
               WHERE t.ref_type = 'payout' AND p.user_id = :seller ORDER BY t.seq""",
            seller=self.seller.id,
        )
        return [f"{row.kind} {row.code}" for row in rows]

    def balances(self, who=None):
        """Return the parts of the KES balance that are not zero."""
        answer = (who or self.seller).http.get("/api/v1/balances")
        assert answer.status_code == 200, answer.text
        (kes,) = [item for item in answer.json()["items"] if item.pop("currency") == "KES"]
        return {part: money["amount"] for part, money in kes.items() if money["amount"] != "0.00"}

    def assert_books_are_right(self):
        with self.market.registry["engine"].connect() as connection:
            assert verify(connection) == []

    def assert_never_paid_twice(self):
        assert set(self.bank.moved.values()) <= {1}

    def clear(self):
        """Leave nothing to do, and no connection open, for the marketplace's next test."""
        for client in self.market._clients:
            client.close()
        self.market._clients.clear()
        self.market.travel("0 seconds")
        self.market.query("UPDATE payouts SET next_check_at = NULL")
        self.market.query("DELETE FROM jobs")
        self.market.query("DELETE FROM webhook_inbox")
