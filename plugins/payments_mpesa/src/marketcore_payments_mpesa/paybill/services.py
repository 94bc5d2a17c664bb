"""What is done with a paybill payment that Daraja reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.interfaces import WebhookRequest
from marketcore.money import Money
from marketcore.payments.inbox import InboxService
from marketcore.states import PaymentState
from marketcore_payments_mpesa.calls import kes, read_call
from marketcore_payments_mpesa.paybill.rules import objection
from marketcore_payments_mpesa.provider import MpesaProvider
from marketcore_payments_mpesa.results import C2bConfirmation, parse_c2b_confirmation

log = structlog.get_logger(__name__)
_BY_CODE = text(
    "SELECT id, state, amount_minor, currency FROM payments WHERE provider = :provider AND code = upper(trim(:code))"
)


class PaybillService:
    """Keeps confirmations and has those that name an attempt applied; nothing in a confirmation is believed."""

    def __init__(self, session: Any, inbox: InboxService, enqueue: Callable[..., Any]) -> None:
        self._session = session
        self._inbox = inbox
        self._enqueue = enqueue

    def confirm(self, call: WebhookRequest) -> UUID | None:
        """Keep a confirmation and return the payment it may be of; ``ValueError`` for what is none.

        Money that names nothing of ours cannot be sent back by machine: its confirmation stays in the inbox, and
        the daily comparison with the provider's list shows it until a person has decided.
        """
        told = parse_c2b_confirmation(call.body)
        if not self._inbox.store(MpesaProvider.name, call, [read_call(call)]):
            return None
        found = self._named(told)
        if found is None:
            amount, code = str(told.amount), told.bill_ref_number[:20]
            log.error("paybill_payment_unmatched", receipt=told.receipt, bill_reference=code, kes=amount)
            return None
        self._enqueue("payments_mpesa.paybill.apply_paybill_payment", payment_id=str(found.id), receipt=told.receipt)
        payment_id: UUID = found.id
        return payment_id

    def objection(self, body: bytes) -> str | None:
        """Return Daraja's code for what speaks against an intended payment, if anything does."""
        told = parse_c2b_confirmation(body)
        found = self._named(told)
        if found is None:
            return objection(None, None, None)
        asked = Money(found.amount_minor, found.currency)
        return objection(PaymentState(found.state), asked, kes(told.amount))

    def _named(self, told: C2bConfirmation) -> Any:
        named = {"provider": MpesaProvider.name, "code": told.bill_ref_number}
        return self._session.execute(_BY_CODE, named).first()


def paybill_service(_context: Any, request: Any) -> PaybillService:
    """Return the request's ``PaybillService``."""
    return PaybillService(request.db, request.find_service(InboxService), request.enqueue)
