"""The wallet as a payment provider: nothing leaves the marketplace, so a payment is a transfer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import colander

from marketcore.interfaces import (
    Capabilities,
    Outcome,
    PaymentAttempt,
    ProviderResult,
    RefundAttempt,
    WebhookEvent,
    WebhookRequest,
)
from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.web.schema import Schema


class WalletPayer(Schema):
    """Nothing: whoever pays is logged in."""


class WalletProvider:
    """Pays from the payer's own wallet, and gives back to it."""

    name = "wallet"
    title = "Wallet"
    webhook_slug = "wallet"
    payer_schema: colander.SchemaNode = WalletPayer()

    def __init__(self, currencies: Iterable[str]) -> None:
        self.capabilities = Capabilities(
            currencies=dict.fromkeys(currencies, 1), features=frozenset({"internal", "refund", "partial_refund"})
        )

    def collect(self, request: Any, attempt: PaymentAttempt) -> ProviderResult:
        """Take the amount from the payer's wallet; ``InsufficientFunds`` where it does not cover it."""
        currency = attempt.amount.currency
        transfer = Transfer(
            id=business_id("wallet_payment", attempt.id),
            debit=wallet(attempt.user_id, currency),
            credit=provider_clearing(self.name, currency),
            minor=attempt.amount.minor,
            code="wallet_payment",
            ref_type="payment",
            ref_id=str(attempt.id),
        )
        request.find_service(LedgerService).transfer([transfer], event_id=transfer.id)
        return ProviderResult(Outcome.SUCCEEDED, receipt=attempt.code, amount=attempt.amount)

    def give_back(self, request: Any, refund: RefundAttempt) -> ProviderResult:
        """Put the amount back into the payer's wallet."""
        currency = refund.amount.currency
        transfer = Transfer(
            id=business_id("wallet_refund", refund.id),
            debit=provider_clearing(self.name, currency),
            credit=wallet(refund.payment.user_id, currency),
            minor=refund.amount.minor,
            code="wallet_refund",
            ref_type="refund",
            ref_id=str(refund.id),
        )
        request.find_service(LedgerService).transfer([transfer], event_id=transfer.id)
        return ProviderResult(Outcome.SUCCEEDED, receipt=refund.code, amount=refund.amount)

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Refuse: a wallet is collected from inside the transaction."""
        return ProviderResult(Outcome.NOT_ATTEMPTED, detail=f"{attempt.id} is collected, not started")

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Know nothing: the database itself tells what happened."""
        return ProviderResult(Outcome.UNKNOWN, detail=f"{attempt.id} is collected, not asked about")

    def verify(self, call: WebhookRequest) -> bool:
        """Refuse every call: nobody outside has anything to say about wallets."""
        return False

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """Find nothing in a call."""
        return ()

    def acknowledge(self) -> tuple[str, bytes]:
        """Return an empty answer."""
        return "text/plain", b""
