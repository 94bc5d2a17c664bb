"""RazorpayX: payouts from the merchant's account to fund accounts."""

from collections.abc import Mapping
from dataclasses import dataclass

from marketcore_simulator.razorpay import credentials, fields
from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.fields import Document
from marketcore_simulator.razorpay.gateway import Book, Gateway
from marketcore_simulator.razorpay.payees import FundAccount, PayeeDesk
from marketcore_simulator.razorpay.webhooks import Notice
from marketcore_simulator.scripts import Script

LOWEST = 100
MODES = {"bank_account": ("NEFT", "RTGS", "IMPS"), "vpa": ("UPI",)}
PURPOSES = ("refund", "cashback", "payout", "salary", "utility bill", "vendor bill")
#: Paise the account holds when the simulator starts.
OPENING_BALANCE = 10_000_000

#: Where a payout may go from each state; `reversed` after `processed` comes days later, if it comes.
MOVES: Mapping[str, tuple[str, ...]] = {
    "pending": ("queued", "processing", "rejected"),
    "queued": ("processing", "cancelled"),
    "processing": ("processed", "reversed", "failed"),
    "processed": ("reversed",),
    "rejected": (),
    "cancelled": (),
    "reversed": (),
    "failed": (),
}
#: The states in which the money has left the account.
_SPENT = frozenset({"processing", "processed"})
_EVENTS = {"processing": "initiated"}

_KNOWN = frozenset(
    "account_number fund_account_id amount currency mode purpose queue_if_low_balance reference_id "
    "narration notes".split()
)


@dataclass
class Payout:
    """A payout in paise; `status` is a key of `MOVES` as soon as it is in a book, `spent` while the money is out."""

    id: str
    fund_account_id: str
    amount: int
    mode: str
    purpose: str
    reference_id: str | None
    narration: str | None
    notes: dict[str, str]
    created_at: int
    status: str = "created"
    spent: bool = False
    utr: str | None = None
    reason: str | None = None

    def entity(self) -> dict[str, object]:
        """Return the payout as Razorpay shows it."""
        return {
            "id": self.id,
            "entity": "payout",
            "fund_account_id": self.fund_account_id,
            "amount": self.amount,
            "currency": "INR",
            "notes": self.notes or [],
            "fees": 0,
            "tax": 0,
            "status": self.status,
            "purpose": self.purpose,
            "utr": self.utr,
            "mode": self.mode,
            "reference_id": self.reference_id,
            "narration": self.narration,
            "batch_id": None,
            "failure_reason": self.reason,
            "status_details": {"reason": self.reason, "description": self.reason, "source": "beneficiary_bank"},
            "created_at": self.created_at,
        }


