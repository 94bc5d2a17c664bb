"""Vendors, customers and an admin of one marketplace, and what they ask of it."""

from __future__ import annotations

import io
import itertools
import uuid

from PIL import Image

from marketcore.identity.services import create_user
from marketcore.jobs.running import run_waiting
from marketcore.testing.shop import PASSWORD

_NUMBERS = itertools.count(1)


def picture():
    """Return a small PNG."""
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(stream, "PNG")
    return stream.getvalue()


def taka(amount, currency="BDT"):
    """Return a price."""
    return {"amount": amount, "currency": currency}


class Person:
    """Somebody with a session, and their requests."""

    def __init__(self, market, *roles):
        self.id, self.http = 0, market.client()
        if roles:
            email = f"{'-'.join(roles)}-{uuid.uuid4().hex[:12]}@example.test"
            self.id = market.perform(create_user, email, PASSWORD, list(roles))
            session = self.http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
            self.http.headers["Authorization"] = f"Bearer {session.json()['access']}"

    def ask(self, method, path, body=None, **options):
        """Send one request and return the answer."""
        given = {} if body is None else {"json": body}
        return self.http.request(method, f"/api/v1{path}", **given, **options)

    def done(self, method, path, body=None, **options):
        """Send a request that succeeds and return its document."""
        answer = self.ask(method, path, body, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class Yard:
    """A marketplace of services: a vendor and a rival, customers, an admin, and nobody."""

    def __init__(self, market):
        self.market = market
        self.vendor, self.rival = Person(market, "seller"), Person(market, "seller")
        self.customer, self.other = Person(market, "buyer"), Person(market, "buyer")
        self.admin, self.nobody = Person(market, "admin"), Person(market)

    def offer(self, price="750.00", currency="BDT", *, approved=True, vendor=None, **fields):
        """Let a vendor offer a service with one variant; return (service, variant)."""
        vendor = vendor or self.vendor
        named = {"name": f"Screen repair {next(_NUMBERS)}", "description": "Glass and frame.", **fields}
        service = vendor.done("POST", "/services", named)
        body = {"service_id": service["id"], "name": "Small telephone", "price": taka(price, currency)}
        variant = vendor.done("POST", "/service-variants", body)
        if approved:
            self.decide(service, True)
        return service, variant

    def decide(self, service, approved, reason=""):
        """Let the admin approve a service, or take that back."""
        body = {"approved": approved, "reason": reason}
        return self.admin.done("PATCH", f"/services/{service['id']}/approval", body)

    def order(self, service, variant, who=None, **more):
        """Let somebody order a variant; return the answer."""
        body = {"vendor_id": service["vendor"]["id"], "variant_id": variant["id"], **more.pop("body", {})}
        return (who or self.customer).ask("POST", "/service-orders", body, **more)

    def placed(self, service, variant, **more):
        """Order a variant and return what was placed."""
        answer = self.order(service, variant, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def state(self, placed):
        """Return the state of a placed order."""
        return self.customer.done("GET", f"/service-orders/{placed['order_id']}")["state"]

    def work(self):
        """Run the jobs that are due."""
        run_waiting(self.market.registry)

    def told(self, who):
        """Return the types of somebody's notifications, newest first."""
        return [item["type"] for item in who.done("GET", "/users/me/notifications")["items"]]
