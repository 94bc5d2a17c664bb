"""What M-Pesa has done: every transaction with a receipt, and the organisation's balances."""

from dataclasses import dataclass
from datetime import datetime

from marketcore_simulator.world import World

#: KES the organisation can pay out when the simulator starts.
OPENING_BALANCE = 1_000_000


@dataclass
class Transaction:
    """One completed movement of whole KES; `kind` is stk, c2b, b2c or reversal.

    `reference` is AccountReference, BillRefNumber or the conversation of an instruction.
    """

    receipt: str
    kind: str
    amount: int
    phone: str
    reference: str
    at: datetime
    reversed: bool = False

    @property
    def incoming(self) -> bool:
        """Tell whether a customer paid the organisation, which alone can be reversed."""
        return self.kind in {"stk", "c2b"}

    @property
    def status(self) -> str:
        """Return what Daraja calls its state."""
        return "Reversed" if self.reversed else "Completed"

    def as_document(self) -> dict[str, object]:
        """Return the transaction as JSON members."""
        return {
            "receipt": self.receipt,
            "kind": self.kind,
            "amount": self.amount,
            "phone": self.phone,
            "reference": self.reference,
            "at": self.at.isoformat(),
            "status": self.status,
        }


class TransactionBook:
    """Record transactions and keep the balances they leave: `working` takes payments, `utility` pays out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._transactions: dict[str, Transaction] = {}
        self.working = 0
        self.utility = OPENING_BALANCE

    def record(self, kind: str, receipt: str, amount: int, phone: str, reference: str) -> Transaction:
        """Write a transaction down and move the money; the caller has seen that there is enough."""
        with self._world.lock:
            made = Transaction(receipt, kind, amount, phone, reference, self._world.clock.now())
            self._transactions[receipt] = made
            if kind == "b2c":
                self.utility -= amount
            else:
                self.working += amount if made.incoming else -amount
            return made

    def find(self, receipt: str) -> Transaction | None:
        """Return the transaction with this receipt, if there is one."""
        with self._world.lock:
            return self._transactions.get(receipt)

    def all(self) -> list[Transaction]:
        """Return every transaction, oldest first."""
        with self._world.lock:
            return list(self._transactions.values())

    def balances(self) -> dict[str, int]:
        """Return both balances in whole KES."""
        with self._world.lock:
            return {"utility": self.utility, "working": self.working}

    def set_balances(self, utility: int, working: int) -> None:
        """Put other amounts on the accounts."""
        with self._world.lock:
            self.utility, self.working = utility, working

    def clear(self) -> None:
        """Forget every transaction and return to the opening balances."""
        with self._world.lock:
            self._transactions.clear()
            self.working, self.utility = 0, OPENING_BALANCE
