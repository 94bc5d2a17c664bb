"""Payments: an attempt at an order, authorized by the bank and captured by the merchant."""

from collections.abc import Callable
from dataclasses import dataclass, field

from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.gateway import Book, Gateway
from marketcore_simulator.razorpay.orders import Order
from marketcore_simulator.razorpay.webhooks import Notice
from marketcore_simulator.scripts import Script

#: An authorized payment nobody captures goes back to the payer after three days.
CAPTURE_WITHIN = 3 * 86_400
METHODS = ("upi", "card", "netbanking")

_FAILURE: dict[str, object] = {
    "error_code": "BAD_REQUEST_ERROR",
    "error_description": "Your payment has been declined by the bank. Try another account or method.",
    "error_source": "bank",
    "error_step": "payment_authorization",
    "error_reason": "payment_failed",
}
_NO_FAILURE: dict[str, object] = dict.fromkeys(_FAILURE)
_GST_PERCENT = 18


@dataclass(frozen=True)
class Means:
    """How the payer pays: one of `METHODS`, with the account it names."""

    method: str = "upi"
    vpa: str | None = None
    bank: str | None = None
    card_last4: str | None = None


@dataclass
class Payment:
    """A payment in paise: `status` is created, authorized, captured, refunded or failed.

    Failed is not the end: the bank may be found to have authorized it, up to days later.
    """

    id: str
    order_id: str
    amount: int
    currency: str
    means: Means
    email: str
    contact: str
    created_at: int
    status: str = "created"
    amount_refunded: int = 0
    fee: int = 0
    tax: int = 0
    captured_at: int | None = None
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def refundable(self) -> int:
        """Return the paise not refunded yet."""
        return self.amount - self.amount_refunded

    def entity(self) -> dict[str, object]:
        """Return the payment as Razorpay shows it."""
        refunded = {0: None, self.amount: "full"}.get(self.amount_refunded, "partial")
        return {
            "id": self.id,
            "entity": "payment",
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "order_id": self.order_id,
            "invoice_id": None,
            "international": False,
            "method": self.means.method,
            "amount_refunded": self.amount_refunded,
            "refund_status": refunded,
            "captured": self.captured_at is not None,
            "description": None,
            "card_id": f"card_{self.id[4:]}" if self.means.method == "card" else None,
            "bank": self.means.bank,
            "wallet": None,
            "vpa": self.means.vpa,
            "email": self.email,
            "contact": self.contact,
            "notes": self.notes or [],
            "fee": self.fee if self.captured_at is not None else None,
            "tax": self.tax if self.captured_at is not None else None,
            **(_FAILURE if self.status == "failed" else _NO_FAILURE),
            "acquirer_data": {},
            "created_at": self.created_at,
        }


class PaymentDesk:
    """The course of a payment. `when_captured` is told of every captured payment and its order."""

    def __init__(
        self, gateway: Gateway, orders: Book[Order], when_captured: Callable[[Order, Payment], object]
    ) -> None:
        self._gateway = gateway
        self._orders = orders
        self._when_captured = when_captured
        self.book: Book[Payment] = Book(gateway.world)

    def attempt(self, order: Order, means: Means, *, succeed: bool, script: Script) -> Payment:
        """Try to pay an order; raise Refusal when it is paid already."""
        with self._gateway.world.lock:
            if order.status == "paid":
                raise Refusal("The order has been paid already.", "order_id")
            order.status, order.attempts = "attempted", order.attempts + 1
            payment = self.book.add(
                Payment(
                    id=self._gateway.new_id("pay"),
                    order_id=order.id,
                    amount=order.amount,
                    currency=order.currency,
                    means=means,
                    email="payer@example.org",
                    contact="+919000090000",
                    created_at=self._gateway.now(),
                )
            )
        self._take_course(order, payment, succeed, script)
        return payment

    def capture(self, payment: Payment, amount: int, currency: str) -> None:
        """Capture an authorized payment whole; raise Refusal otherwise."""
        if amount != payment.amount or currency != payment.currency:
            raise Refusal("The amount or currency differs from what was authorized; capture the same", "amount")
        with self._gateway.world.lock:
            if payment.captured_at is not None:
                raise Refusal("This payment has already been captured")
            if payment.status != "authorized":
                raise Refusal("Only payments which have been authorized and not yet captured can be captured")
            self._capture(payment, Script("ok"), [])

    def authorize_late(self, payment: Payment, *, capture: bool) -> None:
        """Find out that the bank had authorized a failed payment after all; raise Refusal for any other."""
        with self._gateway.world.lock:
            if payment.status != "failed":
                raise Refusal(f"The payment is {payment.status}; only a failed one can be authorized late")
            self._authorize(payment, Script("ok"), capture=capture)

    def of_order(self, order: Order) -> list[Payment]:
        """Return the attempts at an order, newest first."""
        return self.book.where(lambda payment: payment.order_id == order.id)

    def _take_course(self, order: Order, payment: Payment, succeed: bool, script: Script) -> None:
        late = script.name in {"failed_then_authorized", "late_success"}
        if late or not succeed or script.name == "declined":
            self._fail(payment, script)
        else:
            capture = order.auto_capture and script.name != "authorized_only"
            with self._gateway.world.lock:
                self._authorize(payment, script, capture=capture)
        if late:
            capture = script.name == "late_success"
            seconds = self._gateway.world.settings.late_after
            self._gateway.world.timers.after(seconds, lambda: self._authorize_if_failed(payment, capture))

    def _authorize_if_failed(self, payment: Payment, capture: bool) -> None:
        if payment.status == "failed":
            self.authorize_late(payment, capture=capture)

    def _fail(self, payment: Payment, script: Script) -> None:
        payment.status = "failed"
        self._gateway.log("payment", f"{payment.id}: failed")
        self._gateway.webhooks.tell([Notice("payment.failed", {"payment": payment.entity()})], script)

    def _authorize(self, payment: Payment, script: Script, *, capture: bool) -> None:
        payment.status = "authorized"
        self._gateway.log("payment", f"{payment.id}: authorized")
        self._gateway.world.timers.after(CAPTURE_WITHIN, lambda: self._return_uncaptured(payment))
        notices = [Notice("payment.authorized", {"payment": payment.entity()})]
        if capture and self._orders.get(payment.order_id).status != "paid":
            self._capture(payment, script, notices)
        else:
            self._gateway.webhooks.tell(notices, script)

    def _capture(self, payment: Payment, script: Script, notices: list[Notice]) -> None:
        order = self._orders.get(payment.order_id)
        if order.status == "paid":
            raise Refusal("The order has been paid by another payment already.", "order_id")
        payment.status, payment.captured_at = "captured", self._gateway.now()
        fee = payment.amount * self._gateway.world.settings.razorpay_fee_basis_points // 10_000
        payment.tax = fee * _GST_PERCENT // 100
        payment.fee = fee + payment.tax
        order.status = "paid"
        self._gateway.log("payment", f"{payment.id}: captured")
        captured = Notice("payment.captured", {"payment": payment.entity()})
        paid = Notice("order.paid", {"payment": payment.entity(), "order": order.entity()})
        self._when_captured(order, payment)
        self._gateway.webhooks.tell([*notices, captured, paid], script)

    def _return_uncaptured(self, payment: Payment) -> None:
        with self._gateway.world.lock:
            if payment.status == "authorized":
                payment.status, payment.amount_refunded = "refunded", payment.amount
                self._gateway.log("payment", f"{payment.id}: not captured within three days, returned to the payer")