class PayoutDesk:
    """Pay out of the balance, wait in a queue for it, and follow each payout to its end and past it."""

    def __init__(self, gateway: Gateway, payees: PayeeDesk) -> None:
        self._gateway = gateway
        self._payees = payees
        self.book: Book[Payout] = Book(gateway.world)
        self.balance = OPENING_BALANCE

    def create(self, document: Document, script: Script | None) -> Payout:
        """Begin a payout; raise Refusal for a bad field, or for too little money unless it may be queued."""
        payout, payee = self._read(document)
        course = self._gateway.course(script, payout.reference_id, payee.address)
        with self._gateway.world.lock:
            short = payout.amount > self.balance or course.name == "insufficient"
            if short and not fields.flag(document, "queue_if_low_balance"):
                raise Refusal("Your account does not have enough balance to carry out the payout operation.")
            self._gateway.log("payout", f"{payout.id}: INR {payout.amount} paise to {payee.address}")
            self.book.add(payout)
            self._begin(payout, course, short)
        return payout

    def move(self, payout: Payout, state: str, script: Script | None = None, reason: str | None = None) -> None:
        """Move a payout on; raise Refusal when `MOVES` does not allow it."""
        with self._gateway.world.lock:
            if state not in MOVES[payout.status]:
                raise Refusal(f"A payout that is {payout.status} cannot become {state}")
            self._enter(payout, state, script or Script("ok"), reason)

    def cancel(self, payout: Payout) -> None:
        """Cancel a payout that waits in the queue; raise Refusal for any other."""
        if payout.status != "queued":
            raise Refusal("Only queued payouts can be cancelled")
        self.move(payout, "cancelled")

    def deposit(self, balance: int) -> None:
        """Put the balance at this many paise; what waits in the queue goes out while it lasts."""
        with self._gateway.world.lock:
            self.balance = balance
            for payout in self.book.where(lambda payout: payout.status == "queued")[::-1]:
                if payout.amount <= self.balance:
                    self._enter(payout, "processing", Script("ok"), None)
                    self._finish_later(payout, Script("ok"))

    def clear(self) -> None:
        """Forget every payout and return to the opening balance."""
        self.book.clear()
        self.balance = OPENING_BALANCE

    def _begin(self, payout: Payout, script: Script, short: bool) -> None:
        if short:
            self._enter(payout, "queued", script, "low_balance")
        elif script.name == "pending_then_succeeded":
            self._enter(payout, "pending", script, None)
            self._gateway.world.timers.after(self._gateway.later(script), lambda: self._approve(payout, script))
        else:
            self._enter(payout, "processing", script, None)
            self._finish_later(payout, script)

    def _approve(self, payout: Payout, script: Script) -> None:
        if payout.status == "pending":
            self.move(payout, "processing", script)
            self._finish_later(payout, script)

    def _finish_later(self, payout: Payout, script: Script) -> None:
        self._gateway.world.timers.after(self._gateway.later(script), lambda: self._finish(payout, script))

    def _finish(self, payout: Payout, script: Script) -> None:
        if payout.status != "processing":
            return  # a control call was quicker
        if script.name in {"declined", "pending_then_failed"}:
            state = "reversed" if script.name == "declined" else "failed"
            self.move(payout, state, script, "beneficiary_bank_rejected")
            return
        self.move(payout, "processed", script)
        if script.name == "late_reversed":
            seconds = self._gateway.world.settings.late_after
            self._gateway.world.timers.after(seconds, lambda: self._reverse_late(payout, script))

    def _reverse_late(self, payout: Payout, script: Script) -> None:
        if payout.status == "processed":
            self.move(payout, "reversed", script, "beneficiary_bank_returned")

    def _enter(self, payout: Payout, state: str, script: Script, reason: str | None) -> None:
        spent = state in _SPENT
        if spent != payout.spent:
            self.balance += -payout.amount if spent else payout.amount
        payout.status, payout.reason, payout.spent = state, reason, spent
        if state == "processed":
            payout.utr = self._gateway.world.ids.digits("razorpay utr", 12)
        self._gateway.log("payout", f"{payout.id}: {state}")
        notice = Notice(f"payout.{_EVENTS.get(state, state)}", {"payout": payout.entity()})
        self._gateway.webhooks.tell([notice], script)

    def _read(self, document: Document) -> tuple[Payout, FundAccount]:
        fields.refuse_unknown(document, _KNOWN)
        if fields.required(document, "account_number") != credentials.PAYOUT_ACCOUNT_NUMBER:
            raise Refusal("The account number is invalid", "account_number")
        payee = self._payees.fund_accounts.get(document.get("fund_account_id"))
        fields.rupees(document)
        payout = Payout(
            id=self._gateway.new_id("pout"),
            fund_account_id=payee.id,
            amount=fields.integer(document, "amount", LOWEST),
            mode=fields.one_of(document, "mode", MODES[payee.account_type]),
            purpose=fields.one_of(document, "purpose", PURPOSES),
            reference_id=fields.text(document, "reference_id", 40),
            narration=fields.text(document, "narration", 30),
            notes=fields.notes(document),
            created_at=self._gateway.now(),
        )
        return payout, payee
