"""Providers that call nobody: one within the marketplace, one whose cash comes late, one that a person confirms."""

from __future__ import annotations

import colander

from marketcore.interfaces import Capabilities, NextAction, Outcome, ProviderResult
from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer


class Indoors:
    payer_schema = colander.MappingSchema()

    def __init__(self):
        self.title = self.webhook_slug = self.name
        self.capabilities = Capabilities(currencies={"KES": 1}, features=self.features)

    def start(self, attempt):
        raise AssertionError(f"{self.name} was asked to start {attempt.id}")

    fetch = start

    def verify(self, _call):
        return False

    def translate(self, _call):
        return []

    def acknowledge(self):
        return "text/plain", b""


class Purse(Indoors):
    """Takes from the payer's wallet account."""

    name = "purse"
    features = frozenset({"internal"})

    def collect(self, request, attempt):
        self._move(request, "purse_paid", attempt.id, attempt, wallet(attempt.user_id, "KES"), self._clearing)
        return ProviderResult(Outcome.SUCCEEDED, amount=attempt.amount)

    def give_back(self, request, refund):
        payer = wallet(refund.payment.user_id, "KES")
        self._move(request, "purse_back", refund.id, refund, self._clearing, payer)
        return ProviderResult(Outcome.SUCCEEDED, amount=refund.amount)

    _clearing = provider_clearing("purse", "KES")

    def _move(self, request, code, cause, what, debit, credit):
        id = business_id(code, cause)
        transfer = Transfer(id, debit, credit, what.amount.minor, code, "payment", str(cause))
        request.find_service(LedgerService).transfer([transfer], event_id=id)


class Doorstep(Indoors):
    """Lets the goods leave first."""

    name = "doorstep"
    features = frozenset({"on_delivery", "by_hand"})

    def start(self, _attempt):
        return ProviderResult(Outcome.AUTHORIZED)

    fetch = start


class Counter(Indoors):
    """Waits until somebody says that the money came."""

    name = "counter"
    features = frozenset({"by_hand"})

    def start(self, attempt):
        return ProviderResult(Outcome.PENDING, next_action=NextAction("instructions", {"code": attempt.code}))

    def fetch(self, attempt):
        over = attempt.asked_at >= attempt.expires_at
        return ProviderResult(Outcome.EXPIRED if over else Outcome.UNKNOWN)
