"""All desks of the Razorpay face over one gateway, and what the merchant's account holds."""

from marketcore_simulator.razorpay.accounts import AccountDesk
from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.fields import Document, flag
from marketcore_simulator.razorpay.gateway import Gateway
from marketcore_simulator.razorpay.orders import Order, OrderDesk
from marketcore_simulator.razorpay.payees import PayeeDesk
from marketcore_simulator.razorpay.payments import Payment, PaymentDesk
from marketcore_simulator.razorpay.payouts import PayoutDesk
from marketcore_simulator.razorpay.refunds import Refund, RefundDesk
from marketcore_simulator.razorpay.settlements import Line, Settlement, SettlementDesk
from marketcore_simulator.razorpay.transfers import TransferDesk
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World


class Merchant:
    """The one merchant of this face and everything it has."""

    def __init__(self, world: World) -> None:
        self.gateway = Gateway(world)
        self.orders = OrderDesk(self.gateway)
        self.accounts = AccountDesk(self.gateway)
        self.transfers = TransferDesk(self.gateway, self.accounts, self.balance)
        self.payments = PaymentDesk(self.gateway, self.orders.book, self.transfers.when_captured)
        self.refunds = RefundDesk(self.gateway, self.payments)
        self.payees = PayeeDesk(self.gateway)
        self.payouts = PayoutDesk(self.gateway, self.payees)
        self.settlements = SettlementDesk(self.gateway, self.lines)

    def create_order(self, document: Document) -> Order:
        """Create an order with the transfers it asks for; raise Refusal before either exists."""
        transfers = self.transfers.checked(document) if "transfers" in document else []
        order = self.orders.create(document)
        order.transfers = transfers
        return order

    def refund(self, payment: Payment, document: Document, script: Script) -> Refund:
        """Refund a payment and, if asked, take its transfers back; raise Refusal when that cannot be."""
        reverse_all = flag(document, "reverse_all")
        whole = document.get("amount") in {None, payment.refundable}
        if reverse_all and not whole and len(self.transfers.of_source(payment.id)) > 1:
            raise Refusal("reverse_all is not possible for a partial refund of several transfers", "reverse_all")
        refund = self.refunds.create(payment, document, script)
        if reverse_all:
            self.transfers.reverse_all(payment)
        return refund

    def balance(self) -> int:
        """Return the paise on the merchant's account that have not been settled to the bank."""
        settled = sum(made.amount for made in self.settlements.book.all())
        refunding = sum(refund.amount for refund in self.refunds.book.all() if refund.status == "pending")
        passing = sum(made.amount for made in self.transfers.book.all() if made.status == "pending")
        return sum(line.credit - line.debit for line in self.lines()) - settled - refunding - passing

    def settle(self) -> Settlement:
        """Settle with the merchant's bank, and with the sellers' unless their transfers are on hold."""
        made = self.settlements.settle()
        for transfer in self.transfers.book.all():
            waits = transfer.on_hold and (transfer.on_hold_until or 2**40) > made.created_at
            transfer.settled = transfer.settled or (transfer.status == "processed" and not waits)
        return made

    def lines(self) -> list[Line]:
        """Return every movement on the merchant's account, oldest first."""
        found = [*self._payment_lines(), *self._refund_lines(), *self._transfer_lines()]
        return sorted(found, key=lambda line: line.created_at)

    def clear(self) -> None:
        """Forget everything."""
        desks = (self.orders, self.accounts, self.transfers, self.payments, self.refunds, self.settlements)
        books = [desk.book for desk in desks]
        for book in (*books, self.transfers.reversals, self.payees.contacts, self.payees.fund_accounts):
            book.clear()
        self.payouts.clear()
        self.gateway.webhooks.clear()

    def _payment_lines(self) -> list[Line]:
        return [
            Line(
                payment.id,
                "payment",
                payment.amount - payment.fee,
                0,
                payment.fee,
                payment.tax,
                payment.captured_at,
                self._about(payment),
            )
            for payment in self.payments.book.all()
            if payment.captured_at is not None
        ]

    def _refund_lines(self) -> list[Line]:
        return [
            Line(refund.id, "refund", 0, refund.amount, 0, 0, refund.created_at, {"payment_id": refund.payment_id})
            for refund in self.refunds.book.all()
            if refund.status == "processed"
        ]

    def _transfer_lines(self) -> list[Line]:
        out = [
            Line(made.id, "transfer", 0, made.amount, 0, 0, made.created_at, {"payment_id": made.source})
            for made in self.transfers.book.all()
            if made.status not in {"pending", "failed"}
        ]
        back = [
            Line(made.id, "reversal", made.amount, 0, 0, 0, made.created_at, {"transfer_id": made.transfer_id})
            for made in self.transfers.reversals.all()
        ]
        return [*out, *back]

    def _about(self, payment: Payment) -> dict[str, object]:
        order = self.orders.book.get(payment.order_id)
        return {
            "payment_id": payment.id,
            "order_id": order.id,
            "order_receipt": order.receipt,
            "method": payment.means.method,
        }
