"""Owners, applicants and admins who deal over HTTP; advertisements in any state, made by the steps that lead there."""

from __future__ import annotations

import io
import uuid
from types import SimpleNamespace

from PIL import Image

from marketcore.jobs.enqueueing import find_job
from marketcore.jobs.running import run_waiting
from marketcore.ledger.accounts import provider_clearing, seller_debt, seller_payable, wallet
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore_escrow.money import budget_account

_PEOPLE = """INSERT INTO users (email, username, password_hash, roles)
             VALUES (:tag || '@example.test', left(:tag, 20), 'x', CAST(:roles AS text[])) RETURNING id"""
_SESSION = """INSERT INTO auth_sessions (user_id, expires_at) VALUES (:id, market_clock() + interval '90 days')
              RETURNING id, market_clock() AS now"""
LINK = "https://social.example/@me/post/1"


def kes(amount):
    return {"amount": amount, "currency": "KES"}


def balance(request, account):
    """Return what stands on a ledger account."""
    return request.find_service(LedgerService).balance(account)


def picture(kind="PNG"):
    """Return a small image."""
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(stream, kind)
    return stream.getvalue()


class Person:
    """Somebody with a token; ``post`` and ``get`` speak for them."""

    def __init__(self, market, *roles):
        self.market = market
        ((self.id,),) = market.query(_PEOPLE, tag=uuid.uuid4().hex, roles=list(roles))
        ((session_id, now),) = market.query(_SESSION, id=self.id)
        self.token = market.registry["access_tokens"].issue(self.id, session_id, now)
        self.http = market.client(self.token)

    def post(self, path, body=None, **more):
        return self.http.post(f"/api/v1/{path}", json=body, **more)

    def get(self, path):
        return self.http.get(f"/api/v1/{path}")

    def told(self):
        """Return the types of what this person was told, oldest first."""
        return [item["type"] for item in self.get("users/me/notifications").json()["items"]][::-1]

    def money(self, account=seller_payable):
        """Return what this person has earned and not been paid out (or has in the wallet), in minor units."""
        return self.market.perform(balance, account(self.id, "KES")).available_minor


class Agency:
    """One owner, some applicants and an admin; whatever a test needs beyond them is its own."""

    def __init__(self, market):
        self.market = market
        self.owner = Person(market, "seller", "buyer")
        self.ann, self.ben = Person(market, "buyer"), Person(market, "buyer")
        self.admin = Person(market, "admin")

    def fill(self, person, minor):
        """Put money into somebody's wallet."""
        gift = Transfer(
            uuid.uuid4(), provider_clearing("gift", "KES"), wallet(person.id, "KES"), minor, "gift", "test", "1"
        )
        self.market.perform(lambda request: request.find_service(LedgerService).transfer([gift], event_id=gift.id))

    def owe(self, person, minor):
        """Let somebody owe the marketplace money."""
        debt = Transfer(
            uuid.uuid4(), seller_debt(person.id, "KES"), provider_clearing("gift", "KES"), minor, "debt", "test", "1"
        )
        self.market.perform(lambda request: request.find_service(LedgerService).transfer([debt], event_id=debt.id))

    def draft(self, budget="100.00", days=7):
        """Return the id of an advertisement that is not paid for."""
        body = {"title": "Promote my brand", "description": "A post a day", "budget": kes(budget), "days": days}
        answer = self.owner.post("advertisements", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def pay(self, advertisement_id, provider="wallet"):
        """Let the owner begin to pay for an advertisement; return the answer."""
        body = {"purpose": "advertisement", "reference": str(advertisement_id), "provider": provider}
        return self.owner.post("payments", body)

    def funded(self, budget="100.00", days=7):
        """Return the id of an advertisement whose budget is held, out of the owner's wallet."""
        advertisement_id = self.draft(budget, days)
        minor = int(budget.replace(".", ""))
        self.fill(self.owner, minor)
        payment = self.pay(advertisement_id)
        assert payment.json()["state"] == "captured", payment.text
        return advertisement_id

    def applied(self, advertisement_id, person):
        """Return the id of somebody's application."""
        answer = person.post(f"advertisements/{advertisement_id}/applications", {"message": "Let me do it"})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def accept(self, advertisement_id, **shares):
        """Ask to accept applications: ``accept(ad, a7="60.00")`` is application 7."""
        given = [{"application_id": int(id[1:]), "share": kes(share)} for id, share in shares.items()]
        return self.owner.post(f"advertisements/{advertisement_id}/acceptances", {"shares": given})

    def accepted(self, share="60.00", *, budget="100.00", days=7, person=None):
        """Return the ids of an advertisement and an application that is accepted."""
        advertisement_id = self.funded(budget, days)
        application_id = self.applied(advertisement_id, person or self.ann)
        answer = self.accept(advertisement_id, **{f"a{application_id}": share})
        assert answer.status_code == 200, answer.text
        return advertisement_id, application_id

    def submitted(self, share="60.00", **more):
        """Return the ids of an advertisement and an application whose proof waits for an answer."""
        advertisement_id, application_id = self.accepted(share, **more)
        answer = self.act(more.get("person") or self.ann, application_id, "proofs", link=LINK)
        assert answer.status_code == 201, answer.text
        return advertisement_id, application_id

    def act(self, who, application_id, act, **body):
        """Ask for ``act`` of an application."""
        return who.post(f"advertisement-applications/{application_id}/{act}", body or None)

    def read(self, advertisement_id):
        """Return an advertisement's document."""
        return self.owner.get(f"advertisements/{advertisement_id}").json()

    def state(self, application_id):
        """Return the state of an application."""
        return self.admin.get(f"advertisement-applications/{application_id}").json()["state"]

    def held(self, advertisement_id):
        """Return what the ledger holds of a budget, and how much of that for somebody, in minor units."""
        budget = budget_account(SimpleNamespace(id=advertisement_id, currency="KES"))
        found = self.market.perform(balance, budget)
        return found.posted_minor, found.reserved_minor

    def refunds(self, advertisement_id):
        """Return what went back of a budget: target, state, minor units."""
        return [
            tuple(row)
            for row in self.market.query(
                """SELECT r.target, r.state, r.amount_minor FROM refunds r JOIN payments p ON p.id = r.payment_id
                   WHERE p.purpose = 'advertisement' AND p.reference = :id ORDER BY r.created_at""",
                id=str(advertisement_id),
            )
        ]

    def age(self, days, *advertisement_ids):
        """Let these advertisements, and the deadlines of their shares, be so many days older."""
        shift = {"ids": list(advertisement_ids), "days": days}
        self.market.query(
            """UPDATE escrow_advertisements SET ends_at = ends_at - make_interval(days => :days)
               WHERE id = ANY(:ids)""",
            **shift,
        )
        self.market.query(
            """UPDATE escrow_applications SET due_at = due_at - make_interval(days => :days)
               WHERE advertisement_id = ANY(:ids)""",
            **shift,
        )

    def settle(self):
        """Let the deadlines that have passed decide."""
        find_job(self.market.registry, "escrow.settle_due").run(self.market.registry)

    def run_jobs(self):
        """Run the jobs that are waiting."""
        run_waiting(self.market.registry)
