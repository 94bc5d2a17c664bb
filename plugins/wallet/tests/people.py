"""Wallets from outside: filling and reading them, and admins."""

from __future__ import annotations

import uuid

from marketcore.identity.services import create_user
from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.testing.shop import PASSWORD


def fill(market, user_id, minor, currency="KES"):
    """Put money into somebody's wallet."""
    id = business_id("gift", uuid.uuid4())
    gift = Transfer(id, provider_clearing("gift", currency), wallet(user_id, currency), minor, "gift", "test", "1")
    market.perform(lambda request: request.find_service(LedgerService).transfer([gift], event_id=id))


def balance(market, user_id, currency="KES"):
    """Return what somebody's wallet has available and held, in minor units."""

    def read(request):
        found = request.find_service(LedgerService).balance(wallet(user_id, currency))
        return found.available_minor, found.reserved_minor

    return market.perform(read)


def admin(market):
    """Return a client of an admin."""
    email = f"admin-{uuid.uuid4().hex[:12]}@example.test"
    market.perform(create_user, email, PASSWORD, ["admin"])
    answer = market.client().post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    return market.client(answer.json()["access"])
