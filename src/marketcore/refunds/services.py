"""Refunds: the money leaves its order at the request, and the marketplace when the provider says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import text

from marketcore.directives import table
from marketcore.events import RefundChanged
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import ProviderResult, RefundOrder
from marketcore.ledger.accounts import AccountRef, provider_clearing, refund_due, unapplied_receipts, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.money import Money
from marketcore.payments.operations import new_code, record
from marketcore.payments.services import PaymentService
from marketcore.payments.unapplied import UnappliedReceipts
from marketcore.refunds.attempts import read_whole, refund_attempt
from marketcore.states import PaymentState, RefundState

log = structlog.get_logger(__name__)

_INSERT = text(
    """INSERT INTO refunds (id, code, payment_id, order_id, source, target, provider, currency, amount_minor, state,
                            reason, requested_by, next_check_at)
       VALUES (:id, :code, :payment_id, :order_id, :source, :target, :provider, :currency, :minor, 'requested',
               :reason, :by, CASE WHEN :soon THEN market_clock() + interval '60 seconds' END)"""
)
_READ = text("SELECT * FROM refunds WHERE id = :id")
_LOCK = text("SELECT * FROM refunds WHERE id = :id FOR UPDATE")
_ACTIVE = text(
    """SELECT coalesce(sum(amount_minor), 0) FROM refunds
       WHERE payment_id = :payment AND currency = :currency AND replaced_by IS NULL"""
)
_REPLACE = text("UPDATE refunds SET replaced_by = :next, next_check_at = NULL WHERE id = :id")
_OF_ORDER = text("SELECT * FROM refunds WHERE order_id = :order ORDER BY created_at, id")
_ORDER_PAYMENT = text("SELECT payment_id FROM orders WHERE id = :id AND payment_id IS NOT NULL")
_READ_FOR = text(
    """SELECT r.*, (p.user_id = :user OR coalesce(o.seller_id = :user, false)) AS theirs
       FROM refunds r JOIN payments p ON p.id = r.payment_id LEFT JOIN orders o ON o.id = r.order_id WHERE r.id = :id"""
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A refund about to be written."""

    id: UUID
    payment: Any
    order_id: int | None
    source: str
    target: str
    money: Money
    reason: str
    by: int | None


