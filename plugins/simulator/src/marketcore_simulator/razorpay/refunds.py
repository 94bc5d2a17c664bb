"""Refunds: all or part of a captured payment, settled later, and sometimes not at all."""

from dataclasses import dataclass

from marketcore_simulator.razorpay import fields
from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.fields import Document
from marketcore_simulator.razorpay.gateway import Book, Gateway
from marketcore_simulator.razorpay.payments import Payment, PaymentDesk
from marketcore_simulator.razorpay.webhooks import Notice
from marketcore_simulator.scripts import Script

LOWEST = 100
#: Six months, after which a payment cannot be refunded.
WITHIN = 182 * 86_400
SPEEDS = ("normal", "optimum")
OUTCOMES = ("processed", "failed")

_KNOWN = frozenset({"amount", "speed", "notes", "receipt", "reverse_all"})


@dataclass
class Refund:
    """A refund in paise: `status` is pending, then processed or failed."""

    id: str
    payment_id: str
    amount: int
    speed_requested: str
    receipt: str | None
    notes: dict[str, str]
    created_at: int
    status: str = "pending"
    speed_processed: str | None = None

    def entity(self) -> dict[str, object]:
        """Return the refund as Razorpay shows it."""
        return {
            "id": self.id,
            "entity": "refund",
            "amount": self.amount,
            "currency": "INR",
            "payment_id": self.payment_id,
            "notes": self.notes or [],
            "receipt": self.receipt,
            "acquirer_data": {"arn": f"10000{self.created_at}" if self.status == "processed" else None},
            "created_at": self.created_at,
            "batch_id": None,
            "status": self.status,
            "speed_processed": self.speed_processed or "normal",
            "speed_requested": self.speed_requested,
        }


class RefundDesk:
    """Refund captured payments, never more than was paid."""

    def __init__(self, gateway: Gateway, payments: PaymentDesk) -> None:
        self._gateway = gateway
        self._payments = payments
        self.book: Book[Refund] = Book(gateway.world)

    def create(self, payment: Payment, document: Document, script: Script) -> Refund:
        """Begin a refund; raise Refusal for a bad field or a payment that cannot be refunded."""
        fields.refuse_unknown(document, _KNOWN)
        with self._gateway.world.lock:
            amount = self._amount(payment, document)
            refund = Refund(
                id=self._gateway.new_id("rfnd"),
                payment_id=payment.id,
                amount=amount,
                speed_requested=fields.one_of(document, "speed", SPEEDS, "normal"),
                receipt=fields.text(document, "receipt", 40),
                notes=fields.notes(document),
                created_at=self._gateway.now(),
            )
            if script.name == "insufficient":
                raise Refusal("Your account does not have enough balance to carry out the refund operation.")
            self._take(payment, refund)
        self._settle(payment, refund, script)
        return refund

    def decide(self, refund: Refund, outcome: str) -> None:
        """End a pending refund as `processed` or `failed`; raise Refusal for one that has ended."""
        if outcome not in OUTCOMES:
            raise LookupError(f"{outcome!r} is not one of {', '.join(OUTCOMES)}")
        if refund.status != "pending":
            raise Refusal(f"A refund that is {refund.status} cannot become {outcome}")
        finish = self._process if outcome == "processed" else self._fail
        finish(self._payments.book.get(refund.payment_id), refund, Script("ok"))

    def of_payment(self, payment: Payment) -> list[Refund]:
        """Return the refunds of a payment, newest first."""
        return self.book.where(lambda refund: refund.payment_id == payment.id)

    def _amount(self, payment: Payment, document: Document) -> int:
        if payment.status == "refunded":
            raise Refusal("The payment has been fully refunded already")
        if payment.status != "captured":
            raise Refusal("The payment status should be captured for action to be taken")
        if self._gateway.now() - payment.created_at > WITHIN:
            raise Refusal("The payment is more than six months old and cannot be refunded")
        if document.get("amount") is None:
            return payment.refundable
        amount = fields.integer(document, "amount", LOWEST)
        if amount > payment.refundable:
            raise Refusal("The total refund amount is greater than the refund payment amount", "amount")
        return amount

    def _take(self, payment: Payment, refund: Refund) -> None:
        payment.amount_refunded += refund.amount
        payment.status = "refunded" if payment.refundable == 0 else "captured"
        self.book.add(refund)
        self._gateway.log("refund", f"{refund.id}: INR {refund.amount} paise of {payment.id}")

    def _settle(self, payment: Payment, refund: Refund, script: Script) -> None:
        self._tell("refund.created", refund, payment, script)
        fails = script.name in {"declined", "pending_then_failed"}
        if refund.speed_requested == "optimum" and script.name == "ok":
            refund.speed_processed = "instant"
            self._process(payment, refund, script)
            return
        finish = self._fail if fails else self._process
        self._gateway.world.timers.after(self._gateway.later(script), lambda: finish(payment, refund, script))

    def _process(self, payment: Payment, refund: Refund, script: Script) -> None:
        if refund.status != "pending":
            return  # a control call was quicker
        fell_back = refund.speed_requested == "optimum" and refund.speed_processed is None
        refund.status, refund.speed_processed = "processed", refund.speed_processed or "normal"
        if fell_back:
            self._tell("refund.speed_changed", refund, payment, script)
        self._tell("refund.processed", refund, payment, script)

    def _fail(self, payment: Payment, refund: Refund, script: Script) -> None:
        with self._gateway.world.lock:
            if refund.status != "pending":
                return  # a control call was quicker
            refund.status = "failed"
            payment.amount_refunded -= refund.amount
            payment.status = "captured"
        self._tell("refund.failed", refund, payment, script)

    def _tell(self, event: str, refund: Refund, payment: Payment, script: Script) -> None:
        notice = Notice(event, {"refund": refund.entity(), "payment": payment.entity()})
        self._gateway.webhooks.tell([notice], script)
