"""Settlements: what the gateway pays to the merchant's bank, and the list to reconcile it with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.gateway import Book, Gateway
from marketcore_simulator.razorpay.webhooks import Notice
from marketcore_simulator.wsgi import Response, json_response

_INDIA = timezone(timedelta(hours=5, minutes=30))
_MOST_LISTED = 1000


@dataclass(frozen=True)
class Line:
    """One movement on the merchant's account in paise: a payment or a reversal credits, the rest debits."""

    entity_id: str
    type: str
    credit: int
    debit: int
    fee: int
    tax: int
    created_at: int
    detail: Mapping[str, object]


@dataclass
class Settlement:
    """One payment to the merchant's bank, in paise."""

    id: str
    amount: int
    fees: int
    tax: int
    utr: str
    lines: tuple[Line, ...]
    created_at: int

    def entity(self) -> dict[str, object]:
        """Return the settlement as Razorpay shows it."""
        return {
            "id": self.id,
            "entity": "settlement",
            "amount": self.amount,
            "status": "processed",
            "fees": self.fees,
            "tax": self.tax,
            "utr": self.utr,
            "created_at": self.created_at,
        }

    def recon_items(self) -> list[dict[str, object]]:
        """Return every line as the reconciliation list shows it."""
        return [self._recon_item(line) for line in self.lines]

    def _recon_item(self, line: Line) -> dict[str, object]:
        return {
            "entity_id": line.entity_id,
            "type": line.type,
            "debit": line.debit,
            "credit": line.credit,
            "amount": line.credit + line.debit + (line.fee if line.type == "payment" else 0),
            "currency": "INR",
            "fee": line.fee,
            "tax": line.tax,
            "on_hold": False,
            "settled": True,
            "created_at": line.created_at,
            "settled_at": self.created_at,
            "settlement_id": self.id,
            "settlement_utr": self.utr,
            **line.detail,
        }


class SettlementDesk:
    """Settle what has not been settled. `lines` returns every movement so far, oldest first."""

    def __init__(self, gateway: Gateway, lines: Callable[[], list[Line]]) -> None:
        self._gateway = gateway
        self._lines = lines
        self.book: Book[Settlement] = Book(gateway.world)

    def settle(self) -> Settlement:
        """Settle now; raise Refusal when nothing is due to the merchant."""
        with self._gateway.world.lock:
            done = {(line.entity_id, line.type) for made in self.book.all() for line in made.lines}
            lines = tuple(line for line in self._lines() if (line.entity_id, line.type) not in done)
            amount = sum(line.credit - line.debit for line in lines)
            if amount <= 0:
                raise Refusal("There is nothing to settle")
            made = self.book.add(self._made(lines, amount))
        self._gateway.log("settlement", f"{made.id}: INR {amount} paise")
        notice = Notice("settlement.processed", {"settlement": made.entity()})
        self._gateway.webhooks.tell([notice], self._gateway.next_course("settlement"))
        return made

    def recon(self, query: Mapping[str, str]) -> Response:
        """Answer with the lines settled in a month, or on one day of it (Indian time); raise Refusal for no month."""
        settled = [made for made in self.book.all()[::-1] if _on(made, query)]
        items = [item for made in settled for item in made.recon_items()]
        count, skip = _part(query, "count", 10), _part(query, "skip", 0)
        page = items[skip : skip + min(count, _MOST_LISTED)]
        return json_response({"entity": "collection", "count": len(page), "items": page})

    def _made(self, lines: tuple[Line, ...], amount: int) -> Settlement:
        return Settlement(
            id=self._gateway.new_id("setl"),
            amount=amount,
            fees=sum(line.fee for line in lines),
            tax=sum(line.tax for line in lines),
            utr=self._gateway.world.ids.digits("razorpay utr", 12),
            lines=lines,
            created_at=self._gateway.now(),
        )


def _on(settlement: Settlement, query: Mapping[str, str]) -> bool:
    at = datetime.fromtimestamp(settlement.created_at, UTC).astimezone(_INDIA)
    if (at.year, at.month) != (_part(query, "year"), _part(query, "month")):
        return False
    return "day" not in query or at.day == _part(query, "day")


def _part(query: Mapping[str, str], name: str, default: int | None = None) -> int:
    value = query.get(name, "" if default is None else str(default))
    if not (value.isascii() and value.isdecimal() and len(value) <= 6):
        raise Refusal(f"The {name} field is required and must be a number.", name)
    return int(value)
