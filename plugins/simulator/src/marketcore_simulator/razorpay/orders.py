"""Orders: what is to be paid, once, however many attempts it takes."""

from dataclasses import dataclass, field

from marketcore_simulator.razorpay import fields
from marketcore_simulator.razorpay.fields import Document
from marketcore_simulator.razorpay.gateway import Book, Gateway, listed, one
from marketcore_simulator.wsgi import Request, Response

LOWEST = 100
LONGEST_RECEIPT = 40

_KNOWN = frozenset(
    {"amount", "currency", "receipt", "notes", "partial_payment", "payment_capture", "payment", "transfers"}
)


@dataclass
class Order:
    """An order in paise: `status` is created, attempted, then paid for good."""

    id: str
    amount: int
    currency: str
    receipt: str | None
    notes: dict[str, str]
    created_at: int
    auto_capture: bool
    #: Route transfers to make when the order is paid, as they were asked for.
    transfers: list[Document] = field(default_factory=list)
    status: str = "created"
    attempts: int = 0

    def entity(self) -> dict[str, object]:
        """Return the order as Razorpay shows it."""
        paid = self.amount if self.status == "paid" else 0
        return {
            "id": self.id,
            "entity": "order",
            "amount": self.amount,
            "amount_paid": paid,
            "amount_due": self.amount - paid,
            "currency": self.currency,
            "receipt": self.receipt,
            "offer_id": None,
            "status": self.status,
            "attempts": self.attempts,
            "notes": self.notes or [],
            "created_at": self.created_at,
        }


class OrderDesk:
    """Create and show orders."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.book: Book[Order] = Book(gateway.world)

    def create(self, document: Document) -> Order:
        """Create an order; raise Refusal for a bad field. The same receipt twice makes two orders."""
        fields.refuse_unknown(document, _KNOWN)
        order = Order(
            id=self._gateway.new_id("order"),
            amount=fields.integer(document, "amount", LOWEST),
            currency=fields.rupees(document),
            receipt=fields.text(document, "receipt", LONGEST_RECEIPT),
            notes=fields.notes(document),
            created_at=self._gateway.now(),
            auto_capture=self._auto_capture(document),
        )
        self._gateway.log("order", f"{order.receipt or order.id}: INR {order.amount} paise")
        return self.book.add(order)

    def list(self, request: Request) -> Response:
        """Answer with orders, those of one receipt if it is given."""
        receipt = request.query.get("receipt")
        return listed(self.book.where(lambda order: receipt in {None, order.receipt}), request.query)

    def show(self, request: Request, order_id: str) -> Response:
        """Answer with one order."""
        return one(self.book.get(order_id))

    def _auto_capture(self, document: Document) -> bool:
        if "payment_capture" in document:
            return fields.flag(document, "payment_capture")
        if "payment" in document:
            return fields.one_of(fields.member(document, "payment"), "capture", ("automatic", "manual")) == "automatic"
        return self._gateway.world.settings.razorpay_auto_capture
