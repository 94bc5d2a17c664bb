"""Route: pass money from a payment, or from the balance, to linked accounts, and take it back."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from marketcore_simulator.razorpay import fields
from marketcore_simulator.razorpay.accounts import AccountDesk
from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.fields import Document
from marketcore_simulator.razorpay.gateway import Book, Gateway
from marketcore_simulator.razorpay.orders import Order
from marketcore_simulator.razorpay.payments import Payment
from marketcore_simulator.razorpay.webhooks import Notice
from marketcore_simulator.scripts import Script

LOWEST = 100

_KNOWN = frozenset({"account", "amount", "currency", "notes", "linked_account_notes", "on_hold", "on_hold_until"})
_ENDED = ("failed", "reversed")


@dataclass
class Transfer:
    """A transfer in paise: `status` is pending, processed, failed, reversed or partially_reversed."""

    id: str
    source: str
    recipient: str
    amount: int
    notes: dict[str, str]
    on_hold: bool
    on_hold_until: int | None
    created_at: int
    status: str = "pending"
    amount_reversed: int = 0
    settled: bool = False

    @property
    def held(self) -> int:
        """Return the paise the linked account has from this transfer."""
        return 0 if self.status == "failed" else self.amount - self.amount_reversed

    def entity(self) -> dict[str, object]:
        """Return the transfer as Razorpay shows it."""
        settlement = "settled" if self.settled else ("on_hold" if self.on_hold else "pending")
        return {
            "id": self.id,
            "entity": "transfer",
            "status": self.status,
            "source": self.source,
            "recipient": self.recipient,
            "amount": self.amount,
            "currency": "INR",
            "amount_reversed": self.amount_reversed,
            "fees": 0,
            "tax": 0,
            "notes": self.notes or [],
            "linked_account_notes": [],
            "on_hold": self.on_hold,
            "on_hold_until": self.on_hold_until,
            "settlement_status": settlement if self.status == "processed" else None,
            "recipient_settlement_id": None,
            "created_at": self.created_at,
            "error": {"code": None, "description": None, "reason": None},
        }


@dataclass
class TransferReversal:
    """Money taken back from a linked account, in paise."""

    id: str
    transfer_id: str
    amount: int
    created_at: int

    def entity(self) -> dict[str, object]:
        """Return the reversal as Razorpay shows it."""
        return {
            "id": self.id,
            "entity": "reversal",
            "transfer_id": self.transfer_id,
            "amount": self.amount,
            "currency": "INR",
            "fee": 0,
            "tax": 0,
            "notes": [],
            "created_at": self.created_at,
        }


class TransferDesk:
    """Make and reverse transfers. `balance` returns the paise the merchant has on account."""

    def __init__(self, gateway: Gateway, accounts: AccountDesk, balance: Callable[[], int]) -> None:
        self._gateway = gateway
        self._accounts = accounts
        self._balance = balance
        self.book: Book[Transfer] = Book(gateway.world)
        self.reversals: Book[TransferReversal] = Book(gateway.world)

    def from_payment(self, payment: Payment, document: Document, script: Script) -> list[Transfer]:
        """Split a captured payment; raise Refusal when it is not captured or too little is left."""
        wanted = self.checked(document)
        with self._gateway.world.lock:
            if payment.status != "captured":
                raise Refusal("The payment status should be captured for action to be taken")
            left = payment.refundable - sum(made.held for made in self.of_source(payment.id))
            if sum(integer_amount(item) for item in wanted) > left:
                raise Refusal("The sum of amount requested for transfer is greater than the captured amount", "amount")
            made = [self._make(payment.id, item) for item in wanted]
        return self._settle(made, script)

    def when_captured(self, order: Order, payment: Payment) -> None:
        """Make the transfers an order asked for."""
        if order.transfers:
            made = [self._make(payment.id, item) for item in order.transfers]
            self._settle(made, self._gateway.next_course("transfers"))

    def direct(self, document: Document, script: Script) -> Transfer:
        """Transfer from the merchant's balance; raise Refusal when it does not suffice."""
        item = self._checked_item(document)
        with self._gateway.world.lock:
            if integer_amount(item) > self._balance():
                raise Refusal("Your account does not have enough balance to carry out the transfer operation.")
            made = self._make(f"acc_{'self':0>14}", item)
        return self._settle([made], script)[0]

    def checked(self, document: Document) -> list[Document]:
        """Return the transfers a request names; raise Refusal for a bad one, with nothing made."""
        items = document.get("transfers")
        if not isinstance(items, list) or not items:
            raise Refusal("The transfers field is required.", "transfers")
        return [self._checked_item(item) for item in items]

    def reverse(self, transfer: Transfer, amount: int | None) -> TransferReversal:
        """Take money back, all that is left if `amount` is None; raise Refusal when there is less."""
        with self._gateway.world.lock:
            if transfer.status not in {"processed", "partially_reversed"}:
                raise Refusal(f"The transfer is {transfer.status} and cannot be reversed")
            taken = transfer.held if amount is None else amount
            if taken > transfer.held:
                raise Refusal("The reversal amount exceeds the amount of the transfer not reversed yet", "amount")
            transfer.amount_reversed += taken
            transfer.status = "reversed" if transfer.held == 0 else "partially_reversed"
            made = TransferReversal(self._gateway.new_id("rvrsl"), transfer.id, taken, self._gateway.now())
            self._gateway.log("reversal", f"{transfer.id}: INR {taken} paise taken back")
            return self.reversals.add(made)

    def reverse_all(self, payment: Payment) -> None:
        """Take back every transfer of a payment that is refunded whole."""
        for transfer in self.of_source(payment.id):
            if transfer.status not in _ENDED:
                self.reverse(transfer, None)

    def hold(self, transfer: Transfer, document: Document) -> Transfer:
        """Change whether a transfer waits before it is settled to the linked account."""
        if transfer.settled:
            raise Refusal("The transfer has been settled already")
        transfer.on_hold = fields.flag(document, "on_hold")
        transfer.on_hold_until = _until(document)
        return transfer

    def of_source(self, source: str) -> list[Transfer]:
        """Return the transfers of a payment, newest first."""
        return self.book.where(lambda transfer: transfer.source == source)

    def _checked_item(self, item: object) -> Document:
        if not isinstance(item, dict):
            raise Refusal("The transfers field is invalid.", "transfers")
        fields.refuse_unknown(item, _KNOWN)
        account = self._accounts.book.get(item.get("account"))
        if account.activation != "activated":
            raise Refusal("Linked account is not activated for Route", "account")
        fields.integer(item, "amount", LOWEST)
        fields.rupees(item)
        fields.notes(item)
        fields.flag(item, "on_hold")
        _until(item)
        return item

    def _make(self, source: str, item: Document) -> Transfer:
        return self.book.add(
            Transfer(
                id=self._gateway.new_id("trf"),
                source=source,
                recipient=str(item["account"]),
                amount=integer_amount(item),
                notes=fields.notes(item),
                on_hold=fields.flag(item, "on_hold"),
                on_hold_until=_until(item),
                created_at=self._gateway.now(),
            )
        )

    def _settle(self, made: list[Transfer], script: Script) -> list[Transfer]:
        outcome = "failed" if script.name in {"declined", "pending_then_failed"} else "processed"
        for transfer in made:
            self._gateway.log("transfer", f"{transfer.id}: INR {transfer.amount} paise to {transfer.recipient}")
            later = self._gateway.later(script)
            self._gateway.world.timers.after(later, partial(self._end, transfer, outcome, script))
        return made

    def _end(self, transfer: Transfer, outcome: str, script: Script) -> None:
        transfer.status = outcome
        notice = Notice(f"transfer.{outcome}", {"transfer": transfer.entity()})
        self._gateway.webhooks.tell([notice], script)


def integer_amount(item: Document) -> int:
    """Return the amount of a transfer that was asked for, in paise."""
    return fields.integer(item, "amount", LOWEST)


def _until(document: Document) -> int | None:
    return fields.integer(document, "on_hold_until", 1, 2**40) if document.get("on_hold_until") else None
