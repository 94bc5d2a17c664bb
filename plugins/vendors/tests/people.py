"""The people of a market of vendors, and what they bring."""

from __future__ import annotations

import io

from PIL import Image

from marketcore.jobs.running import run_waiting
from marketcore.testing.shop import PASSWORD, register

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
