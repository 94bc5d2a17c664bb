"""The people of a market of vendors, and what they bring."""

from __future__ import annotations

import io
from functools import cached_property

from PIL import Image

from marketcore.jobs.running import run_waiting
from marketcore.testing.shop import ADDRESS, PASSWORD, money_arrives, register

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PROFILE = {
    "brand_name": "Kiondo & Co",
    "business_name": "Kiondo Weavers Limited",
    "biography": "Baskets of sisal since 1987.",
    "address": {"line1": "Biashara Street 7", "city": "Nairobi", "country": "KE"},
}


def photo(colour="teal"):
    """Return a small PNG."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    return out.getvalue()


class Somebody:
    """A person with a client of their own."""

    def __init__(self, market, role):
        given = register(market, "buyer" if role == "admin" else role)
        self.market, self.id, self.email = market, given["user"]["id"], given["user"]["email"]
        access = given["access"]
        if role == "admin":
            market.query("UPDATE users SET roles = '{admin}' WHERE id = :id", id=self.id)
            login = {"email": self.email, "password": PASSWORD}
            access = market.client().post("/api/v1/auth/login", json=login).json()["access"]
        self.access = access
        self.http = market.client(access)

    @property
    def path(self):
        """Their profile's address."""
        return f"/api/v1/vendors/{self.id}"

    def told(self):
        """Return the types of what they were told, oldest first."""
        rows = self.market.query("SELECT type FROM notifications WHERE user_id = :id ORDER BY id", id=self.id)
        return [row.type for row in rows]

    def heard(self):
        """Return (type, data) of what their live channel carried of vendors, in order."""
        rows = self.market.query(
            """SELECT type, data FROM live_events WHERE channel = :name AND type LIKE 'vendor.%' ORDER BY "offset" """,
            name=f"user:{self.id}",
        )
        return [(row.type, row.data) for row in rows]

    def submit(self, kind="identity", data=PDF, **query):
        """Submit a paper."""
        files = {"file": ("paper", data)}
        return self.http.post("/api/v1/kyc-documents", params={"kind": kind, **query}, files=files)

    def decide(self, paper, approve=True, **body):
        """Decide about a paper."""
        return self.http.post(f"/api/v1/kyc-documents/{paper['id']}/decision", json={"approve": approve, **body})


class Quarter:
    """A market with an admin and a buyer; sellers come as they are needed."""

    def __init__(self, market):
        self.market = market
        self.admin, self.buyer = Somebody(market, "admin"), Somebody(market, "buyer")
        self.nobody = market.client()

    @cached_property
    def stranger(self):
        """A seller who has nothing to do with anybody."""
        return Somebody(self.market, "seller")

    def seller(self, profile=True):
        """Return a new seller, with a profile or without."""
        somebody = Somebody(self.market, "seller")
        if profile:
            answer = somebody.http.post("/api/v1/vendors", json=PROFILE)
            assert answer.status_code == 201, answer.text
        return somebody

    def run_jobs(self):
        """Do what waits to be done."""
        run_waiting(self.market.registry)

    def audited(self, subject, subject_id):
        """Return (actor, act) of what the audit log says about something, oldest first."""
        rows = self.market.query(
            "SELECT actor, act FROM audit_log WHERE subject = :subject AND subject_id = :id ORDER BY id",
            subject=subject,
            id=str(subject_id),
        )
        return [(row.actor, row.act) for row in rows]


class Stall:
    """What a seller sells to the quarter's buyer, and what becomes of it."""

    def __init__(self, quarter):
        self.quarter, self.market, self.seller = quarter, quarter.market, quarter.seller()
        self.buyer = quarter.buyer.http

    def offer(self, price, title="Basket", currency="KES", category_id=None):
        """Put something on sale; return (product id, listing id)."""
        category = {"category_id": category_id} if category_id else {}
        product = done(self.seller.http.post("/api/v1/products", json={"title": title, **category}))
        offer = {"price": {"amount": price, "currency": currency}, "quantity": 1000}
        listing = {"product_id": product["id"], "fixed_price": offer}
        return product["id"], done(self.seller.http.post("/api/v1/listings", json=listing))["id"]

    def sell(self, *listings, quantity=1, day=None):
        """Sell these together, paid now or at noon of ``day``; return the order's id."""
        for listing in listings:
            done(self.buyer.post("/api/v1/cart/items", json={"listing_id": listing, "quantity": quantity}))
        checkout = done(self.buyer.post("/api/v1/checkouts", json={"ship_to": ADDRESS}))
        assert money_arrives(self.market, checkout["id"])
        order_id = checkout["orders"][0]["id"]
        if day:
            self.market.query(
                "UPDATE orders SET paid_at = CAST(:at AS timestamptz) WHERE id = :id", at=day, id=order_id
            )
        return order_id

    def complete(self, order_id):
        """Let an order be carried out."""
        steps = [(self.seller.http, to) for to in ("confirmed", "packed", "shipped")] + [(self.buyer, "delivered")]
        for who, to in steps:
            carrier = {"carrier": "G4S", "tracking_number": "7"} if to == "shipped" else {}
            done(who.post(f"/api/v1/orders/{order_id}/steps", json={"to": to, **carrier}))

    def give_back(self, order_id, amount):
        """Refund a part of an order by hand."""
        wish = {"amount": {"amount": amount, "currency": "KES"}, "reason": "torn", "target": "by_hand"}
        done(self.seller.http.post(f"/api/v1/orders/{order_id}/refunds", json=wish))

    def read(self, what, **query):
        """Return what the seller is shown."""
        return done(self.seller.http.get(f"{self.seller.path}/{what}", params=query))


def done(answer):
    """Return the document of an answer that is none of a refusal."""
    assert answer.status_code < 300, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json()
