"""What the pull service lists: payments that customers made, whatever became of their callbacks.

Pure. The list comes as an answer to an authenticated question, so unlike a callback it can be believed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from marketcore_payments_mpesa.numbers import NAIROBI, amount_kes, description, mapping, opaque_reference


@dataclass(frozen=True, slots=True)
class PulledPayment:
    """One payment: `bill_reference` is the AccountReference of a prompt, or what the payer typed; `amount` is KES."""

    receipt: str
    bill_reference: str
    amount: Decimal
    at: datetime

    def names(self, code: str) -> bool:
        """Tell whether the payer meant `code`, in whatever case it was typed."""
        return self.bill_reference.strip().upper() == code.upper()


def read_page(answer: Mapping[str, object]) -> list[PulledPayment]:
    """Read one page of payments; raise ValueError naming what does not fit.

    Shape: {"Response": [[{transactionId, trxDate, msisdn, transactiontype, billreference, amount, …}]]}, seen also
    without the inner list (Daraja, Pull Transactions).
    """
    listed = answer.get("Response")
    if not isinstance(listed, list):
        raise ValueError("Response is not a list")
    return [_payment(mapping(row, "a row")) for row in _flat(listed)]


def _flat(listed: Iterable[object]) -> Iterable[object]:
    for entry in listed:
        if isinstance(entry, list):
            yield from entry
        else:
            yield entry


def _payment(row: Mapping[str, object]) -> PulledPayment:
    amount = amount_kes(row.get("amount"))
    if amount is None:
        raise ValueError("a row has no amount")
    return PulledPayment(
        receipt=opaque_reference(row.get("transactionId"), "transactionId"),
        bill_reference=description(row.get("billreference"), "billreference"),
        amount=amount,
        at=_moment(row.get("trxDate")),
    )


def _moment(value: object) -> datetime:
    """Read a time with an offset, or one without as Nairobi time."""
    try:
        moment = datetime.fromisoformat(description(value, "trxDate"))
    except ValueError:
        raise ValueError("trxDate is not a date and time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=NAIROBI)
