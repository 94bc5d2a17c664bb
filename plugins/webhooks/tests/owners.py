"""Somebody who has endpoints, and what happens to them."""

from __future__ import annotations

import uuid

from marketcore.identity.services import create_user
from marketcore.testing.shop import PASSWORD, register


class Owner:
    """A user over HTTP, and the courier that sends for them."""

    def __init__(self, market, role="both"):
        self.market = market
        self.courier = market.registry["webhooks_courier"]
        if role == "admin":
            self.email = f"admin-{uuid.uuid4().hex[:12]}@example.test"
            self.id = market.perform(create_user, self.email, PASSWORD, ["admin"])
        else:
            person = register(market, role)["user"]
            self.email, self.id = person["email"], person["id"]
        self.log_in()

    def log_in(self):
        with self.market.client() as http:
            answer = http.post("/api/v1/auth/login", json={"email": self.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.http = self.market.client(answer.json()["access"])

    def travel(self, interval):
        """Move the marketplace's clock, and log in again: no token outlives the journey."""
        self.market.travel(interval)
        self.log_in()

    def ask(self, method, path, body=None, status=None):
        answer = self.http.request(method, f"/api/v1/{path}", **({} if body is None else {"json": body}))
        assert answer.status_code == status or (status is None and answer.is_success), answer.text
        return answer.json() if answer.content else None

    def add(self, url, **given):
        return self.ask("POST", "webhook-endpoints", {"url": url, **given})

    def endpoint(self, endpoint):
        return self.ask("GET", f"webhook-endpoints/{endpoint['id']}")

    def test(self, endpoint):
        return self.ask("POST", f"webhook-endpoints/{endpoint['id']}/test")

    def delivery(self, delivery):
        return self.ask("GET", f"webhook-deliveries/{delivery['id']}")

    def deliveries(self, query=""):
        return self.ask("GET", f"webhook-deliveries{query}")["items"]

    def send(self, url, **given):
        """Add an endpoint, send it a test message once and return both as they stand then."""
        endpoint = self.add(url, **given)
        delivery = self.test(endpoint)
        self.courier.drain(20)
        return self.endpoint(endpoint), self.delivery(delivery)

    def flood(self, endpoint, count):
        """Write ``count`` messages that are due to the endpoint, without the limit on tests."""
        self.market.query(
            """WITH m AS (INSERT INTO webhooks_messages (public_id, type, body)
                          SELECT 'msg_' || md5(random()::text || n), 'webhook.test', '{}'
                          FROM generate_series(1, :count) n RETURNING id)
               INSERT INTO webhooks_deliveries (message_id, endpoint_id) SELECT id, :endpoint FROM m""",
            count=count,
            endpoint=endpoint["id"],
        )
