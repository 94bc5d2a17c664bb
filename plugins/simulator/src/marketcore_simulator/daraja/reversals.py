"""Give a customer's payment back, once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from marketcore_simulator.daraja import credentials, fields
from marketcore_simulator.daraja.callbacks import NAIROBI
from marketcore_simulator.daraja.initiators import read_initiator
from marketcore_simulator.daraja.instructions import Instructions
from marketcore_simulator.daraja.results import Findings
from marketcore_simulator.daraja.transactions import Transaction, TransactionBook
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response

RECEIPT = re.compile(r"[A-Za-z0-9]{4,20}")


@dataclass(frozen=True)
class _Order:
    receipt: str
    amount: int
    authorised: bool


class ReversalDesk:
    """Reverse what customers paid, each payment once; there is no caller's key to guard a repetition."""

    def __init__(self, world: World, book: TransactionBook, instructions: Instructions) -> None:
        self._world = world
        self._book = book
        self._instructions = instructions

    def request(self, document: Mapping[str, object], script: Script | None) -> Response:
        """Accept a reversal; raise Refusal for a bad field."""
        order = _read(document)
        talk = self._instructions.conversation(document)
        name = f"reversal of {order.receipt}"
        self._world.log.add("daraja", "reversal", name, conversation_id=talk.conversation_id)
        return self._instructions.accept(talk, name, lambda forced: self._reverse(order, forced), script)

    def _reverse(self, order: _Order, forced: str | None) -> Findings:
        receipt = self._world.ids.letters("receipt", 10)
        original = self._book.find(order.receipt)
        code = forced or self._obstacle(order, original)
        if code is not None or original is None:
            return Findings(code or "R000002", receipt)
        original.reversed = True
        made = self._book.record("reversal", receipt, order.amount, original.phone, original.receipt)
        return Findings("0", receipt, self._parameters(made))

    def _obstacle(self, order: _Order, original: Transaction | None) -> str | None:
        if not order.authorised:
            return "2001"
        if original is None or not original.incoming:
            return "R000002"
        if original.reversed:
            return "R000001"
        if not self._fits(order.amount, original.amount):
            return "2028"
        return "1" if order.amount > self._book.working else None

    def _fits(self, asked: int, paid: int) -> bool:
        return asked == paid or (asked < paid and self._world.settings.partial_reversals)

    def _parameters(self, made: Transaction) -> list[tuple[str, object]]:
        return [
            ("DebitAccountBalance", f"Working Account|KES|{self._book.working}.00|{self._book.working}.00|0.00|0.00"),
            ("Amount", Decimal(made.amount)),
            ("TransCompletedTime", int(f"{made.at.astimezone(NAIROBI):%Y%m%d%H%M%S}")),
            ("OriginalTransactionID", made.reference),
            ("Charge", Decimal(0)),
            ("CreditPartyPublicName", f"{made.phone} - JANE DOE"),
            ("DebitPartyPublicName", f"{credentials.SHORTCODE} - DEMO SHOP"),
        ]


def _read(document: Mapping[str, object]) -> _Order:
    authorised = read_initiator(document, "Initiator")
    fields.one_of(document, "CommandID", ("TransactionReversal",))
    fields.one_of(document, "ReceiverParty", (credentials.SHORTCODE,))
    fields.one_of(document, "RecieverIdentifierType", ("11",))
    fields.text(document, "Remarks", 2, 100)
    fields.text(document, "Occasion", 0, 100)
    return _Order(
        receipt=fields.matching(document, "TransactionID", RECEIPT),
        amount=fields.amount(document, 1, 10**9),
        authorised=authorised,
    )