class RefundService:
    """Requests refunds, sends each on its way, and books what becomes of it."""

    def __init__(self, request: Any, payments: PaymentService, ledger: LedgerService) -> None:
        self._request = request
        self._session = request.db
        self._payments = payments
        self._ledger = ledger

    def request(
        self,
        payment_id: UUID,
        minor: int | None = None,
        *,
        order_id: int | None = None,
        target: str | None = None,
        reason: str = "",
        by: int | None = None,
        ends_as: str = "refunded",
    ) -> UUID:
        """Give back ``minor`` units (``None``: all that is left) of what a payment paid for; return the refund's id.

        ``target``: ``original`` (the way it came), ``wallet``, ``by_hand``, or ``None`` for the first of them that
        can be. ``Invalid`` or ``Conflict`` says why not; nothing is written then.
        """
        payment = self._payments.lock(payment_id)
        if payment.state != PaymentState.CAPTURED:
            raise Conflict(f"payment {payment_id} is {payment.state}: only captured money can go back")
        purpose = table(self._request.registry, "payment purposes")[payment.purpose]
        give_back = getattr(purpose, "given_back", None)
        if give_back is None:
            raise Conflict(f"a payment for {payment.purpose} cannot be refunded")
        wish = RefundOrder(uuid4(), payment.id, payment.reference, order_id, minor, ends_as)
        given: int = give_back(self._request, wish, refund_due(payment.currency))
        money = Money(given, payment.currency)
        whole = Wish(wish.id, payment, order_id, "purpose", target or "original", money, reason, by)
        return self._send(whole if target else self._best(whole))

    def request_set_aside(self, payment_id: UUID, *, target: str = "original", reason: str, by: int | None) -> UUID:
        """Give back what a payment has brought that could not be used; ``Conflict`` if nothing is left of it."""
        payment = self._payments.lock(payment_id)
        left = UnappliedReceipts(self._session, self._ledger).left(payment.id)
        if left is None:
            raise Conflict(f"nothing of payment {payment_id} is set aside")
        wish = Wish(uuid4(), payment, None, "unapplied", target, left, reason, by)
        self._move(wish.id, "refund", unapplied_receipts(left.currency), refund_due(left.currency), wish)
        return self._send(wish)

    def retry(self, refund_id: UUID, target: str, by: int | None) -> UUID:
        """Replace a failed refund by a new try; its money has not left ``refund_due``. Returns the new refund's id."""
        payment = self._payments.lock(self.read(refund_id).payment_id)
        failed = self._session.execute(_LOCK, {"id": refund_id}).one()
        if failed.state not in (RefundState.FAILED, RefundState.BY_HAND) or failed.replaced_by is not None:
            raise Conflict(f"refund {refund_id} is {failed.state}: only one that failed, and once, can be tried again")
        money = Money(failed.amount_minor, failed.currency)
        wish = Wish(uuid4(), payment, failed.order_id, failed.source, target, money, failed.reason, by)
        self._write(wish)
        self._session.execute(_REPLACE, {"id": refund_id, "next": wish.id})
        return self._begin(wish)

    def confirm(self, refund_id: UUID, receipt: str) -> None:
        """Say that a refund by hand has been made; ``receipt`` is how to find it in the books of whoever paid it."""
        refund = self._session.execute(_LOCK, {"id": self.read(refund_id).id}).one()
        if refund.state != RefundState.BY_HAND or refund.replaced_by is not None:
            raise Conflict(f"refund {refund_id} does not wait for anybody's hand")
        self.step(refund, RefundState.SUCCEEDED, "by_hand", receipt=receipt)

    def read(self, refund_id: UUID) -> Any:
        """Return a refund's row; ``NotFound`` if there is none."""
        row = self._session.execute(_READ, {"id": refund_id}).first()
        if row is None:
            raise NotFound(f"there is no refund {refund_id}")
        return row

    def read_for(self, refund_id: UUID, identity: Any) -> Any:
        """Return a refund for its payer, the seller of its order or an admin; ``NotFound`` for anybody else."""
        row = self._session.execute(_READ_FOR, {"id": refund_id, "user": identity.user_id}).first()
        if row is None or not (row.theirs or "admin" in identity.roles):
            raise NotFound(f"there is no refund {refund_id} of yours")
        return row

    def can_return(self, payment_id: UUID) -> bool:
        """Whether the provider of a payment can send money back by itself."""
        name = self._payments.lock(payment_id).provider
        provider = table(self._request.registry, "payment providers").get(name)
        return provider is not None and bool({"refund", "internal"} & provider.capabilities.features)

    def of_order(self, order_id: int) -> list[Any]:
        """Return an order's refunds, oldest first."""
        return list(self._session.execute(_OF_ORDER, {"order": order_id}))

    def payment_of(self, order_id: int) -> UUID:
        """Return the payment that paid an order; ``Conflict`` if none has."""
        found: UUID | None = self._session.execute(_ORDER_PAYMENT, {"id": order_id}).scalar()
        if found is None:
            raise Conflict(f"order {order_id} has not been paid: there is nothing to refund")
        return found

    def settle(self, refund: Any, target: RefundState, result: ProviderResult) -> None:
        """Book a step that a provider has reported."""
        due, clearing = refund_due(refund.currency), provider_clearing(refund.provider, refund.currency)
        if target is RefundState.SUCCEEDED:
            self._book(refund, "refund_sent", due, clearing)
        elif refund.state == RefundState.SUCCEEDED:
            self._book(refund, "refund_returned", clearing, due)
        if target is RefundState.FAILED:
            log.error("refund_failed", refund_id=str(refund.id), reason=result.reason)
        self._tell(refund, target)

    def step(self, refund: Any, target: RefundState, source: str, *, receipt: str | None = None) -> None:
        """Take a step that no provider is asked about."""
        record(self._session, "refund", refund.id, refund.state, target, source)
        values = {"id": refund.id, "state": target, "receipt": receipt}
        self._session.execute(_STEP, values)
        if target is RefundState.SUCCEEDED:
            away = (
                wallet(self._payments.lock(refund.payment_id).user_id, refund.currency)
                if refund.target == "wallet"
                else provider_clearing("by_hand" if refund.target == "by_hand" else refund.provider, refund.currency)
            )
            self._book(refund, "refund_sent", refund_due(refund.currency), away)
        self._tell(refund, target)

    def _best(self, wish: Wish) -> Wish:
        return replace(wish, target="by_hand") if _refund_refusal(self._provider(wish), wish) else wish

    def _send(self, wish: Wish) -> UUID:
        received = Money(wish.payment.received_minor, wish.money.currency)
        active = self._session.execute(_ACTIVE, {"payment": wish.payment.id, "currency": wish.money.currency}).scalar()
        if active + wish.money.minor > received.minor:
            raise Conflict(f"{received} came with payment {wish.payment.id} and {active} of it has gone back already")
        self._write(wish)
        return self._begin(wish)

    def _write(self, wish: Wish) -> None:
        self._check_target(wish)
        values = {
            "id": wish.id,
            "code": new_code(),
            "payment_id": wish.payment.id,
            "order_id": wish.order_id,
            "source": wish.source,
            "target": wish.target,
            "provider": wish.payment.provider,
            "currency": wish.money.currency,
            "minor": wish.money.minor,
            "reason": wish.reason[:200],
            "by": wish.by,
            "soon": self._leaves(wish),
        }
        self._session.execute(_INSERT, values)
        self._tell(self.read(wish.id), RefundState.REQUESTED)

    def _begin(self, wish: Wish) -> UUID:
        refund = self.read(wish.id)
        if wish.target == "by_hand":
            self.step(refund, RefundState.BY_HAND, "request")
        elif wish.target == "wallet":
            self.step(refund, RefundState.SUCCEEDED, "request")
        elif self._leaves(wish):
            self._request.enqueue("refunds.submit_refund", refund_id=str(wish.id))
        else:
            self._give_back_inside(refund, wish)
        return wish.id

    def _leaves(self, wish: Wish) -> bool:
        """Whether the refund goes through a gateway, so that a provider has to be called."""
        return wish.target == "original" and "internal" not in self._provider(wish).capabilities.features

    def _provider(self, wish: Wish) -> Any:
        """Return the payment's provider, or ``None`` where its plugin is switched off."""
        return table(self._request.registry, "payment providers").get(wish.payment.provider)

    def _give_back_inside(self, refund: Any, wish: Wish) -> None:
        provider = table(self._request.registry, "payment providers")[refund.provider]
        self.step(refund, RefundState.SUCCEEDED, "request")
        provider.give_back(self._request, refund_attempt(read_whole(self._session, wish.id)))

    def _check_target(self, wish: Wish) -> None:
        """Raise ``Invalid`` if the target cannot take this refund."""
        if wish.target == "wallet" and "wallet" not in table(self._request.registry, "payment providers"):
            raise Invalid(
                errors={"target": "there is no wallet on this marketplace: enable its plugin or take another"}
            )
        why = _refund_refusal(self._provider(wish), wish) if wish.target == "original" else None
        if why:
            raise Invalid(errors={"target": f"{wish.payment.provider} {why}: refund by_hand or to the wallet"})

    def _book(self, refund: Any, code: str, debit: AccountRef, credit: AccountRef) -> None:
        # A refund may be reported as done, taken back and done again: each has its own transfer.
        times = self._session.execute(_TIMES, {"id": str(refund.id), "code": code}).scalar_one()
        transfer = Transfer(
            id=business_id(code, refund.id, times),
            debit=debit,
            credit=credit,
            minor=refund.amount_minor,
            code=code,
            ref_type="refund",
            ref_id=str(refund.id),
        )
        self._ledger.transfer([transfer], event_id=transfer.id)

    def _move(self, refund_id: UUID, code: str, debit: AccountRef, credit: AccountRef, wish: Wish) -> None:
        transfer = Transfer(
            id=business_id(code, refund_id),
            debit=debit,
            credit=credit,
            minor=wish.money.minor,
            code=code,
            ref_type="payment",
            ref_id=str(wish.payment.id),
        )
        self._ledger.transfer([transfer], event_id=transfer.id)

    def _tell(self, refund: Any, state: RefundState) -> None:
        amount = Money(refund.amount_minor, refund.currency)
        self._request.emit(RefundChanged(refund.id, refund.payment_id, refund.order_id, str(state), amount))
        if refund.order_id is not None:
            data = {"order_id": refund.order_id, "refund_id": str(refund.id), "state": str(state)}
            self._request.publish(f"order:{refund.order_id}", "order.refund", data)


_STEP = text(
    """UPDATE refunds SET state = :state, provider_receipt = coalesce(:receipt, provider_receipt), next_check_at = NULL,
              updated_at = market_clock() WHERE id = :id"""
)
_TIMES = text("SELECT count(*) FROM ledger_transfers WHERE ref_type = 'refund' AND ref_id = :id AND code = :code")


def _refund_refusal(provider: Any, wish: Wish) -> str | None:
    if provider is None:
        return "is not enabled"
    features = provider.capabilities.features
    if "internal" in features:
        return None
    if "refund" not in features:
        return "cannot refund"
    if "partial_refund" not in features and wish.money.minor != wish.payment.received_minor:
        return f"refunds only the whole of {wish.payment.received_minor} minor units"
    return None


def refund_service(_context: Any, request: Any) -> RefundService:
    """Return the request's ``RefundService``."""
    return RefundService(request, request.find_service(PaymentService), request.find_service(LedgerService))
