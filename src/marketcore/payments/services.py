"""Payments: opened before the provider is called, changed by ``apply_provider_state`` alone.

The order of things is what keeps money safe. The attempt is a committed row before the first byte leaves; the call
happens outside any transaction; whatever comes back, by answer, callback, question or reconciler, is applied under
the row's lock by one function that only moves forward.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import colander
import structlog
from sqlalchemy import text
from zope.sqlalchemy import mark_changed

from marketcore.db import clock
from marketcore.directives import table
from marketcore.events import PaymentCaptured, PaymentFailed
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import Outcome, PaymentAttempt, ProviderResult
from marketcore.ledger.accounts import provider_clearing, unapplied_receipts
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money
from marketcore.payments.routing import Routing
from marketcore.payments.rules import STATE_OF, token_hash
from marketcore.states import PAYMENT_OPEN, PAYMENT_TRANSITIONS, PaymentState

log = structlog.get_logger(__name__)

COLUMNS = """id, code, user_id, purpose, reference, provider, currency, amount_minor, state, payer, provider_reference,
             provider_receipt, next_action, reason, checks, next_check_at, expires_at, created_at, updated_at"""
_OPEN = text(
    """INSERT INTO payments (id, code, token_hash, user_id, purpose, reference, provider, currency, amount_minor, state,
                             payer, expires_at, next_check_at)
       VALUES (:id, :code, :token_hash, :user, :purpose, :reference, :provider, :currency, :amount, 'submitting',
               CAST(:payer AS jsonb), :expires_at, :next_check_at)
       ON CONFLICT (purpose, reference)
         WHERE state IN ('created','submitting','pending','unknown','authorized') DO NOTHING
       RETURNING id"""
)
# The newest, whatever its state: the one that was in the way may have ended since.
_ALREADY_OPEN = text(
    "SELECT id FROM payments WHERE purpose = :purpose AND reference = :reference ORDER BY created_at DESC LIMIT 1"
)
_READ = text(f"SELECT {COLUMNS} FROM payments WHERE id = :id")
_LOCK = text(f"SELECT {COLUMNS} FROM payments WHERE id = :id FOR UPDATE")
_CHANGE = text(
    """UPDATE payments SET state = :state, reason = :reason, updated_at = market_clock(),
              provider_reference = coalesce(provider_reference, :provider_reference),
              provider_receipt = coalesce(provider_receipt, :provider_receipt),
              next_action = coalesce(CAST(:next_action AS jsonb), next_action),
              next_check_at = CASE WHEN NOT :open THEN NULL
                                   WHEN :answered OR next_check_at IS NULL THEN market_clock() + interval '5 seconds'
                                   ELSE next_check_at END
       WHERE id = :id"""
)
_HISTORY = text(
    """INSERT INTO payment_history (payment_id, previous, state, source, applied, detail)
       VALUES (:id, :previous, :state, :source, :applied, :detail)"""
)
# A crash between committing the attempt and hearing of it is found by the reconciler after this time: longer than
# any call takes (a token and the request, 25 s each), so that nobody asks about an attempt still being handed over.
_FIRST_CHECK = timedelta(seconds=60)
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class PaymentService:
    """Opens payments and applies what providers say of them."""

    def __init__(self, request: Any, routing: Routing, ledger: LedgerService, attempt_minutes: int) -> None:
        self._request = request
        self._session = request.db
        self._routing = routing
        self._ledger = ledger
        self._attempt_time = timedelta(minutes=attempt_minutes)

    def open(
        self, user_id: int, purpose: str, reference: str, *, provider: str | None, payer: Mapping[str, Any]
    ) -> tuple[UUID, str]:
        """Write an attempt in state ``submitting`` and return its id and callback token.

        The caller commits, and then calls ``marketcore.payments.asking.submit``. An open attempt for the same thing
        is a ``Conflict`` that names it; an amount no provider can express is ``Invalid`` before anything is written.
        """
        amount = self.amount_due(purpose, reference, user_id)
        chosen = self._routing.choose(amount, provider)
        token = secrets.token_hex(32)  # gateways refuse addresses with certain words; hex has none
        now = clock.now(self._session)
        row = {
            "id": uuid4(),
            "code": "".join(secrets.choice(_ALPHABET) for _ in range(10)),
            "token_hash": token_hash(token),
            "user": user_id,
            "purpose": purpose,
            "reference": reference,
            "provider": chosen.name,
            "currency": amount.currency,
            "amount": amount.minor,
            "payer": json.dumps(_checked_payer(chosen, payer)),
            "expires_at": now + self._attempt_time,
            "next_check_at": now + _FIRST_CHECK,
        }
        if self._session.execute(_OPEN, row).first() is None:
            other = self._session.execute(_ALREADY_OPEN, {"purpose": purpose, "reference": reference}).scalar()
            raise Conflict("a payment for this is already under way", payment_id=str(other))
        # The place became free by waiting for whoever held it; perhaps their money came, and nothing is due any more.
        if self.amount_due(purpose, reference, user_id) != amount:
            raise Conflict(f"what is due for {purpose} {reference} has just changed")
        self._record(row["id"], PaymentState.CREATED, PaymentState.SUBMITTING, "request")
        return row["id"], token

    def amount_due(self, purpose: str, reference: str, user_id: int) -> Money:
        """Return what ``user_id`` has to pay for ``purpose``/``reference`` now."""
        due: Money = self._purpose(purpose).amount_due(self._request, reference, user_id)
        return due

    def read(self, payment_id: UUID, identity: Any) -> Any:
        """Return the payment's row for its payer or an admin; ``NotFound`` for anybody else."""
        row = self._session.execute(_READ, {"id": payment_id}).first()
        if row is None or not (row.user_id == identity.user_id or "admin" in identity.roles):
            raise NotFound(f"there is no payment {payment_id} of yours")
        return row

    def apply_provider_state(self, payment_id: UUID, result: ProviderResult, source: str) -> PaymentState:
        """Apply what a provider says of a payment: the only way a payment changes.

        Repeated, late and impossible reports change nothing; they are kept in the history with the reason. No news
        (``UNKNOWN``) counts only for an attempt whose submission has not been answered. Returns the state afterwards.
        """
        payment = self._session.execute(_LOCK, {"id": payment_id}).one()
        current, target = PaymentState(payment.state), STATE_OF[result.outcome]
        if result.outcome is Outcome.SUCCEEDED and result.amount is None:
            target = PaymentState.UNKNOWN
        if target is PaymentState.UNKNOWN and current is not PaymentState.SUBMITTING:
            return current
        if target is not current and target not in PAYMENT_TRANSITIONS.get(current, frozenset()):
            self._record(payment_id, current, target, source, applied=False, detail=result.detail or "")
            return current
        self._change(payment, target, result)
        if target is not current:
            self._record(payment_id, current, target, source, detail=result.detail or "")
            self._settle(payment, target, result)
        return target

    def _settle(self, payment: Any, target: PaymentState, result: ProviderResult) -> None:
        if target is PaymentState.CAPTURED:
            self._collect(payment, result.amount)
        elif target in (PaymentState.FAILED, PaymentState.EXPIRED):
            reason = result.reason or str(target)
            self._request.emit(PaymentFailed(payment.id, payment.purpose, payment.reference, reason))

    def _collect(self, payment: Any, received: Money | None) -> None:
        asked = Money(payment.amount_minor, payment.currency)
        assert received is not None, "a success without an amount is UNKNOWN"  # noqa: S101
        clearing = provider_clearing(payment.provider, received.currency)
        purpose = self._purpose(payment.purpose)
        usable = received == asked and purpose.captured(self._request, payment.reference, payment.id, asked, clearing)
        if not usable:
            self._set_aside(payment, received, clearing)
        self._request.emit(PaymentCaptured(payment.id, payment.purpose, payment.reference, received))

    def _set_aside(self, payment: Any, received: Money, clearing: Any) -> None:
        """Keep money that fits no order where a person finds it, instead of guessing what it is for."""
        transfer = Transfer(
            id=business_id("unapplied", payment.id),
            debit=clearing,
            credit=unapplied_receipts(received.currency),
            minor=received.minor,
            code="unapplied",
            ref_type="payment",
            ref_id=str(payment.id),
        )
        self._ledger.transfer([transfer], event_id=transfer.id)
        log.error("money_not_applied", payment_id=str(payment.id), received=str(received), asked=payment.amount_minor)

    def _change(self, payment: Any, target: PaymentState, result: ProviderResult) -> None:
        action = result.next_action
        self._session.execute(
            _CHANGE,
            {
                "id": payment.id,
                "state": target,
                "reason": result.reason or "",
                "provider_reference": result.reference,
                "provider_receipt": result.receipt,
                "next_action": json.dumps({"kind": action.kind, "data": dict(action.data)}) if action else None,
                "open": target in PAYMENT_OPEN,
                "answered": payment.state == PaymentState.SUBMITTING,
            },
        )
        mark_changed(self._session)

    def _record(
        self,
        payment_id: UUID,
        previous: PaymentState,
        state: PaymentState,
        source: str,
        *,
        applied: bool = True,
        detail: str = "",
    ) -> None:
        row = {"id": payment_id, "previous": previous, "state": state, "source": source, "applied": applied}
        self._session.execute(_HISTORY, {**row, "detail": detail[:500]})
        mark_changed(self._session)

    def _purpose(self, name: str) -> Any:
        purposes = table(self._request.registry, "payment purposes")
        if name not in purposes:
            raise Invalid(errors={"purpose": f"must be one of {', '.join(sorted(purposes))}"})
        return purposes[name]


def attempt_of(row: Any, callback_url: str = "", return_url: str = "") -> PaymentAttempt:
    """Return a payment's row as providers see it."""
    return PaymentAttempt(
        id=row.id,
        code=row.code,
        amount=Money(row.amount_minor, row.currency),
        payer=row.payer,
        callback_url=callback_url,
        return_url=return_url,
        reference=row.provider_reference,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _checked_payer(provider: Any, payer: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(provider.payer_schema.deserialize(dict(payer)))
    except colander.Invalid as invalid:
        raise Invalid(
            errors={f"payer.{field.lstrip('.')}".rstrip("."): str(why) for field, why in invalid.asdict().items()}
        ) from None


def payment_service(_context: Any, request: Any) -> PaymentService:
    """Return the request's ``PaymentService``."""
    from marketcore.settings import section

    minutes = section(request.registry, "payments")["attempt_minutes"]
    ledger = request.find_service(LedgerService)
    return PaymentService(request, request.registry["payment_routing"], ledger, minutes)
