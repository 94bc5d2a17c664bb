"""Payments: opened before the provider is called, changed by ``apply_provider_state`` alone.

The order of things is what keeps money safe. The attempt is a committed row before the first byte leaves; the call
happens outside any transaction; whatever comes back, by answer, callback, question or reconciler, is applied under
the row's lock by one function that only moves forward.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import colander
import structlog
from sqlalchemy import text

from marketcore.db import clock
from marketcore.directives import table
from marketcore.events import MoneySetAside, PaymentCaptured, PaymentFailed
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import Outcome, PaymentAttempt, ProviderResult
from marketcore.ledger.accounts import provider_clearing
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore.payments.callbacks import new_callback
from marketcore.payments.operations import new_code
from marketcore.payments.routing import Routing
from marketcore.payments.rules import STATE_OF
from marketcore.payments.unapplied import UnappliedReceipts
from marketcore.states import PAYMENT_OPEN, PAYMENT_TRANSITIONS, PaymentState

log = structlog.get_logger(__name__)

COLUMNS = """id, code, user_id, purpose, reference, provider, currency, amount_minor, received_minor, country, state,
             payer, provider_reference, provider_receipt, next_action, reason, checks, next_check_at, expires_at,
             created_at, updated_at, market_clock() AS now"""
_OPEN = text(
    """INSERT INTO payments (id, code, user_id, purpose, reference, provider, currency, amount_minor, country, state,
                             payer, expires_at, next_check_at)
       VALUES (:id, :code, :user, :purpose, :reference, :provider, :currency, :amount, :country, 'submitting',
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
_TAKEN = text(
    """SELECT id FROM payments WHERE provider = :provider AND id <> :id
         AND (provider_reference = :reference OR provider_receipt = :receipt) LIMIT 1"""
)
# Where a person confirms, nobody is asked until the payer's time is over; goods that left first have no such time.
_CHANGE = text(
    """UPDATE payments SET state = CAST(:state AS text), reason = :reason,
              updated_at = CASE WHEN state = CAST(:state AS text) THEN updated_at ELSE market_clock() END,
              received_minor = coalesce(:received, received_minor),
              provider_reference = coalesce(provider_reference, :provider_reference),
              provider_receipt = coalesce(provider_receipt, :provider_receipt),
              next_action = coalesce(CAST(:next_action AS jsonb), next_action),
              next_check_at = CASE WHEN NOT :asked THEN NULL
                                   WHEN :by_hand THEN expires_at
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


class PaymentService:
    """Opens payments and applies what providers say of them."""

    def __init__(self, request: Any, routing: Routing, ledger: LedgerService, attempt_minutes: int) -> None:
        self._request = request
        self._session = request.db
        self._routing = routing
        self._unapplied = UnappliedReceipts(request.db, ledger)
        self._attempt_time = timedelta(minutes=attempt_minutes)

    def open(
        self,
        user_id: int,
        purpose: str,
        reference: str,
        *,
        provider: str | None,
        payer: Mapping[str, Any],
        without: Collection[str] = (),
    ) -> tuple[UUID, str]:
        """Write an attempt in state ``submitting`` and return its id and the address its provider may call.

        The caller commits, and then calls ``marketcore.payments.asking.submit``. An open attempt for the same thing
        is a ``Conflict`` that names it; an amount no provider can express is ``Invalid`` before anything is written.
        Providers named in ``without`` have been tried.
        """
        amount = self.amount_due(purpose, reference, user_id)
        country = self._country(purpose, reference)
        unfit = self._unfit(purpose)
        chosen = self._routing.choose(amount, provider, country=country, without=without, unfit=unfit)
        row = self._new_row(user_id, purpose, reference, chosen, amount, country)
        row["payer"] = json.dumps(_checked_payer(chosen, payer))
        if self._session.execute(_OPEN, row).first() is None:
            other = self._session.execute(_ALREADY_OPEN, {"purpose": purpose, "reference": reference}).scalar()
            raise Conflict("a payment for this is already under way", payment_id=str(other))
        # The place became free by waiting for whoever held it; perhaps their money came, and nothing is due any more.
        if self.amount_due(purpose, reference, user_id) != amount:
            raise Conflict(f"what is due for {purpose} {reference} has just changed")
        self._record(row["id"], PaymentState.CREATED, PaymentState.SUBMITTING, "request")
        return row["id"], new_callback(self._request, chosen, "payment", row["id"], question=False)

    def options(self, purpose: str, reference: str, user_id: int) -> tuple[Money, list[Any]]:
        """Return what is due, and the providers that can collect it, best first."""
        amount = self.amount_due(purpose, reference, user_id)
        verdicts = self._routing.explain(amount, self._country(purpose, reference), unfit=self._unfit(purpose))
        return amount, [self._routing.by_name(name) for name, why in verdicts if why is None]

    def _new_row(
        self, user_id: int, purpose: str, reference: str, chosen: Any, amount: Money, country: str | None
    ) -> dict[str, Any]:
        now = clock.now(self._session)
        minutes = chosen.capabilities.lifetime_minutes
        return {
            "id": uuid4(),
            "code": new_code(),
            "user": user_id,
            "purpose": purpose,
            "reference": reference,
            "provider": chosen.name,
            "currency": amount.currency,
            "amount": amount.minor,
            "country": country,
            "expires_at": now + (timedelta(minutes=minutes) if minutes else self._attempt_time),
            "next_check_at": now + _FIRST_CHECK,
        }

    def _unfit(self, purpose: str) -> frozenset[str]:
        """Return the providers that ``purpose`` excludes, and those whose promise it does not take for money."""
        asked, known = self._purpose(purpose), table(self._request.registry, "payment providers")
        promising = {name for name, provider in known.items() if "on_delivery" in provider.capabilities.features}
        excluded = frozenset(getattr(asked, "excluded_providers", ()))
        return excluded if hasattr(asked, "authorized") else excluded | promising

    def _country(self, purpose: str, reference: str) -> str | None:
        tell = getattr(self._purpose(purpose), "country", None)
        country: str | None = tell(self._request, reference) if tell else None
        return country

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
        objection = self._objection(payment, current, target, result)
        if objection is not None:
            self._record(payment_id, current, target, source, applied=False, detail=objection)
            return current
        self._change(payment, target, result)
        if target is current:
            return current
        self._record(payment_id, current, target, source, detail=result.detail or "")
        return self._settle(payment, target, result)

    def _objection(
        self, payment: Any, current: PaymentState, target: PaymentState, result: ProviderResult
    ) -> str | None:
        """Say why a report cannot be applied, or ``None``; what may cost somebody money is loud."""
        if target is not current and target not in PAYMENT_TRANSITIONS.get(current, frozenset()):
            return result.detail or ""
        objection = None
        if target is current is PaymentState.CAPTURED and _differs(result.receipt, payment.provider_receipt):
            objection = f"a second receipt {result.receipt} for a payment with receipt {payment.provider_receipt}"
        taken = {"reference": result.reference, "receipt": result.receipt, "provider": payment.provider}
        other = self._session.execute(_TAKEN, {**taken, "id": payment.id}).scalar()
        if other is not None:
            objection = f"{result.reference} / {result.receipt} belongs to payment {other}"
        if objection:
            log.error("payment_report_refused", payment_id=str(payment.id), why=objection)
        return objection

    def _settle(self, payment: Any, target: PaymentState, result: ProviderResult) -> PaymentState:
        if target is PaymentState.CAPTURED:
            self._collect(payment, result.amount)
        elif target in (PaymentState.FAILED, PaymentState.EXPIRED):
            reason = result.reason or str(target)
            self._request.emit(PaymentFailed(payment.id, payment.purpose, payment.reference, reason))
        elif target is PaymentState.AUTHORIZED and "on_delivery" in self._features(payment):
            return self._promise(payment)
        return target

    def _promise(self, payment: Any) -> PaymentState:
        """Let the goods leave before the money; where the purpose does not want that, the attempt ends here."""
        purpose = self._purpose(payment.purpose)
        agree = getattr(purpose, "authorized", None)
        if agree is not None and agree(self._request, payment.reference, payment.id, payment.provider):
            return PaymentState.AUTHORIZED
        self._change(payment, PaymentState.VOIDED, ProviderResult(Outcome.DECLINED, reason="not_possible_here"))
        self._record(payment.id, PaymentState.AUTHORIZED, PaymentState.VOIDED, "purpose")
        self._request.emit(PaymentFailed(payment.id, payment.purpose, payment.reference, "not_possible_here"))
        return PaymentState.VOIDED

    def _collect(self, payment: Any, received: Money | None) -> None:
        asked = Money(payment.amount_minor, payment.currency)
        assert received is not None, "a success without an amount is UNKNOWN"  # noqa: S101
        clearing = provider_clearing(payment.provider, received.currency)
        purpose = self._purpose(payment.purpose)
        usable = received == asked and purpose.captured(self._request, payment.reference, payment.id, asked, clearing)
        if not usable:
            self._unapplied.keep(payment, received, clearing)
        self._request.emit(PaymentCaptured(payment.id, payment.purpose, payment.reference, received))
        if not usable:
            self._request.emit(MoneySetAside(payment.id, received, asked))

    def use_set_aside(self, payment_id: UUID) -> None:
        """Let money that was set aside stand for what it was sent for after all; ``Conflict`` if that cannot be."""
        payment = self.lock(payment_id)
        left, asked = self._unapplied.left(payment.id), Money(payment.amount_minor, payment.currency)
        if left != asked:
            raise Conflict(f"{left or 'nothing'} of payment {payment_id} is set aside, and {asked} was asked for")
        clearing, purpose = self._unapplied.release(payment), self._purpose(payment.purpose)
        if not purpose.captured(self._request, payment.reference, payment.id, asked, clearing):
            raise Conflict(f"payment {payment_id} cannot be used for {payment.purpose} {payment.reference}: refund it")

    def lock(self, payment_id: UUID) -> Any:
        """Lock a payment until the end of the transaction and return its row; ``NotFound`` if there is none."""
        payment = self._session.execute(_LOCK, {"id": payment_id}).first()
        if payment is None:
            raise NotFound(f"there is no payment {payment_id}")
        return payment

    def _features(self, payment: Any) -> frozenset[str]:
        provider = table(self._request.registry, "payment providers").get(payment.provider)
        return provider.capabilities.features if provider else frozenset()

    def _change(self, payment: Any, target: PaymentState, result: ProviderResult) -> None:
        action = result.next_action
        by_hand = "by_hand" in self._features(payment)
        nothing_began = result.outcome is Outcome.NOT_ATTEMPTED
        self._session.execute(
            _CHANGE,
            {
                "id": payment.id,
                "state": target,
                "reason": (str(Outcome.NOT_ATTEMPTED) if nothing_began else result.reason or "")[:60],
                "provider_reference": result.reference,
                "provider_receipt": result.receipt,
                "next_action": json.dumps({"kind": action.kind, "data": dict(action.data)}) if action else None,
                "received": result.amount.minor if result.amount and target is PaymentState.CAPTURED else None,
                "asked": target in PAYMENT_OPEN and not (by_hand and target is PaymentState.AUTHORIZED),
                "by_hand": by_hand,
                "answered": payment.state == PaymentState.SUBMITTING,
            },
        )

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

    def _purpose(self, name: str) -> Any:
        purposes = table(self._request.registry, "payment purposes")
        if name not in purposes:
            raise Invalid(errors={"purpose": f"must be one of {', '.join(sorted(purposes))}"})
        return purposes[name]


def _differs(told: str | None, known: str | None) -> bool:
    return told is not None and known is not None and told != known


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
        receipt=row.provider_receipt,
        user_id=row.user_id,
        asked_at=row.now,
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
