"""For every route that takes an ``Idempotency-Key``: somebody for whom a request to it has an effect."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marketcore.interfaces import Outcome, ProviderResult
from marketcore.ledger.accounts import provider_clearing, seller_payable
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money
from marketcore.payments.services import PaymentService
from marketcore.testing.shop import money_arrives

from .people import People, Person
from .world import SHIP_TO, accept, advertise, apply_for, bid, put_up


@dataclass
class Sending:
    """One request that has not been sent yet; ``other`` is another body that is as good, where the route takes one."""

    path: str
    who: Person
    body: Mapping[str, Any] | None
    other: Mapping[str, Any] | None = None
    status: int = 200


class Purchase:
    """A seller, a buyer, and the buyer's cart; each step is taken when it is asked for."""

    def __init__(self, people: People) -> None:
        self.people, self.seller, self.buyer = people, people.new("seller"), people.new("buyer")
        product = self.made(self.seller, "/api/v1/products", {"title": f"Kikoi {uuid.uuid4().hex}"})
        offer = {"price": {"amount": "750.00", "currency": "KES"}, "quantity": 9}
        given = {"product_id": product["id"], "fixed_price": offer}
        listing = self.made(self.seller, "/api/v1/listings", given)
        self.made(self.buyer, "/api/v1/cart/items", {"listing_id": listing["id"]})

    def made(self, who: Person, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.people.ask("POST", path, who.access, body)
        assert answer.is_success, f"{path}: {answer.text}"
        document: dict[str, Any] = answer.json()
        return document

    def ordered(self) -> dict[str, Any]:
        return self.made(self.buyer, "/api/v1/checkouts", {"ship_to": SHIP_TO})

    def paid(self) -> int:
        """Return the id of the order, paid."""
        checkout = self.ordered()
        assert money_arrives(self.people.market, checkout["id"], "mpesa")
        order_id: int = checkout["orders"][0]["id"]
        return order_id

    def by_hand(self) -> str:
        """Return the id of a refund that waits for somebody's hand."""
        wish = {"target": "by_hand", "reason": "as agreed"}
        refund_id: str = self.made(self.seller, f"/api/v1/orders/{self.paid()}/refunds", wish)["id"]
        return refund_id

    def attempt(self, purpose: str, reference: str, **more: Any) -> str:
        """Return the id of a payment that the buyer has begun."""
        body = {"purpose": purpose, "reference": reference, "payer": {"phone": "0712345678"}, **more}
        payment_id: str = self.made(self.buyer, "/api/v1/payments", body)["id"]
        return payment_id

    def captured(self, payment_id: str, minor: int) -> str:
        """Let the payment have brought ``minor`` units; return its id."""
        told = ProviderResult(Outcome.SUCCEEDED, amount=Money(minor, "KES"))
        self.people.market.perform(
            lambda request: request.find_service(PaymentService).apply_provider_state(
                uuid.UUID(payment_id), told, "test"
            )
        )
        return payment_id

    def by_transfer(self) -> str:
        """Return the id of a payment that somebody has to confirm."""
        return self.attempt("checkout", str(self.ordered()["id"]), provider="bank_transfer", payer={})

    def recharged(self) -> str:
        """Return the id of a recharge of the buyer's wallet that has been paid."""
        amount = {"amount": {"amount": "20.00", "currency": "KES"}}
        recharge_id: str = self.made(self.buyer, "/api/v1/wallet/recharges", amount)["id"]
        self.captured(self.attempt("wallet_recharge", recharge_id), 2000)
        return recharge_id

    def destination(self) -> str:
        """Return the id of a destination of the seller, who has earned 1000.00."""
        row = {"id": str(uuid.uuid4()), "user": self.seller.id}
        self.people.market.query(_DESTINATION, **row)
        earned = seller_payable(self.seller.id, "KES")
        gift = Transfer(uuid.uuid4(), provider_clearing("cash", "KES"), earned, 100_000, "gift", "test", "gift")
        self.people.market.perform(
            lambda request: request.find_service(LedgerService).transfer([gift], event_id=gift.id)
        )
        return row["id"]

    def payout(self) -> str:
        """Return the id of a payout that the seller has asked for."""
        body = {"destination_id": self.destination(), "amount": {"amount": "1000.00", "currency": "KES"}}
        payout_id: str = self.made(self.seller, "/api/v1/payouts", body)["id"]
        return payout_id


def checkouts(people: People) -> Sending:
    purchase = Purchase(people)
    elsewhere = {**SHIP_TO, "city": "Nakuru"}
    return Sending("/api/v1/checkouts", purchase.buyer, {"ship_to": SHIP_TO}, {"ship_to": elsewhere}, 201)


def steps(people: People) -> Sending:
    purchase = Purchase(people)
    order_id = purchase.paid()
    people.market.query("UPDATE orders SET state = 'shipped' WHERE id = :id", id=order_id)
    body = {"to": "delivered"}
    return Sending(f"/api/v1/orders/{order_id}/steps", purchase.buyer, body, {**body, "note": "in good condition"})


def payments(people: People) -> Sending:
    purchase = Purchase(people)
    body = {"purpose": "checkout", "reference": str(purchase.ordered()["id"]), "payer": {"phone": "0712345678"}}
    return Sending("/api/v1/payments", purchase.buyer, body, {**body, "payer": {"phone": "0712345679"}}, 202)


def refunds(people: People) -> Sending:
    purchase = Purchase(people)
    body = {"target": "by_hand", "reason": "as agreed", "amount": {"amount": "100.00", "currency": "KES"}}
    path = f"/api/v1/orders/{purchase.paid()}/refunds"
    return Sending(path, purchase.seller, body, {**body, "amount": {"amount": "100.01", "currency": "KES"}}, 201)


def retries(people: People) -> Sending:
    refund_id = Purchase(people).by_hand()
    path = f"/api/v1/refunds/{refund_id}/retries"
    return Sending(path, people.new("admin"), {"target": "by_hand"}, {"target": "original"}, 201)


def confirmations(people: People) -> Sending:
    refund_id = Purchase(people).by_hand()
    path = f"/api/v1/refunds/{refund_id}/confirmation"
    return Sending(path, people.new("admin"), {"receipt": "M-0001"}, {"receipt": "M-0002"})


def set_asides(people: People) -> Sending:
    purchase = Purchase(people)
    payment_id = purchase.captured(purchase.attempt("checkout", str(purchase.ordered()["id"])), 100)
    body = {"action": "refund", "target": "by_hand", "reason": "too little"}
    path = f"/api/v1/payments/{payment_id}/set-aside"
    return Sending(path, people.new("admin"), body, {**body, "reason": "too little came"})


def confirmed_payments(people: People) -> Sending:
    payment_id = Purchase(people).by_transfer()
    body = {"amount": {"amount": "750.00", "currency": "KES"}, "receipt": f"B-{payment_id}"}
    path = f"/api/v1/payments/{payment_id}/confirmation"
    return Sending(path, people.new("admin"), body, {**body, "receipt": "B-2"})


def rejected_payments(people: People) -> Sending:
    path = f"/api/v1/payments/{Purchase(people).by_transfer()}/rejection"
    return Sending(path, people.new("admin"), {"reason": "it never came"}, {"reason": "it did not come"})


def recharges(people: People) -> Sending:
    body, other = ({"amount": {"amount": amount, "currency": "KES"}} for amount in ("20.00", "20.01"))
    return Sending("/api/v1/wallet/recharges", people.new("buyer"), body, other, 201)


def refunded_recharges(people: People) -> Sending:
    path = f"/api/v1/wallet/recharges/{Purchase(people).recharged()}/refunds"
    body = {"target": "by_hand", "reason": "as agreed"}
    return Sending(path, people.new("admin"), body, {**body, "reason": "as you wish"}, 201)


def destinations(people: People) -> Sending:
    body = {"provider": "mpesa", "label": "Mine", "details": {"phone": "0712345678"}}
    return Sending("/api/v1/payout-destinations", people.new("seller"), body, {**body, "label": "My own"}, 201)


def links(people: People) -> Sending:
    purchase = Purchase(people)
    return Sending(f"/api/v1/payout-destinations/{purchase.destination()}/link", purchase.seller, None)


def payouts(people: People) -> Sending:
    purchase = Purchase(people)
    body = {"destination_id": purchase.destination(), "amount": {"amount": "100.00", "currency": "KES"}}
    other = {**body, "amount": {"amount": "200.00", "currency": "KES"}}
    return Sending("/api/v1/payouts", purchase.seller, body, other, 201)


def decisions(people: People) -> Sending:
    path = f"/api/v1/payouts/{Purchase(people).payout()}/decision"
    body = {"approve": False, "reason": "ask again tomorrow"}
    return Sending(path, people.new("admin"), body, {**body, "reason": "ask again later"})


def cancellations(people: People) -> Sending:
    purchase = Purchase(people)
    return Sending(f"/api/v1/payouts/{purchase.payout()}/cancellation", purchase.seller, None)


def bought_auctions(people: People) -> Sending:
    auction_id = put_up(people, buy_now={"amount": "900.00", "currency": "KES"})
    return Sending(f"/api/v1/auctions/{auction_id}/purchase", people.new("buyer"), None, status=201)


class Broadcast:
    """A seller with credits, live, and one product in the run list."""

    def __init__(self, people: People) -> None:
        self.people, self.seller = people, people.new("seller")
        grant = {"seller_id": self.seller.id, "credits": 2, "note": "a gift"}
        self.made(people.new("admin"), "/api/v1/livestreams/credits/grants", grant)
        stream = self.made(self.seller, "/api/v1/livestreams", {"title": "Kikois"})
        self.path = f"/api/v1/livestreams/{stream['id']}"
        product = self.made(self.seller, "/api/v1/products", {"title": f"Drum {uuid.uuid4().hex}"})
        self.made(self.seller, f"{self.path}/items", {"product_id": product["id"]})
        self.made(self.seller, f"{self.path}/start", None)

    def made(self, who: Person, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        answer = self.people.ask("POST", path, who.access, body)
        assert answer.is_success, f"{path}: {answer.text}"
        document: dict[str, Any] = answer.json()
        return document

    def opening(self, where: str) -> Sending:
        """Return what opens a session."""
        body = {"price": {"amount": "100.00", "currency": "KES"}}
        return Sending(f"{self.path}/{where}", self.seller, body, {**body, "duration_seconds": 60}, 201)


def opened_sessions(people: People) -> Sending:
    return Broadcast(people).opening("sessions")


def next_sessions(people: People) -> Sending:
    return Broadcast(people).opening("sessions/next")


def closed_sessions(people: People) -> Sending:
    show = Broadcast(people)
    body = {"price": {"amount": "100.00", "currency": "KES"}}
    session = show.made(show.seller, f"{show.path}/sessions", body)
    bid(people, session["id"], people.new("buyer"), "100.00")
    return Sending(f"{show.path}/sessions/{session['id']}/close", show.seller, None)


def granted_credits(people: People) -> Sending:
    seller = people.new("seller")
    body = {"seller_id": seller.id, "credits": 2, "note": "a gift"}
    return Sending("/api/v1/livestreams/credits/grants", people.new("admin"), body, {**body, "credits": 3}, 201)


def bought_credits(people: People) -> Sending:
    path = "/api/v1/livestreams/credits/purchases"
    return Sending(path, people.new("seller"), {"credits": 2}, {"credits": 3}, 201)


def refunded_credits(people: People) -> Sending:
    purchase = Purchase(people)
    bought = purchase.made(purchase.seller, "/api/v1/livestreams/credits/purchases", {"credits": 2})
    body = {"purpose": "stream_credits", "reference": bought["id"], "payer": {"phone": "0712345678"}}
    payment = purchase.made(purchase.seller, "/api/v1/payments", body)
    purchase.captured(payment["id"], 10_000)
    path = f"/api/v1/livestreams/credits/purchases/{bought['id']}/refunds"
    wish = {"target": "by_hand", "reason": "as agreed", "credits": 1}
    return Sending(path, people.new("admin"), wish, {**wish, "reason": "as you wish"}, 201)


def applied(people: People) -> tuple[Person, Person, dict[str, Any]]:
    """Return an owner, an applicant, and what the latter has applied for with the former."""
    owner, applicant = people.new("seller"), people.new("buyer")
    return owner, applicant, apply_for(people, advertise(people, owner), applicant)


def accepted_applications(people: People) -> Sending:
    owner, _applicant, application = applied(people)
    share = {"application_id": application["id"], "share": {"amount": "60.00", "currency": "KES"}}
    other = {**share, "share": {"amount": "50.00", "currency": "KES"}}
    path = f"/api/v1/advertisements/{application['advertisement_id']}/acceptances"
    return Sending(path, owner, {"shares": [share]}, {"shares": [other]})


def cancelled_advertisements(people: People) -> Sending:
    owner = people.new("seller")
    return Sending(f"/api/v1/advertisements/{advertise(people, owner)}/cancellation", owner, None)


def approved_proofs(people: People) -> Sending:
    owner, applicant, application = applied(people)
    accept(people, application, owner)
    path = f"/api/v1/advertisement-applications/{application['id']}"
    shown = people.ask("POST", f"{path}/proofs", applicant.access, {"link": "https://social.example/1"})
    assert shown.status_code == 201, shown.text
    return Sending(f"{path}/approval", owner, None)


def decided_disputes(people: People) -> Sending:
    owner, applicant, application = applied(people)
    accept(people, application, owner)
    path = f"/api/v1/advertisement-applications/{application['id']}"
    disputed = people.ask("POST", f"{path}/dispute", applicant.access, {"reason": "no answer"})
    assert disputed.status_code == 200, disputed.text
    body = {"outcome": "release", "reason": "it was done"}
    return Sending(f"{path}/decision", people.new("admin"), body, {**body, "outcome": "return"})


def complaints(people: People) -> Sending:
    purchase = Purchase(people)
    grief = {"category": "damaged", "subject": "Torn", "body": "The seam is open.", "freeze": True}
    body = {"order_id": purchase.paid(), **grief}
    return Sending("/api/v1/complaints", purchase.buyer, body, {**body, "freeze": False}, 201)


def withdrawals(people: People) -> Sending:
    first = complaints(people)
    answer = people.ask("POST", first.path, first.who.access, first.body)
    return Sending(f"/api/v1/complaints/{answer.json()['id']}/withdrawal", first.who, None)


def decided_complaints(people: People) -> Sending:
    path = withdrawals(people).path.replace("withdrawal", "decision")
    body = {"outcome": "resolved", "reason": "It is torn.", "refund": "all"}
    return Sending(path, people.new("admin"), body, {**body, "refund": "none"})


def service_orders(people: People) -> Sending:
    vendor, admin = people.new("seller"), people.known("admin").access
    service = people.ask("POST", "/api/v1/services", vendor.access, {"name": f"Mending {uuid.uuid4().hex}"}).json()
    price = {"amount": "90.00", "currency": "KES"}
    fields = {"service_id": service["id"], "name": "Small", "price": price}
    variant = people.ask("POST", "/api/v1/service-variants", vendor.access, fields).json()
    people.ask("PATCH", f"/api/v1/services/{service['id']}/approval", admin, {"approved": True})
    body = {"vendor_id": vendor.id, "variant_id": variant["id"], "payer": {"phone": "0712345678"}}
    other = {**body, "payer": {"phone": "0712345679"}}
    return Sending("/api/v1/service-orders", people.new("buyer"), body, other, 201)


_DESTINATION = """
    INSERT INTO payout_destinations (id, user_id, provider, label, details, state)
    VALUES (:id, :user, 'mpesa', 'Mine', '{"phone": "254712345678"}', 'active')
"""
SENDINGS: dict[str, Callable[[People], Sending]] = {
    "orders.checkouts": checkouts,
    "orders.steps": steps,
    "payments.payments": payments,
    "refunds.order": refunds,
    "refunds.retry": retries,
    "refunds.confirmation": confirmations,
    "refunds.set_aside": set_asides,
    "payments_manual.confirmation": confirmed_payments,
    "payments_manual.rejection": rejected_payments,
    "wallet.recharges": recharges,
    "wallet.recharge.refunds": refunded_recharges,
    "payouts.destinations": destinations,
    "payouts.destination.link": links,
    "payouts.payouts": payouts,
    "payouts.decision": decisions,
    "payouts.cancellation": cancellations,
    "auctions.purchase": bought_auctions,
    "livestream.sessions": opened_sessions,
    "livestream.sessions.next": next_sessions,
    "livestream.session.close": closed_sessions,
    "livestream.credits.grants": granted_credits,
    "livestream.purchases": bought_credits,
    "livestream.purchase.refunds": refunded_credits,
    "escrow.acceptances": accepted_applications,
    "escrow.cancellation": cancelled_advertisements,
    "escrow.application.approval": approved_proofs,
    "escrow.application.decision": decided_disputes,
    "complaints.complaints": complaints,
    "complaints.withdrawal": withdrawals,
    "complaints.decision": decided_complaints,
    "services.orders": service_orders,
}
